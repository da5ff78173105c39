"""How many synapses a linear map has: connections of non-zero weight, those of a convolution border-exact."""

from typing import assert_never

import numpy as np

from snn2hw.network.maps import ConvMap, DenseMap, Diagonal, Map

__all__ = ["synapses"]


def synapses(map_: Map) -> int:
    """Return the number of pairs (source element, target element) that a non-zero weight connects.

    A tap of a convolution connects as many pairs as there are places where it falls on the input, not on padding.
    """
    match map_:
        case Diagonal():
            return int(np.count_nonzero(map_.scale))
        case DenseMap():
            return int(np.count_nonzero(map_.weight))
        case ConvMap():
            present = np.count_nonzero(map_.weight, axis=(0, 1))  # ky kx
            places = np.outer(_places(map_, 0), _places(map_, 1))
            return int((present * places).sum())
        case _:
            assert_never(map_)


def _places(conv: ConvMap, axis: int) -> np.ndarray:
    """Return for every tap along one axis at how many outputs it falls on the input."""
    taps = np.arange(conv.weight.shape[2 + axis])[:, None] * conv.dilation[axis]
    read = taps + np.arange(conv.sides_out[axis]) * conv.stride[axis] - conv.padding[axis]
    inside: np.ndarray = (read >= 0) & (read < conv.sides_in[axis])
    return np.asarray(inside.sum(axis=1))
