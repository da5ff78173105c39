"""A weight matrix of any width as matrices that Lava's Dense takes without changing them.

Dense clips to [-256, 255] and floors odd weights to even ones where a matrix holds both signs. What it keeps:

    EXCITATORY   0..255            INHIBITORY   -255..0            MIXED   even numbers in -256..254

Everything else is a sum of such matrices, each with its own exponent, into one port.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import Int

__all__ = ["Piece", "Sign", "pieces"]

Sign = Literal["EXCITATORY", "INHIBITORY", "MIXED"]


@dataclass(frozen=True, eq=False)
class Piece:
    """One Dense: ``shift(weight . s, exponent)``, read by Lava with this sign mode."""

    weight: NDArray[np.int16]
    exponent: int
    sign: Sign


def pieces(weight: NDArray[np.integer], exponent: int) -> tuple[Piece, ...]:
    """Split: the sum of ``shift(piece . s, piece exponent)`` is ``shift(weight . s, exponent)``.

    For more than one piece that holds for exponents >= 0 only: below, the floor of a sum is not a sum of floors.

    >>> [(p.weight.tolist(), p.exponent, p.sign) for p in pieces(np.array([[3, -1]]), 0)]
    [([[6, -2]], -1, 'MIXED')]
    """
    wide = weight.astype(np.int64)
    sign = _direct(wide)
    if sign is not None:
        return (Piece(wide.astype(np.int16), exponent, sign),)
    parts: list[Piece] = []
    place = 0
    while wide.min() < -128 or wide.max() > 127:
        low = wide & 255
        if low.any():
            parts.append(Piece(low.astype(np.int16), exponent + place, "EXCITATORY"))
        wide, place = wide >> 8, place + 8
    if wide.any():
        parts.append(Piece((2 * wide).astype(np.int16), exponent + place - 1, "MIXED"))
    return tuple(parts)


def _direct(weight: Int) -> Sign | None:
    least, most = int(weight.min()), int(weight.max())
    if least >= 0 and most <= 255:
        return "EXCITATORY"
    if least >= -255 and most <= 0:
        return "INHIBITORY"
    if least >= -256 and most <= 254 and not (weight & 1).any():
        return "MIXED"
    return None
