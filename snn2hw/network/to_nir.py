"""Write a Source as NIR that other tools read as it is meant.

NIR's equations under Euler at the Source's dt are the Source's own steps: an exponential scheme is rewritten as the
Euler scheme of the same decays. What NIR cannot say (dt, reset, initial potentials, order of events) goes into
metadata, from which `from_nir` builds the same Source again; `unsaid` lists what another reader will not do.
"""

import copy
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.network.square import squared
from snn2hw.problems import Problem, refuse
from snn2hw.sources.from_nir import SPOKEN
from snn2hw.sources.graph import Edge, shape_in, shape_out
from snn2hw.sources.semantics import Semantics
from snn2hw.sources.source import Source, require_source, reset_of

if TYPE_CHECKING:
    import nir

__all__ = ["Reader", "to_nir", "unsaid", "write_nir"]

Reader = Literal["any", "norse", "snntorch", "spikingjelly"]
"""For whom a file is written. Norse ignores r of a LIF and of an IF (both must be 1) and v_reset; snnTorch wants
r = tau / dt, w_in = tau_syn / dt and dt = 1e-4, and ignores v_reset; SpikingJelly wants r and w_in likewise, and
r = 1 / dt of an IF. Potentials of spiking neurons are scaled and moved until that is so, which changes no spike; an IF
with r = 1 in such a file means an input of weight 1, which only these readers and `from_nir` understand."""

SNNTORCH_DT = 1e-4


@dataclass(frozen=True)
class _Gains:
    """What a reader takes for granted: r (and w_in) such that one, or tau / dt; an IF's r; that v_reset is 0."""

    r: Literal["free", "one", "tau"]
    integrator: Literal["free", "one", "per_step"]
    v_reset: bool


_READERS: dict[Reader, _Gains] = {
    "any": _Gains(r="free", integrator="free", v_reset=True),
    "norse": _Gains(r="one", integrator="one", v_reset=False),
    "snntorch": _Gains(r="tau", integrator="one", v_reset=False),
    "spikingjelly": _Gains(r="tau", integrator="per_step", v_reset=True),
}


KEPT = ("v0", "reset", "reset_at", "refractory", "most")
"""What a neuron's metadata say beside NIR's own fields."""


def to_nir(source: Source, *, reader: Reader = "any") -> "nir.NIRGraph":
    """Return a NIRGraph that passes NIR's own type check, with shapes on every node, for ``reader``."""
    import nir

    require_source(source)
    if reader not in _READERS:
        raise InputError(f"there is no reader {reader!r}", f"use one of {', '.join(_READERS)}")
    dt = SNNTORCH_DT if reader == "snntorch" else source.dt
    names = _legal_names(list(source.nodes))
    nodes = {names[name]: _written(source, name, _READERS[reader], dt) for name in source.nodes}
    edges = [(names[a], names[b]) for a, b in source.graph.edges]
    _reshape(source, nodes, edges, names)
    graph = nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)
    graph.metadata = {
        f"{SPOKEN}dt": dt,
        f"{SPOKEN}scheme": "euler",
        f"{SPOKEN}reset": source.reset,
        f"{SPOKEN}dialect": source.semantics.name,
        f"{SPOKEN}reader": reader,
    }
    return graph


def write_nir(source: Source, path: Path | str, *, reader: Reader = "any") -> tuple[str, ...]:
    """Write ``to_nir(source)`` to a file, whole or not at all; return what other readers cannot know."""
    import nir

    from sim.files import check_output, write_bytes

    check_output(path)
    made = io.BytesIO()  # the HDF5 library must not meet a full disk
    nir.write(made, to_nir(source, reader=reader))
    write_bytes(path, made.getbuffer())
    return unsaid(source)


def unsaid(source: Source) -> tuple[str, ...]:
    """Return what the written file says only in metadata, or not at all in NIR's own terms."""
    plain = Semantics()
    rules = source.semantics
    found = [
        f"{what}: {getattr(rules, field)!r}, NIR means {getattr(plain, field)!r}"
        for field, what in (
            ("fires_at", "the comparison with the threshold"),
            ("spikes_per_step", "spikes in one step"),
            ("reset_at", "the time of the reset"),
            ("spike_read", "when spikes are read"),
            ("residue", "what is above threshold after a reset"),
        )
        if getattr(rules, field) != getattr(plain, field)
    ]
    if source.reset != "value":
        said = "no reset" if source.reset == "none" else "reset by subtraction of the threshold"
        found.append(f"{said}, NIR means a reset to v_reset")
    for name, node in source.nodes.items():
        for key in KEPT:
            if key in node.metadata:
                found.append(f"node {name!r}: {key}")
    return tuple(found)


