"""The program file: a legal NIR graph from which exactly one Program comes back, or an error.

The graph's metadata hold the schema, the digest and a header in JSON; the neurons' metadata hold the registers; weights
stand in the nodes that use them. Reading trusts none of it: the structure passes the border, the Program is built and
validated, its digest is compared, and then the graph is made again from the Program and compared node by node, so that
no part of the file can contradict another.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from exporters.hdf5_border import open_checked
from exporters.nir_export.graph import graph_of
from exporters.nir_export.header import dump_json, header_of, load_json, program_from
from exporters.nir_export.node import NirGraph, Style, Value, graph_difference
from exporters.nir_export.store import load, save
from exporters.nir_export.views import choose_views
from sim.border import reason_of
from sim.digest import canonical_record
from sim.errors import FileError, InputError, Snn2hwError
from sim.files import atomic_write
from sim.program import Json, Program, require_program

__all__ = [
    "SCHEMA",
    "ProgramFile",
    "is_program_file",
    "read_damaged",
    "read_program",
    "read_program_file",
    "write_program",
]

SCHEMA = "snn2hw.program/1"
"""Changes whenever `graph_of` writes the same Program differently: reading compares against it."""

DAMAGED = "fetch the file again, or compile the network again"


@dataclass(frozen=True)
class ProgramFile:
    """A Program and what travels with it: JSON by name, such as "certificate" and "quantization"."""

    program: Program
    attachments: Mapping[str, Json] = field(default_factory=dict)


def write_program(program: Program, path: Path | str, *, attachments: Mapping[str, Json] | None = None) -> None:
    """Write a program file, the whole file or nothing; an attachment with a ``digest`` must be of this Program."""
    require_program(program)
    graph = _file_graph(program, canonical_record(attachments or {}))
    with atomic_write(path) as temporary:
        save(graph, temporary)


def read_program(path: Path | str) -> Program:
    """Read the Program of a program file; its digest is the one that was written."""
    return read_program_file(path).program


def read_program_file(path: Path | str) -> ProgramFile:
    """Read the Program and what travels with it."""
    found = _load(path)
    with _naming(path):
        return _checked(found)


def read_damaged(path: Path | str) -> Program:
    """Read the Program that a file holds, whatever it says it holds: to tell where it was damaged."""
    found = _load(path)
    with _naming(path):
        return _program(found)


def is_program_file(path: Path | str) -> bool:
    """Tell whether `read_program` is the way to read this; False for anything that cannot be looked into."""
    try:
        with open_checked(path) as file:
            schema = file["node/metadata/schema"][()]
    except InputError:
        return False
    return isinstance(schema, bytes) and schema.startswith(b"snn2hw.program/")


def _load(path: Path | str) -> NirGraph:
    found = load(path)
    schema = found.metadata.get("schema")
    if not isinstance(schema, str) or schema != SCHEMA:
        what = "is a NIR graph, but no program file" if schema is None else f"has schema {schema!r}, not {SCHEMA!r}"
        raise FileError(f"{path}: {what}", "compile it: snn2hw compile MODEL -o PROGRAM.nir")
    return found


@contextmanager
def _naming(path: Path | str) -> Iterator[None]:
    """Name the file in what is wrong with its contents."""
    try:
        yield
    except Snn2hwError as error:
        raise FileError(f"{path}: {error.what}", error.fix or DAMAGED) from None
    except Exception as error:
        raise FileError(f"{path}: the header is absurd ({reason_of(error)})", DAMAGED) from error


def _program(found: NirGraph) -> Program:
    return program_from(load_json(found.metadata.get("program"), "header"), found.nodes)


def _checked(found: NirGraph) -> ProgramFile:
    program = _program(found)
    stated = found.metadata.get("digest")
    if not isinstance(stated, str) or program.digest != stated:
        raise FileError(f"holds the program {program.digest}, but says {stated}: it was damaged or edited")
    attachments = load_json(found.metadata.get("attachments", "{}"), "attachments")
    difference = graph_difference(found, _file_graph(program, attachments))
    if difference is not None:
        raise FileError(f"{difference} contradicts the program: the file was damaged or edited")
    return ProgramFile(program, attachments)


def _file_graph(program: Program, attachments: Mapping[str, Json]) -> NirGraph:
    views = choose_views(program)
    metadata: dict[str, Value] = {
        "schema": SCHEMA,
        "digest": program.digest,
        "time_unit": "step",
        "type_check": int(views.typed),
        "program": dump_json(header_of(program)),
    }
    for name, value in attachments.items():
        if isinstance(value, dict) and value.get("digest", program.digest) != program.digest:
            raise InputError(f"attachment {name!r} is of another program", "attach what was made for this one")
    if attachments:
        text = dump_json(dict(attachments))
        metadata |= {"attachments": text, "attachments_sha256": hashlib.sha256(text.encode()).hexdigest()}
    graph = graph_of(program, Style(), views)
    return NirGraph(graph.nodes, graph.edges, metadata)
