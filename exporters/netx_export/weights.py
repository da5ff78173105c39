"""Which weight matrices come through lava-dl's reader and Lava's Dense as the integers they are.

A `.net` file holds plain integers. lava-dl's reader doubles them until the greatest fills the synapse's 8 bits, and
says so in an exponent; from the zero bits that all weights share, it derives how many bits the synapse keeps. Lava's
Dense clips to the range of the signs it sees and drops the bits below the kept ones. Most matrices survive this; those
that do not are known beforehand. Matrices that arrive at one population share the exponent and the number of bits.
"""

from collections.abc import Sequence

import numpy as np

from sim.arithmetic import Int

__all__ = ["damage", "fold"]

BITS = 8
ROOM = {"mixed": (127, 128), "negative": (0, 256), "positive": (255, 0)}
"""How far the greatest and the least weight may be doubled before the synapse is full, as lava-dl sees it."""
CLIPPED = "lava-dl doubles the least of them up to -256, which Lava clips to -255 where no weight is positive"


def fold(weight: Int, exponent: int) -> Int | None:
    """Return ``weight * 2^exponent``, None where that is no integer: the floor is of the sum, not of the weights."""
    if exponent >= 0:
        return weight << exponent
    return None if (weight & ((1 << -exponent) - 1)).any() else weight >> -exponent


def damage(matrices: Sequence[Int]) -> str | None:
    """Say what happens to matrices that one population reads, or None if they come through.

    >>> damage([np.array([[127, -128]])]) is None
    True
    >>> damage([np.array([[-64, -3]])])
    'lava-dl doubles the least of them up to -256, which Lava clips to -255 where no weight is positive'
    """
    least, most = min(int(m.min()) for m in matrices), max(int(m.max()) for m in matrices)
    if least == most == 0:
        return "they are all 0, by which lava-dl divides"
    if least < -256 or most > (255 if least >= 0 else 254):
        return f"{least}..{most} do not fit a synapse of {BITS} bits"
    mixed = least < 0 <= most
    up = _doublings(least, most, "mixed" if mixed else "negative" if least < 0 else "positive") + mixed
    kept = BITS - up - (_shared_zero_bits(matrices) - mixed)
    if kept > BITS:
        return f"they are odd and reach {least}..{most}, for which lava-dl wants {kept} bits of the {BITS} there are"
    if all(np.array_equal(_as_dense_holds(m << up, kept), m << up) for m in matrices):
        return None
    return CLIPPED


def _doublings(least: int, most: int, signs: str) -> int:
    """Return how often all weights can be doubled until one fills its room; -1 where even halves would."""
    above, below = ROOM[signs]
    fits = -1
    while most * 2 ** (fits + 1) <= above and -least * 2 ** (fits + 1) <= below:
        fits += 1
    return fits


def _shared_zero_bits(matrices: Sequence[Int]) -> int:
    joined = np.bitwise_or.reduce([np.bitwise_or.reduce(np.abs(m), axis=None) for m in matrices])
    return min(BITS, (int(joined) & -int(joined)).bit_length() - 1)


def _as_dense_holds(weight: Int, bits: int) -> Int:
    """Return what Lava's Dense makes of a matrix of which it is told to keep ``bits`` bits."""
    if weight.min() >= 0:
        return _kept(np.minimum(weight, 255), BITS - bits)
    if weight.max() <= 0:
        return -_kept(np.minimum(-weight, 255), BITS - bits)
    return _kept(np.clip(weight, -256, 255), BITS - bits + 1)


def _kept(weight: Int, dropped: int) -> Int:
    return weight >> dropped << dropped