def _legal_names(names: list[str]) -> dict[str, str]:
    """Return names that survive in HDF5: a slash would open a group."""
    legal: dict[str, str] = {}
    for name in names:
        wanted = name.replace("/", "_") or "node"
        wanted = wanted if wanted.strip(".") else f"node{wanted}"
        while wanted in legal.values() or (wanted != name and wanted in names):
            wanted += "_"
        legal[name] = wanted
    return legal


def _written(source: Source, name: str, gains: _Gains, dt: float) -> "nir.NIRNode":
    """Return one node for a file: Euler parameters, square ungrouped kernels, plain numbers."""
    node = source.nodes[name]
    new = copy.copy(node)
    new.metadata = {k: v for k, v in node.metadata.items() if k in KEPT}
    kind = type(node).__name__
    if kind in ("Conv1d", "Conv2d"):
        return squared(new)
    if kind == "Delay":
        new.delay = np.asarray(node.delay, np.float64) * (dt / source.dt)
    elif hasattr(node, "r"):
        _euler(new, source, dt)
        if gains.r != "free" and hasattr(node, "v_threshold"):
            _scale_potentials(new, gains, dt)
            if reset_of(node, source) == "value" and not gains.v_reset:
                _move_potentials(new, 1.0, new.v_reset)
    return new


def _euler(node: "nir.NIRNode", source: Source, dt: float) -> None:
    """Give a neuron time constants whose Euler step at ``dt`` keeps what a step of the Source keeps."""
    for tau in ("tau", "tau_syn", "tau_mem"):
        if hasattr(node, tau) and (dt != source.dt or source.scheme != "euler"):
            steps = np.asarray(getattr(node, tau), np.float64) / source.dt
            setattr(node, tau, dt * (steps if source.scheme == "euler" else 1 / -np.expm1(-1 / steps)))
    if type(node).__name__ in ("I", "IF"):
        node.r = np.asarray(node.r, np.float64) * (source.dt / dt)


def _scale_potentials(node: "nir.NIRNode", gains: _Gains, dt: float) -> None:
    """Scale v so that r (and w_in) are what the reader takes for granted; thresholds and rests go along."""
    kind = type(node).__name__
    r = np.asarray(node.r, np.float64)
    if kind == "IF":
        node.r, factor = np.full_like(r, 1.0 if gains.integrator == "one" else 1 / dt), 1 / (dt * r)
    elif kind == "CubaLIF" and gains.r == "one":
        return  # Norse honours r and w_in of a CubaLIF
    else:
        tau = np.asarray(node.tau if kind == "LIF" else node.tau_mem, np.float64)
        node.r = tau / dt if gains.r == "tau" else np.ones_like(r)
        factor = node.r / r
    if kind == "CubaLIF":
        w_in = np.asarray(node.tau_syn, np.float64) / dt
        factor, node.w_in = factor * (w_in / np.asarray(node.w_in, np.float64)), w_in
    _move_potentials(node, factor, 0.0)


def _move_potentials(node: "nir.NIRNode", factor: "NDArray[np.float64] | float", origin: object) -> None:
    """Measure v of one neuron on another scale, from another origin."""
    zero = np.asarray(origin, np.float64)
    for what in ("v_leak", "v_threshold", "v_reset"):
        if hasattr(node, what):
            setattr(node, what, (np.asarray(getattr(node, what), np.float64) - zero) * factor)
    if "v0" in node.metadata:
        node.metadata["v0"] = (np.asarray(node.metadata["v0"], np.float64) - zero) * factor


def _reshape(source: Source, nodes: "dict[str, nir.NIRNode]", edges: list[Edge], names: dict[str, str]) -> None:
    """Say a change of shape along an edge of a lowered Source with a Flatten; refuse the way back, which NIR lacks."""
    import nir

    problems = []
    for a, b in source.graph.edges:
        made, read = shape_out(source.nodes[a]), shape_in(source.nodes[b])
        if made == read:
            continue
        if len(read) > 1:
            what = f"a matrix that fills {read}: NIR cannot give a flat array its sides"
            problems.append(Problem(f"edge {a!r} -> {b!r}", what, "write the Source before it is lowered"))
            continue
        flat = f"{names[a]} flat"
        nodes.setdefault(flat, nir.Flatten({"input": np.array(made)}, 0, -1))
        edges.remove((names[a], names[b]))
        edges += [edge for edge in ((names[a], flat), (flat, names[b])) if edge not in edges]
    refuse(source.origin, problems)
