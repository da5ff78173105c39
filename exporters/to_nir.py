"""A Program for NIR's readers: the program file, and beside it the same network as floats in seconds.

``program.nir`` has integer weights, exponents as Scale nodes and one step as the unit of time; `read_program` gives the
Program back. ``network.nir`` has float32 weights and time constants in seconds, as other simulators expect them.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Artifact, Loss, check_same_program, read_artifact, write_artifact
from exporters.nir_export.difference import program_difference
from exporters.nir_export.graph import graph_of
from exporters.nir_export.node import NirGraph, Style, Value, graph_difference
from exporters.nir_export.store import load, save
from exporters.nir_export.views import Views, choose_views
from exporters.program_file import read_damaged, read_program, write_program
from exporters.recording import ExecutorTrace
from sim.arithmetic.registry import get_arithmetic
from sim.engines import run
from sim.errors import FileError, InputError
from sim.program import Population, Program
from sim.trace import recordable

__all__ = ["DEFAULT_DT_S", "execute", "export", "float_graph", "read_program", "step_seconds", "write_program"]

DEFAULT_DT_S = 1e-4
"""The step of a program whose record does not name one: what most readers of NIR assume."""

EXACT_IN_FLOAT32 = 1 << 24


def export(
    program: Program,
    folder: Path | str,
    raster: NDArray[np.integer] | None = None,
    *,
    dt_s: float | None = None,
) -> Artifact:
    """Write ``program.nir`` and ``network.nir``; NIR graphs hold no samples, so ``raster`` is not used.

    ``dt_s`` is the step of ``network.nir`` in seconds, the program's own ``record["dt"]`` unless given.
    """
    views, step = choose_views(program), step_seconds(program, dt_s)

    def fill(draft: Path) -> None:
        write_program(program, draft / "program.nir")
        save(float_graph(program, step, views), draft / "network.nir")

    losses = tuple(_losses(program, views, step))
    return write_artifact(folder, format="nir", digest=program.digest, fill=fill, losses=losses)


def execute(
    program: Program, raster: NDArray[np.integer], *, timeout_s: float = 600.0, folder: Path | None = None
) -> ExecutorTrace:
    """Compare both files with the program, value by value, then run what ``program.nir`` says on the reference.

    Without ``folder`` they are written first. ``timeout_s`` has no effect: no outside tool runs.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="snn2hw-nir-") as made:
            export(program, Path(made) / "nir")
            return execute(program, raster, folder=Path(made) / "nir")
    check_same_program(folder, "nir", program.digest)
    written = folder / "program.nir"
    difference = program_difference(program, read_damaged(written))
    if difference is not None:
        raise FileError(f"{written}: {difference}", "export again")
    trace = run(read_program(written), raster, record=recordable(program), allow_wrap=True)
    _compare_floats(program, folder / "network.nir")
    return ExecutorTrace(
        digest=trace.digest,
        spikes=trace.spikes,
        u=trace.u,
        v=trace.v,
        losses=read_artifact(folder).losses,
        others=trace.others,
    )


def _compare_floats(program: Program, path: Path) -> None:
    found = load(path)
    step = found.metadata.get("snn2hw_dt")
    place = "its step" if not isinstance(step, float) else graph_difference(found, float_graph(program, step))
    if place is not None:
        raise FileError(f"{path}: {place} is not what the program gives", "export again")


def float_graph(program: Program, dt_s: float, views: Views | None = None) -> NirGraph:
    """Return the float meaning: forward Euler with ``dt_s``, current before voltage, potentials in mantissas (v / 64).

    The graph's metadata say what NIR leaves open, in the words that `snn2hw.from_nir` understands.
    """
    graph = graph_of(program, Style(dt=dt_s, exact=False), views)
    said: dict[str, Value] = {
        "snn2hw_dt": dt_s,
        "snn2hw_scheme": "euler",
        "snn2hw_reset": "value",
        "snn2hw_dialect": "nir",
        "program_digest": program.digest,
    }
    return NirGraph(graph.nodes, graph.edges, said)


def step_seconds(program: Program, dt_s: float | None = None) -> float:
    """Return the length of a step: as asked for, as recorded, or the default."""
    recorded = program.record.get("dt")
    step = dt_s if dt_s is not None else recorded if isinstance(recorded, float) and recorded > 0 else DEFAULT_DT_S
    if not 0 < step < np.inf:
        raise InputError(f"dt_s is {step}", "give the length of a step in seconds, for example dt_s=1e-3")
    return float(step)


def _losses(program: Program, views: Views, step: float) -> Iterator[Loss]:
    yield Loss(f"NIR holds no step: network.nir means forward Euler at {step:g} s, said in its metadata only")
    yield Loss("network.nir is the dynamics without rounding, wraps and clips: near a threshold its spikes may differ")
    if not views.typed:
        yield Loss("NIR's type check cannot follow this graph: read it with nir.read(path, type_check=False)")
    for population in program.populations:
        yield from (Loss(what, population.name) for what in _lost(population))


def _lost(population: Population) -> Iterator[str]:
    if population.fires and population.reset == "subtract":
        yield "NIR has no reset rule: reset by subtraction stands in the metadata only"
    if population.fires and population.reset == "none":
        yield "NIR has no reset rule: that nothing is reset stands in the metadata only"
    for name, value in population.kept_properties().items():
        yield f"NIR has no {name}: {value} stands in program.nir only"
    described = get_arithmetic(population.arithmetic)
    for register, state in reversed(tuple(described.initial.items())):
        if population.registers[register].any():
            where = "the metadata" if state == described.readout else "program.nir"
            yield f"NIR has no initial state: {register} stands in {where} only"
    for connection in population.inputs:
        if connection.exponent < 0:
            yield f"what arrives from {connection.source!r} is floored after >> {-connection.exponent}, in NIR not"
        weight = connection.wiring.weight
        if max(int(weight.max()), -int(weight.min())) > EXACT_IN_FLOAT32:
            yield f"weights from {connection.source!r} beyond 2^24 are rounded to float32 in network.nir"
