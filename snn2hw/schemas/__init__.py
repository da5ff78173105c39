"""JSON Schemas of every document the commands answer with or write: one file each, named by what it describes.

A schema is named NAME/VERSION. Within a version keys are only added, and a reader may rely on those that are required;
whatever else changes raises the version.
"""

import json
from importlib.resources import files
from typing import Any

from sim.cures import one_of
from sim.errors import InputError

__all__ = ["get_schema", "schema_names"]

SUFFIX = ".schema.json"


def schema_names() -> tuple[str, ...]:
    """Return what there is a schema of."""
    found = (path.name for path in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(SUFFIX) for name in found if name.endswith(SUFFIX)))


def get_schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a document, by what it describes or by the name that it states itself.

    >>> get_schema("snn2hw.verdict/1")["$id"]
    'urn:snn2hw:verdict:1'
    """
    short = name.removeprefix("snn2hw.").partition("/")[0]
    if short not in schema_names():
        raise InputError(f"there is no schema {name!r}", one_of(short, schema_names()))
    found: dict[str, Any] = json.loads((files(__name__) / f"{short}{SUFFIX}").read_text(encoding="utf-8"))
    return found
