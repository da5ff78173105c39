"""What an engine writes into, and the Trace that is read out of it; populations stand in the order of computation."""

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.program import Population, Program
from sim.refusal import NEVER, UNSURE
from sim.trace import RECORDABLE, TALLIES, Record, Tally, Trace, counts_from

__all__ = ["Outcome", "clear", "outcome_for", "trace_from", "unsure"]

Order = tuple[Population, ...]


class Outcome(NamedTuple):
    """What a run leaves behind."""

    recorded: NDArray[np.int64]  # (spikes, u, v) by (first neuron, one past the last)
    spikes: NDArray[np.uint8]  # b t recorded neuron
    u: NDArray[np.int32]
    v: NDArray[np.int32]
    pop_counts: NDArray[np.int64]  # b place (spikes, active, wraps, clips, messages)
    con_counts: NDArray[np.int64]  # b connection (events, synops)
    refused: NDArray[np.int64]  # b (step, place, check, neuron, how many)

    def of_samples(self, first: int, to: int) -> "Outcome":
        """Return views of some samples of the batch."""
        return self._replace(**{name: getattr(self, name)[first:to] for name in self._fields[1:]})


def outcome_for(program: Program, order: Order, size: tuple[int, int], record: Collection[Record]) -> Outcome:
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
    return Outcome(
        recorded=np.array(spans, dtype=np.int64),
        spikes=spikes,
        u=u,
        v=v,
        pop_counts=np.zeros((batch, len(order), len(TALLIES)), dtype=np.int64),
        con_counts=np.zeros((batch, sum(len(p.inputs) for p in order), 2), dtype=np.int64),
        refused=np.full((batch, 5), NEVER, dtype=np.int64),
    )


def unsure(outcome: Outcome) -> bool:
    """Return whether the kernels met something in a sample of which they do not know what it is."""
    return bool((outcome.refused[:, 2] == UNSURE).any())


def clear(outcome: Outcome) -> None:
    """Make an outcome what it was before the run."""
    for name in outcome._fields[1:]:
        getattr(outcome, name)[...] = NEVER if name == "refused" else 0


def trace_from(program: Program, order: Order, record: Collection[Record], outcome: Outcome) -> Trace:
    """Return views of what was recorded, and the counts."""
    starts = _starts(order)

    def part(what: Record, p: Population) -> Any:
        start = starts[p.name] - outcome.recorded[RECORDABLE.index(what), 0]
        values: NDArray[Any] = getattr(outcome, what)[:, :, start : start + p.size]
        return values.reshape(*values.shape[:2], *p.shape)

    taken = {what: {p.name: part(what, p) for p in program.populations if what in record} for what in RECORDABLE}
    steps = outcome.spikes.shape[1]
    counts = counts_from(program, steps, _tallies(order, outcome))
    output = part("spikes" if program.output.fires else "v", program.output)
    return Trace(
        digest=program.digest, spikes=taken["spikes"], u=taken["u"], v=taken["v"], counts=counts, output=output
    )


def _starts(order: Order) -> dict[str, int]:
    ends = np.cumsum([p.size for p in order]).tolist()
    return {p.name: end - p.size for p, end in zip(order, ends, strict=True)}


def _tallies(order: Order, outcome: Outcome) -> dict[str, Tally]:
    tallies, first = {}, 0
    for place, p in enumerate(order):
        own = outcome.con_counts[:, first : first + len(p.inputs)]
        events, synops = (own[..., i].T.copy() for i in range(2))
        tallies[p.name] = Tally(events, synops, *(outcome.pop_counts[:, place, i].copy() for i in range(len(TALLIES))))
        first += len(p.inputs)
    return tallies
