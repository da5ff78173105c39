"""One sample continued from where it was left: the kernels of `sim.fast.kernels.general`, given their state."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.fast.kernels.general import NeuronMemory, Ring, advance, listed_at, of_sample, read_input
from sim.fast.layout.checked import CheckedTables
from sim.fast.vector.jit import kernel
from sim.fast.vector.pointers import pointer, pointers
from sim.outcome import Outcome

__all__ = ["Kept", "continue_sample", "kept_for"]


class Kept(NamedTuple):
    """What a sample keeps between two pieces: u, v and rests of all neurons, and what was sent in the last steps."""

    u: NDArray[np.int64]
    v: NDArray[np.int64]
    rest: NDArray[np.int64]
    neuron: NDArray[np.int64]  # slot by neuron of all sources, the input's first
    value: NDArray[np.int64]
    n: NDArray[np.int64]  # slot by source


def kept_for(tables: CheckedTables, inputs: int, slots: int) -> Kept:
    """Return the state before step 0."""
    count, sources = tables.initial.shape[1], len(tables.populations) + 1
    size = slots * (inputs + count)
    return Kept(
        u=tables.initial[0].astype(np.int64),
        v=tables.initial[1].astype(np.int64),
        rest=np.zeros(count, np.int64),
        neuron=np.zeros(size, np.int64),
        value=np.ones(size, np.int64),
        n=np.zeros(slots * sources, np.int64),
    )


@kernel
def continue_sample(
    raster: NDArray[np.integer],  # t i
    tables: CheckedTables,
    kept: Kept,
    outcome: Outcome,
    refusing: NDArray[np.uint8],
    start: int,
) -> None:
    """Run steps ``start`` on, or to the first refusal, and leave the state in ``kept``.

    ``start`` numbers the steps of the rings and of what is recorded: before the first round of the rings it is the
    step itself, later it is one that lies as far in its round.
    """
    count, inputs, sources = tables.initial.shape[1], raster.shape[1], len(tables.populations) + 1
    slots = len(kept.n) // sources
    a, sums = np.empty(count, np.int64), np.empty(count, np.int64)
    ring = Ring(
        neuron=pointer(kept.neuron),
        value=pointer(kept.value),
        n=pointer(kept.n),
        slots=slots,
        inputs=inputs,
        neurons=count,
        sources=sources,
    )
    neurons = NeuronMemory(pointer(kept.u), pointer(kept.v), pointer(kept.rest), pointer(a), pointer(sums))
    sample = of_sample(outcome, 0)
    for k in range(raster.shape[0]):
        t = start + k
        now = t % slots
        kept.n[now * sources] = read_input(pointer(raster[k]), inputs, listed_at(ring, now, 0, -1))
        if not advance(pointers(tables), ring, neurons, sample, outcome.recorded, pointer(refusing), t):
            break
