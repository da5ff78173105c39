"""Run Xylo programs on the compiled kernel: the same Trace, counts and refusals as the reference."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim import reference
from sim.fast.groups import in_groups
from sim.fast.xylo.kernel import run_sample
from sim.fast.xylo.layout import lay_out
from sim.order import step_order
from sim.program import Population, Program
from sim.request import Request
from sim.trace import TALLIES, Tally, Trace, counts_from

__all__ = ["simulate"]

STATES = ("i", "i2", "v")


def simulate(program: Program, raster: NDArray[np.integer], request: Request, *, threads: int | None = None) -> Trace:
    """Run a batch (B, T, *input shape)."""
    (batch, steps), order = raster.shape[:2], step_order(program.populations)
    layout = lay_out(program, order)
    neurons, sources = layout.registers.shape[1], sum(layout.connections[:, 2].tolist())
    flat = np.ascontiguousarray(raster.reshape(batch, steps, -1), dtype=np.uint8)
    kept = {*request.record, "spikes" if program.output.fires else "v"}
    recorded: dict[str, NDArray[Any]] = {
        what: np.zeros((batch, steps if what in kept else 0, neurons), dtype=np.uint8 if what == "spikes" else np.int32)
        for what in ("spikes", *STATES)
    }
    of_populations = np.zeros((batch, len(order), len(TALLIES)), dtype=np.int64)
    of_connections = np.zeros((batch, len(layout.connections), 2), dtype=np.int64)

    def run_group(first: int, to: int) -> None:
        kind, size = layout.sums.dtype, max(p.size for p in order)
        scratch = (
            np.zeros((3, neurons), dtype=np.int32),
            np.zeros((2, size), dtype=kind),
            np.zeros((3, sources + 1), dtype=np.int64),
            np.zeros(size, dtype=np.int32),
            np.zeros(size, dtype=np.int32),
        )
        unkept = np.zeros((steps, neurons), dtype=np.uint8)
        for b in range(first, to):
            sent = recorded["spikes"][b] if "spikes" in kept else unkept
            states = (recorded[name][b] for name in STATES)
            run_sample(layout, flat[b], (sent, *states, of_populations[b], of_connections[b]), scratch)

    progress = request.progress
    in_groups(batch, run_group, threads, None if progress is None else lambda done: progress(done * steps))
    tallies = _tallies(order, of_populations, of_connections)
    if any(tallies[name].clips.any() for name in request.clip_free):
        return reference.simulate(program, raster, request)  # it says where, and refuses
    return _trace(program, order, request, recorded, tallies)


def _tallies(
    order: tuple[Population, ...], of_populations: NDArray[np.int64], of_connections: NDArray[np.int64]
) -> dict[str, Tally]:
    tallies, first = {}, 0
    for place, p in enumerate(order):
        events, synops = (of_connections[:, first : first + len(p.inputs), k].T.copy() for k in (0, 1))
        tallies[p.name] = Tally(events, synops, *(of_populations[:, place, k].copy() for k in range(len(TALLIES))))
        first += len(p.inputs)
    return tallies


def _trace(
    program: Program,
    order: tuple[Population, ...],
    request: Request,
    recorded: dict[str, NDArray[Any]],
    tallies: dict[str, Tally],
) -> Trace:
    ends = np.cumsum([0, *(p.size for p in order)]).tolist()
    first = dict(zip((p.name for p in order), ends, strict=False))
    steps = max(values.shape[1] for values in recorded.values())

    def part(what: str, p: Population) -> Any:
        values = recorded[what][:, :, first[p.name] : first[p.name] + p.size]
        return values.reshape(*values.shape[:2], *p.shape)

    taken = {
        what: {p.name: part(what, p) for p in program.populations} if what in request.record else {}
        for what in recorded
    }
    return Trace(
        digest=program.digest,
        spikes=taken["spikes"],
        u={},
        v=taken["v"],
        counts=counts_from(program, steps, tallies),
        output=part("spikes" if program.output.fires else "v", program.output),
        others={what: taken[what] for what in ("i", "i2") if taken[what]},
    )
