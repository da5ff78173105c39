"""What the kernels write into, and the Trace that is read out of it. Populations stand in the order of computation."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.fast.records import Results
from sim.fast.refusal import NEVER, UNSURE
from sim.program import Population, Program
from sim.trace import RECORDABLE, TALLIES, Record, Tally, Trace, counts_from

__all__ = ["clear", "results_for", "trace_from", "unsure"]

Order = tuple[Population, ...]


def results_for(program: Program, order: Order, size: tuple[int, int], record: Collection[Record]) -> Results:
    """Return arrays for a batch and its steps: every recorded register of all neurons, the output's of its own."""
    batch, steps = size
    starts = _starts(order)
    own = starts[program.output.name], starts[program.output.name] + program.output.size
    output = "spikes" if program.output.fires else "v"
    everything = 0, sum(p.size for p in order)
    spans = [everything if what in record else own if what == output else (0, 0) for what in RECORDABLE]
    spikes, u, v = (
        np.zeros((batch, steps, to - start), dtype=np.uint8 if what == "spikes" else np.int32)
        for what, (start, to) in zip(RECORDABLE, spans, strict=True)
    )
    return Results(
        np.array(spans, dtype=np.int64),
        spikes,
        u,
        v,
        np.zeros((batch, len(order), len(TALLIES)), dtype=np.int64),
        np.zeros((batch, sum(len(p.inputs) for p in order), 2), dtype=np.int64),
        np.full((batch, 5), NEVER, dtype=np.int64),
    )


def unsure(results: Results) -> bool:
    """Return whether the kernels met something in a sample of which they do not know what it is."""
    return bool((results.refused[:, 2] == UNSURE).any())


def clear(results: Results) -> None:
    """Make results as they were before the run."""
    for name in results._fields[1:]:
        getattr(results, name)[...] = NEVER if name == "refused" else 0


def trace_from(program: Program, order: Order, record: Collection[Record], results: Results) -> Trace:
    """Return views of what was recorded, and the counts."""
    starts = _starts(order)

    def part(what: Record, p: Population) -> Any:
        start = starts[p.name] - results.recorded[RECORDABLE.index(what), 0]
        values: NDArray[Any] = getattr(results, what)[:, :, start : start + p.size]
        return values.reshape(*values.shape[:2], *p.shape)

    taken = {what: {p.name: part(what, p) for p in program.populations if what in record} for what in RECORDABLE}
    steps = results.spikes.shape[1]
    counts = counts_from(program, steps, _tallies(order, results))
    output = part("spikes" if program.output.fires else "v", program.output)
    return Trace(program.digest, taken["spikes"], taken["u"], taken["v"], counts, output)


def _starts(order: Order) -> dict[str, int]:
    ends = np.cumsum([p.size for p in order]).tolist()
    return {p.name: end - p.size for p, end in zip(order, ends, strict=True)}


def _tallies(order: Order, results: Results) -> dict[str, Tally]:
    tallies, first = {}, 0
    for place, p in enumerate(order):
        own = results.con_counts[:, first : first + len(p.inputs)]
        events, synops = (own[..., i].T.copy() for i in range(2))
        tallies[p.name] = Tally(events, synops, *(results.pop_counts[:, place, i].copy() for i in range(len(TALLIES))))
        first += len(p.inputs)
    return tallies
