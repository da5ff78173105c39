"""The first refusal of a run, in the order in which the reference would have met it."""

from typing import NoReturn

import numpy as np

from sim.arithmetic import Int
from sim.errors import MachineError
from sim.program import Population

__all__ = ["CLIPPED", "NEVER", "OUT_OF_SIGHT", "OVERFLOWED", "STORED", "UNSURE", "WRAPPED", "raise_first"]

OVERFLOWED, STORED, WRAPPED, CLIPPED, UNSURE = range(5)
"""What is refused within one population's step, in the order of the checks: an accumulator that overflowed, a u that
cannot be stored, a wrap, a clip; last, that an engine which checks everything must say what it is."""

OUT_OF_SIGHT = 1 << 40
"""What is added to a count of wraps where u is so far out that float32 does not tell how far."""

NEVER = np.iinfo(np.int64).max
"""The step of a sample that was not refused."""


def raise_first(order: tuple[Population, ...], refused: Int) -> None:
    """Raise the earliest refusal, if there is one.

    ``refused`` is (B, 5): step, place in the order of computation, check, first neuron, how many neurons.
    """
    earliest = min(map(tuple, refused[:, :3].tolist()))
    if earliest[0] == NEVER:
        return
    step, place, check = earliest
    samples = np.flatnonzero((refused[:, :3] == earliest).all(axis=1))
    worst = samples if check in (OVERFLOWED, STORED) else samples[[refused[samples, 4].argmax()]]
    _refuse(order[place], step, check, int(worst[0]), int(refused[worst[0], 3]))


def _refuse(population: Population, step: int, check: int, sample: int, neuron: int) -> NoReturn:
    where = f"population {population.name!r}:"
    if check in (OVERFLOWED, STORED):
        place = tuple(int(i) for i in np.unravel_index(neuron, population.shape))
        what = "|a| >= 2^21 leaves the accumulator" if check == OVERFLOWED else "|u| >= 2^31 after repeated wraps"
        fix = "lower the weights, the fan-in or the weight exponent"
        raise MachineError(f"{where} neuron {place} at step {step} of sample {sample}: {what}", fix)
    if check == WRAPPED:
        fix = "compile with a lower scale, or run with allow_wrap"
        raise MachineError(f"{where} u wraps at step {step} in sample {sample}", fix)
    what = f"{where} v clips at step {step} in sample {sample}, against its certificate"
    raise MachineError(what, "certify this program and this input range again")
