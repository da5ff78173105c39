"""Registers as Lava wants them: its order of axes, and the threshold of neurons that never fire."""

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.loihi import ARITHMETIC

__all__ = ["NEVER", "WRITTEN", "lava_order"]

WRITTEN = ("du", "dv", "vth", "bias_mantissa", "bias_exponent", "u0", "v0")
"""The registers that are written for Lava; one more is refused where it is used."""

NEVER = ARITHMETIC.spans["vth"][1] + 1
"""A threshold above every clipped v: 131072 << 6 = 2^23."""


def lava_order(values: NDArray[np.integer], shape: tuple[int, ...]) -> NDArray[np.integer]:
    """Bring registers into Lava's order: (C, H, W) becomes (W, H, C), anything else takes the flat ``shape``."""
    return np.ascontiguousarray(values.transpose(2, 1, 0) if len(shape) == 3 else values.reshape(shape))
