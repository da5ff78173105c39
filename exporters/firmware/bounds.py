"""What no input can exceed, per population: the licence for narrow sums and products, and for leaving checks out.

low, high    the ends of a connection's sum, one per output channel, whatever subset of messages arrives
|u| <= max(|u0|, 64 A 4096 / (du + 1))          A: the largest |a|
|v| <= max(|v0|, (|u| + |bias|) 4096 / dv)      a reset brings v nearer to 0, never further away
 v  >= min(v0, (64 a + bias) 4096 / dv, 0)      of neurons that forget u; a: the least sum
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import DECAY_ONE, V_MAX, VTH_SHIFT, WRAP
from sim.program import INPUT, Population, Program

__all__ = ["Int", "Reach", "States", "ends_of", "largest", "messages_of", "shifted", "sinks", "states_of"]

Int = NDArray[np.int64]
Reach = tuple[Int, Int]


@dataclass(frozen=True)
class States:
    """What is proven of a population's u and v: their largest magnitudes, None where nothing is."""

    u: int | None
    v: int | None


def messages_of(program: Program, source: str) -> tuple[int, int]:
    """Return the least and the greatest message of a source, 0 among them."""
    if source == INPUT:
        return min(program.input.lo, 0), max(program.input.hi, 0)
    return 0, program.by_name[source].most_sent


def ends_of(weight: Int, messages: tuple[int, int]) -> Reach:
    """Return the least and the greatest sum of every row of weights, (rows,) each."""
    low, high = messages
    rows = weight.reshape(len(weight), -1)
    positive, negative = np.maximum(rows, 0).sum(axis=1), np.minimum(rows, 0).sum(axis=1)
    return low * positive + high * negative, high * positive + low * negative


def shifted(ends: Reach, exponent: int) -> Reach:
    """Return the ends after a weight exponent: both shifts keep the order."""
    low, high = ends
    return (low << exponent, high << exponent) if exponent >= 0 else (low >> -exponent, high >> -exponent)


def largest(ends: Reach) -> int:
    """Return the largest magnitude between ends."""
    return max(-int(ends[0].min()), int(ends[1].max()), 0)


def states_of(population: Population, a: int) -> States:
    """Prove what can be proven of u and v where |a| never exceeds ``a``."""
    du, dv, u0, v0, mantissa, exponent = (
        population.neurons[name] for name in ("du", "dv", "u0", "v0", "bias_mantissa", "bias_exponent")
    )
    arrives = a << VTH_SHIFT
    start = np.where(du == DECAY_ONE - 1, 0, np.abs(u0))  # who forgets u forgets u0 before the first sum
    u = int(np.maximum(start, -(-arrives * DECAY_ONE // (du + 1))).max())
    if u >= WRAP:
        return States(None, None)
    pushed = u + np.abs(mantissa << exponent)
    settled = np.where(dv > 0, -(-pushed * DECAY_ONE // np.maximum(dv, 1)), np.where(pushed > 0, WRAP, 0))
    v = int(np.maximum(np.abs(v0), settled).max())
    return States(u, v if v <= V_MAX else None)


def sinks(population: Population, least_a: Int) -> bool:
    """Return whether v of a neuron that forgets u may reach its lower end; ``least_a`` is one per neuron."""
    dv, v0, mantissa, exponent = (
        population.neurons[name].reshape(-1) for name in ("dv", "v0", "bias_mantissa", "bias_exponent")
    )
    pushed = np.maximum(-((least_a << VTH_SHIFT) + (mantissa << exponent)), 0)
    settled = np.where(dv > 0, -(-pushed * DECAY_ONE // np.maximum(dv, 1)), np.where(pushed > 0, WRAP, 0))
    return bool(np.maximum(settled, -v0).max() > V_MAX)
