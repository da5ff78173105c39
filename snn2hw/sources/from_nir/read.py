"""Read the NIR of any framework into a `Source` with its exact meaning."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from exporters.program_file import is_program_file
from sim.border import bordered
from sim.errors import InputError
from snn2hw.problems import Problem, refuse
from snn2hw.sources.from_nir.dialect_rules import unit_input_of_if
from snn2hw.sources.from_nir.dialects import Dialect, dialect_of
from snn2hw.sources.from_nir.file import read_raw
from snn2hw.sources.from_nir.raw import RawGraph, build, flatten, from_memory
from snn2hw.sources.from_nir.repairs import repair_shapes
from snn2hw.sources.from_nir.said import check_said
from snn2hw.sources.graph import assemble
from snn2hw.sources.semantics import Reset, Scheme
from snn2hw.sources.shapes import NEURON_FIELDS, is_neuron
from snn2hw.sources.source import Source

if TYPE_CHECKING:
    import nir

__all__ = ["SPOKEN", "from_nir"]

SPOKEN = "snn2hw_"
"""Graph metadata under this prefix says what NIR leaves open: dt, scheme, reset, dialect. `to_nir` writes it."""

RESETS = {"value": "to v_reset", "subtract": "by subtraction", "none": "none"}

SAME_DT = 1e-4
"""How far a dt that a file betrays may be from the one that is asked for, relative: files hold float32."""


@bordered("no network can be read from it", "export the network again")
def from_nir(
    network: "Path | str | nir.NIRGraph",
    *,
    dt: float | None = None,
    dialect: str | None = None,
    scheme: Scheme | None = None,
    reset: Reset | None = None,
) -> Source:
    """Return the Source that a NIR file, or a NIRGraph in memory, stands for.

    What an argument says counts; else what the file says, then what the dialect supplies. Without a dialect the
    plain reading ``nir`` is used: Euler at ``dt``, reset to v_reset, strict >. dt has no default. What was repaired or
    assumed stands in the Source's ``notes``.
    """
    in_file = isinstance(network, (str, Path))
    if in_file and is_program_file(cast("str", network)):
        what = f"{network}: is a compiled program, not a float network"
        raise InputError(what, "give it to `snn2hw run`, or to snn2hw.read_program")
    raw = read_raw(cast("str", network)) if in_file else from_memory(network)
    name = Path(cast("str", network)).name if in_file else "graph in memory"
    said = {k.removeprefix(SPOKEN): _plain(v) for k, v in raw.metadata.items() if k.startswith(SPOKEN)}
    check_said(name, said)
    rules = dialect_of(dialect or str(said.get("dialect", "nir")))
    origin = f"nir: {name} ({rules.name})"
    notes: list[str] = []
    graph = _typed_graph(raw, origin, notes)
    step, why = _dt(rules, graph, dt, said.get("dt"), origin)
    if why:
        notes.append(f"dt = {step:g} s, {why}")
    how = scheme or cast("Scheme", said.get("scheme", rules.scheme))
    reset_rule = reset or cast("Reset", said.get("reset", rules.reset))
    if dialect is None and "dialect" not in said:
        plain = f"read as plain NIR: {how} at {step:g} s, reset {RESETS[reset_rule]}, fires at v > v_threshold"
        notes.insert(0, f"{plain}; name a dialect if a framework wrote it")
    if not said:
        notes += rules.adapt(graph, step, how, reset_rule)
    elif said.get("reader", "any") != "any":
        unit_input_of_if(graph, step)
    return Source(graph, step, how, reset_rule, origin, semantics=rules.semantics, notes=tuple(notes))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, (np.ndarray, np.generic)) and np.ndim(value) == 0 else value


def _typed_graph(raw: RawGraph, origin: str, notes: list[str]) -> "nir.NIRGraph":
    rawest, edges = flatten(raw)
    built = {name: build(name, node) for name, node in rawest.items()}
    refuse(origin, [node for node in built.values() if isinstance(node, Problem)])
    nodes = {name: node for name, node in built.items() if not isinstance(node, Problem)}
    repair_shapes(nodes, edges, notes)
    graph = assemble(nodes, edges, origin)
    graph.metadata = {}
    bare = [n for n, node in rawest.items() if "v_threshold" in node.fields and "v_reset" not in node.fields]
    _note(notes, bare, "v_reset is not in the file (older NIR has none), read as 0")
    grown = [n for n, x in graph.nodes.items() if is_neuron(x) and _size(nodes[n]) == 1 < _size(x)]
    _note(notes, grown, "the exporter wrote no size, taken from the node's source")
    return graph


def _size(node: "nir.NIRNode") -> int:
    return int(np.size(getattr(node, NEURON_FIELDS[type(node).__name__][0])))


def _note(notes: list[str], names: list[str], what: str) -> None:
    if names:
        notes.append(f"node{'s'[: len(names) != 1]} {', '.join(map(repr, names))}: {what}")


def _dt(rules: Dialect, graph: "nir.NIRGraph", asked: float | None, said: Any, origin: str) -> tuple[float, str]:
    """Return the step in seconds and where it comes from, "" if it was asked for.

    What is asked for comes first, then what the file says or its parameters betray, then what the exporter fixes.
    """
    betrayed = rules.written_dt(graph) if said is None else float(said)
    if asked is not None:
        if betrayed is not None and abs(asked - betrayed) > SAME_DT * abs(betrayed):
            what = f"{origin}: was written with dt = {betrayed:g} s, asked for is {asked:g} s"
            raise InputError(what, f"give dt={betrayed:g}, or read it with the dialect nir")
        return float(asked), ""
    for value, why in ((betrayed, "from the file"), (rules.dt, f"fixed in the exporter of {rules.name}")):
        if value is not None:
            return float(value), why
    raise InputError(f"{origin}: NIR does not say the time step", "give it in seconds, for example dt=1e-3 (--dt 1e-3)")
