"""Which taps of a convolution fall onto the image, summed: the checker's own way to a convolution's extreme sums."""

import numpy as np
from numpy.typing import NDArray

from sim.program import Conv

__all__ = ["reached"]

Ints = NDArray[np.int64]


def reached(weight: Ints, conv: Conv, source: tuple[int, ...], target: tuple[int, ...]) -> Ints:
    """Sum the taps that fall onto the image, for every place of the target."""
    masks = []
    for axis in (0, 1):
        tap = np.arange(weight.shape[2 + axis])[:, None] * conv.dilation[axis]
        at = np.arange(target[1 + axis])[None, :] * conv.stride[axis] - conv.padding[axis] + tap
        masks.append(((at >= 0) & (at < source[1 + axis])).astype(np.int64))
    per_tap = weight.sum(axis=1)
    return np.asarray(np.einsum("okl,ky,lx->oyx", per_tap, *masks), dtype=np.int64)
