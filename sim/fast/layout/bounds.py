"""What no input can make a population exceed: the licence for narrow sums and for leaving out wrap and clip.

For one neuron the sum of a connection lies between the sums of its negative and of its positive products, whatever
subset of events arrives, so every partial sum does too. With |a| <= A, |u| never exceeds the larger of |u0| and
64 A 4096 / (du + 1), rounded up; v follows in the same way. `snn2hw` certifies the same by other code.
"""

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from sim.arithmetic import DECAY_ONE, V_MAX, VTH_SHIFT, WRAP, Int
from sim.program import INPUT, Connection, Conv, Dense, Population, Program

__all__ = ["ProvenLanes", "bounds", "extremes"]

VECTOR_A = 1 << 17
"""Up to here 64 |a| <= 2^23: with a decayed |u| <= 2^23 their sum is exact in float32, and one wrap brings it back.

Larger sums may be possible and yet hardly ever arrive: the kernels notice one that leaves what they can tell.
"""

INT16, INT32 = (1 << 15) - 1, (1 << 31) - 1


@dataclass(frozen=True)
class ProvenLanes:
    """What is proven of one population."""

    sums_bits: int  # of the accumulator that holds every partial sum: 16, 32 or 64
    never_wraps: bool
    never_clips: bool


def extremes(program: Program, population: Population, connection: Connection) -> tuple[Int, Int]:
    """Return the least and the greatest sum of a connection, one per neuron, before its exponent."""
    if connection.source == INPUT:
        low, high = program.input.lo, program.input.hi
    else:
        low, high = 0, program.by_name[connection.source].most_sent
    if low == high:  # no message at all: a weight must fit the sums even so
        high = 1
    weight = connection.wiring.weight.reshape(len(connection.wiring.weight), -1)
    positive = np.maximum(weight, 0).sum(axis=1, dtype=np.int64)
    negative = -np.minimum(weight, 0).sum(axis=1, dtype=np.int64)
    least, greatest = low * positive - high * negative, high * positive - low * negative
    match connection.wiring:
        case Dense():
            return least, greatest
        case Conv():
            pixels = population.size // len(least)
            return np.repeat(least, pixels), np.repeat(greatest, pixels)
        case _:
            assert_never(connection.wiring)


def bounds(program: Program, population: Population) -> ProvenLanes:
    """Prove what can be proven."""
    least, greatest = np.zeros((2, population.size), dtype=np.int64)
    largest = 0
    for connection in population.inputs:
        low, high = extremes(program, population, connection)
        largest = max(largest, int(-low.min()), int(high.max()))
        if connection.exponent < 0:
            low, high = low >> -connection.exponent, high >> -connection.exponent
        else:
            low, high = low << connection.exponent, high << connection.exponent
        least, greatest = least + low, greatest + high
    a = np.maximum(-least, greatest)
    if max(int(a.max()), largest) > INT32:
        return ProvenLanes(64, False, False)
    if int(a.max()) > VECTOR_A:
        return ProvenLanes(32, False, False)
    bits = 16 if max(int(a.max()), largest) <= INT16 else 32
    return ProvenLanes(bits, *_registers_hold(population, a))


def _registers_hold(p: Population, a: Int) -> tuple[bool, bool]:
    """Return whether u never wraps, and whether, then, v never clips."""
    du, dv, vth, u0, v0, mantissa, exponent = (
        np.asarray(r, dtype=np.int64).reshape(-1)
        for r in (p.du, p.dv, p.vth, p.u0, p.v0, p.bias_mantissa, p.bias_exponent)
    )
    u = np.maximum(np.abs(u0), -(-(a << VTH_SHIFT) * DECAY_ONE // (du + 1)))
    if int(u.max()) >= WRAP:
        return False, False
    pushed = u + np.abs(mantissa << exponent)
    settled = np.where(dv > 0, -(-pushed * DECAY_ONE // np.maximum(dv, 1)), np.where(pushed > 0, WRAP, 0))
    low = np.maximum(np.abs(v0), settled)
    resets = p.fires and p.reset == "zero"
    high = np.maximum(np.abs(v0), vth << VTH_SHIFT) + pushed if resets else low
    return True, int(low.max()) <= V_MAX and int(high.max()) <= V_MAX
