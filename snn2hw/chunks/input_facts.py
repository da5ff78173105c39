"""What a price needs to know of the messages that were fed to a program, chunk by chunk: no message is kept."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.program import INPUT, Program
from sim.wiring import fan_out

__all__ = ["InputFacts", "input_facts", "is_constant", "joined_facts"]


@dataclass(frozen=True, eq=False)
class InputFacts:
    """Facts of so many ``samples``."""

    samples: int
    held: bool
    """Whether every step repeats the first one, and there is more than one."""
    graded: NDArray[np.bool_]
    """(steps): whether any message of that step is neither -1 nor 0 nor 1."""
    synops: NDArray[np.int64]
    """(connections that read the input, steps): synops of that step's messages; zero for an input of -1, 0 and 1."""

    @property
    def steps(self) -> int:
        """Return how many steps each sample has."""
        return len(self.graded)


def is_constant(raster: NDArray[np.integer[Any]]) -> bool:
    """Return whether a raster (B, T, ...) of several steps does not change over time."""
    return raster.shape[1] > 1 and bool((raster == raster[:, :1]).all())


def input_facts(program: Program, raster: NDArray[np.integer[Any]]) -> InputFacts:
    """Return the facts of a raster (B, T, *input shape)."""
    samples, steps = raster.shape[:2]
    reads = [(p, c) for p in program.populations for c in p.inputs if c.source == INPUT]
    graded, synops = np.zeros(steps, np.bool_), np.zeros((len(reads), steps), np.int64)
    if program.input.lo < -1 or program.input.hi > 1:
        graded[:] = [bool(((raster[:, t] < -1) | (raster[:, t] > 1)).any()) for t in range(steps)]
        sent = [np.count_nonzero(raster[:, t], axis=0) for t in range(steps)]
        for row, (population, connection) in enumerate(reads):
            reach = fan_out(connection.wiring, program.input.shape, population.shape)
            synops[row] = [int((n * reach).sum()) for n in sent]
    return InputFacts(samples, is_constant(raster), graded, synops)


def joined_facts(first: InputFacts | None, more: InputFacts) -> InputFacts:
    """Return the facts of both; they had the same number of steps."""
    if first is None:
        return more
    return InputFacts(
        samples=first.samples + more.samples,
        held=first.held and more.held,
        graded=first.graded | more.graded,
        synops=first.synops + more.synops,
    )
