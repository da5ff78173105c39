"""A whole command done by a worker: its options as they were given, its input files, and what it wrote."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import InputError
from snn2hw.calls.call import IN, OUT, CommandCall

if TYPE_CHECKING:
    from snn2hw.cluster.client import Cluster

__all__ = ["done_there"]

HERE = frozenset({"scheduler", "json", "output"})
"""Options that mean something here, and nothing to the worker."""


def done_there(
    cluster: "Cluster", verb: str, args: argparse.Namespace, written: str
) -> tuple[Mapping[str, Any], bytes]:
    """Have a worker do a command that writes one file, called ``written`` there; return its document and the file."""
    from snn2hw.cluster.called import call_there
    from snn2hw.commands import parser_of

    words, files = [verb], dict[str, Path]()
    for action in parser_of(verb)[0]._actions:
        value = getattr(args, action.dest, None)
        if action.dest in HERE or value is None or value == action.default:
            continue
        said = _said(value, files)
        words += [*action.option_strings[-1:], *([said] if action.nargs != 0 else [])]
    call = CommandCall(((*words, "--output", f"{OUT}/{written}"),))
    documents, back = call_there(cluster, call, list(files.values()), [written])
    return documents[0], back[written]


def _said(value: Any, files: dict[str, Path]) -> str:
    """Return the word of a value; a file is sent, and named by where it will be."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    path = Path(str(value))
    if not isinstance(value, str | Path) or not path.is_file():
        return str(value)
    if files.setdefault(path.name, path).resolve() != path.resolve():
        raise InputError(f"{path}: another input file has this name", "give the files different names")
    return f"{IN}{path.name}"
