"""Wide integers as bytes: what 8-bit integer operators multiply, and how the pieces add up again.

    values = sum over planes  scale * (bytes - zero_point)

Bytes are unsigned on both sides. ONNX Runtime's signed-weight kernels add pairs of products in 16 bits on processors
without VNNI and saturate there; its unsigned ones do not, so the result is the same everywhere.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Plane", "split"]


@dataclass(frozen=True, eq=False)
class Plane:
    """One byte of a wide integer: ``scale * (bytes - zero_point)``."""

    scale: int
    zero_point: int
    values: NDArray[np.uint8]


def split(values: NDArray[np.integer]) -> tuple[Plane, ...]:
    """Split integers into the fewest planes; a common power of two goes into the scale."""
    wide = values.astype(np.int64)
    scale = _common_power_of_two(wide)
    wide = wide // scale
    planes = []
    while True:
        least, most = int(wide.min()), int(wide.max())
        if least >= -255 and most - min(least, 0) <= 255:
            zero_point = -min(least, 0)
            planes.append(Plane(scale, zero_point, (wide + zero_point).astype(np.uint8)))
            return tuple(planes)
        low = wide & 255
        planes.append(Plane(scale, 0, low.astype(np.uint8)))
        wide = (wide - low) >> 8
        scale *= 256


def _common_power_of_two(values: NDArray[np.int64]) -> int:
    bits = int(np.bitwise_or.reduce(values, axis=None))
    return bits & -bits if bits else 1
