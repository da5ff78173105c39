"""The engine that is fast: event-driven kernels, compiled, one thread per group of samples; equal to the reference."""

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.fast.refusal import NEVER, raise_first
from sim.fast.tables import Tables, tables
from sim.program import Program
from sim.trace import SPIKES, Record, Tally, Trace, counts_from

__all__ = ["simulate"]


def simulate(
    program: Program,
    raster: NDArray[np.integer],
    *,
    record: Collection[Record] = SPIKES,
    allow_wrap: bool = False,
    clip_free: Collection[str] = (),
    progress: Callable[[int], object] | None = None,
) -> Trace:
    """Run a batch (B, T, *input shape); the same arguments, Trace, counts and refusals as `sim.reference.simulate`."""
    from sim.fast.general import simulate_samples

    plan = tables(program, allow_wrap=allow_wrap, clip_free=clip_free)
    batch, steps = raster.shape[:2]
    span = _spans(program, plan, record)
    spikes, u, v = (
        np.zeros((batch, steps, to - start), dtype=np.uint8 if what == 0 else np.int32)
        for what, (start, to) in enumerate(span.tolist())
    )
    pop_counts = np.zeros((batch, len(plan.order), 4), dtype=np.int64)
    con_counts = np.zeros((batch, len(plan.connections), 2), dtype=np.int64)
    refused = np.full((batch, 5), NEVER, dtype=np.int64)
    messages = np.ascontiguousarray(raster.reshape(batch, steps, -1), dtype=np.int32)
    simulate_samples(
        messages, plan.populations, plan.connections, plan.weights, plan.fan_out, plan.registers, plan.initial,
        plan.slots, span, spikes, u, v, pop_counts, con_counts, refused,
    )  # fmt: skip
    raise_first(plan.order, refused)
    if progress is not None:
        progress(batch * steps)
    return _trace(program, plan, record, steps, span, (spikes, u, v), pop_counts, con_counts)


def _spans(program: Program, plan: Tables, record: Collection[Record]) -> NDArray[np.int64]:
    """Return which neurons are recorded, for spikes, u and v: all, the output's, or none."""
    place = [p.name for p in plan.order].index(program.output.name)
    size, first = plan.populations[place, :2].tolist()
    spans = []
    for what in ("spikes", "u", "v"):
        if what in record:
            spans.append((0, plan.initial.shape[1]))
        elif what == ("spikes" if program.output.fires else "v"):
            spans.append((first, first + size))
        else:
            spans.append((0, 0))
    return np.array(spans, dtype=np.int64)


def _trace(
    program: Program,
    plan: Tables,
    record: Collection[Record],
    steps: int,
    span: NDArray[np.int64],
    outs: tuple[NDArray[np.uint8], NDArray[np.int32], NDArray[np.int32]],
    pop_counts: NDArray[np.int64],
    con_counts: NDArray[np.int64],
) -> Trace:
    places = {p.name: plan.populations[i] for i, p in enumerate(plan.order)}

    def part(what: int, name: str) -> Any:
        size, first = places[name][:2] - (0, span[what, 0])
        values = outs[what][:, :, first : first + size]
        return values.reshape(*values.shape[:2], *program.by_name[name].shape)

    taken = [
        {p.name: part(i, p.name) for p in program.populations} if what in record else {}
        for i, what in enumerate(("spikes", "u", "v"))
    ]
    tallies = {}
    for i, p in enumerate(plan.order):
        start, to = plan.populations[i, 6:8]
        events, synops = np.moveaxis(con_counts[:, start:to], 2, 0)
        spikes, active, wraps, clips = pop_counts[:, i].T.copy()
        tallies[p.name] = Tally(events.T.copy(), synops.T.copy(), spikes, active, wraps, clips)
    counts = counts_from(program, steps, {p.name: tallies[p.name] for p in program.populations})
    output = part(0 if program.output.fires else 2, program.output.name)
    return Trace(program.digest, taken[0], taken[1], taken[2], counts, output)
