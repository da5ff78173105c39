"""The four operations of the machine, on int64 arrays.

Every number of the machine fits: |a| < 2^21, so |a << 6| < 2^27, and registers are refused beyond 2^31
(`U_STORED`), so the largest product below is 2^31 * 2^12 = 2^43.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["A_LIMIT", "DECAY_ONE", "U_STORED", "VTH_SHIFT", "V_MAX", "WRAP", "Int", "clip", "decay", "shift", "wrap"]

Int = NDArray[np.int64]

A_LIMIT = 1 << 21
"""The accumulator holds -2^21 < a < 2^21; an engine refuses a step that leaves it."""

DECAY_ONE = 1 << 12
"""A decay is a fraction of this: ``decay(x, 4096) == 0``."""

VTH_SHIFT = 6
"""Messages and thresholds stand this many bits above the registers u and v."""

V_MAX = (1 << 23) - 1
"""v saturates at plus and minus this."""

WRAP = 1 << 23
"""u lives in (-2^23, 2^23]: the upper end is reachable, the lower is not."""

U_STORED = 1 << 31
"""A wrap takes off 2^24 once, so repeated overflow can grow u; past this an engine refuses (lava-nc stores int32)."""


def decay(x: Int, d: Int | int) -> Int:
    """Shrink by d / 4096, rounding toward zero: ``sign(x) * ((|x| * (4096 - d)) >> 12)``, 0 <= d <= 4096.

    >>> decay(np.array([-1000, 1000, -1]), 1).tolist()
    [-999, 999, 0]
    """
    kept = np.asarray(np.abs(x) * (DECAY_ONE - d), dtype=np.int64)
    return np.asarray(np.sign(x) * (kept >> 12), dtype=np.int64)


def wrap(x: Int) -> Int:
    """Bring one overflow of u back: subtract 2^24 above 2^23, add 2^24 at or below -2^23.

    >>> wrap(np.array([2**23, 2**23 + 1, -(2**23)])).tolist()
    [8388608, -8388607, 8388608]
    """
    return np.where(x > WRAP, x - 2 * WRAP, np.where(x <= -WRAP, x + 2 * WRAP, x))


def clip(x: Int) -> Int:
    """Saturate v: ``min(max(x, -(2^23 - 1)), 2^23 - 1)``.

    >>> clip(np.array([2**23, -(2**23)])).tolist()
    [8388607, -8388607]
    """
    return np.clip(x, -V_MAX, V_MAX)


def shift(x: Int, exponent: int) -> Int:
    """Apply a weight exponent to the sum of one connection: left if positive, else arithmetic right (floor).

    >>> shift(np.array([-3, 3]), -1).tolist(), shift(np.array([-3, 3]), 2).tolist()
    ([-2, 1], [-12, 12])
    """
    result: Any = x << exponent if exponent >= 0 else x >> -exponent
    return np.asarray(result, dtype=np.int64)
