"""What a linear map makes of a batch of messages, in float64."""

from dataclasses import dataclass
from functools import reduce
from math import gcd, prod
from typing import assert_never

import numpy as np

from snn2hw.network.maps import Chain, ConvMap, DenseMap, Diagonal, Float, Map, is_identity

__all__ = ["applied"]

COLUMN_BYTES = 1 << 26
"""How much of a convolution's input may stand unrolled at once."""


def applied(map_: Map, x: Float) -> Float:
    """Return the map of (N, *source) messages, (N, *shape); messages of another shape count in C order."""
    match map_:
        case Diagonal():
            shaped = x.reshape(len(x), *map_.shape)
            return shaped if is_identity(map_) else shaped * map_.scale
        case DenseMap():
            return (x.reshape(len(x), map_.weight.shape[1]) @ map_.weight.T).reshape(len(x), *map_.shape)
        case ConvMap():
            return _convolution(map_, x)
        case Chain():
            for part in map_.maps:
                x = applied(part, x)
            return x
        case _:
            assert_never(map_)


def _convolution(conv: ConvMap, x: Float) -> Float:
    """Correlate as torch does; one-dimensional is height 1."""
    image = x.reshape(len(x), conv.weight.shape[1] * conv.groups, *conv.sides_in).transpose(0, 2, 3, 1)  # n y x c
    blocks = _blocks(conv)
    by_y, by_x = blocks
    lines = reduce(np.add, (image[:, k::by_y] for k in range(by_y)))
    cells = reduce(np.add, (lines[:, :, k::by_x] for k in range(by_x)))
    pad_y, pad_x = (n // by for n, by in zip(conv.padding, blocks, strict=True))
    padded = np.pad(cells, ((0, 0), (pad_y, pad_y), (pad_x, pad_x), (0, 0)))
    weight = conv.weight[:, :, ::by_y, ::by_x]
    rows, columns = weight.shape[2:]
    windows = _Windows(conv.sides_out, (rows, columns), (conv.stride[0] // by_y, conv.stride[1] // by_x), conv.dilation)
    alone = weight.shape[1] == 1 and conv.groups > 1
    y = _per_channel(padded, weight, windows) if alone else _by_columns(padded, weight, conv.groups, windows)
    return np.ascontiguousarray(y.transpose(0, 3, 1, 2)).reshape(len(x), *conv.shape)


def _blocks(conv: ConvMap) -> tuple[int, int]:
    """Return the sides (y, x) of the blocks of inputs that may be added up before anything is multiplied.

    A kernel that an average pool was folded into repeats each of its taps in blocks of the pool's size. Where windows
    move by whole blocks too, and sides and padding hold whole blocks, the convolution of their sums is the same with
    as many products less.
    """

    def along(axis: int) -> int:
        taps = np.moveaxis(conv.weight, 2 + axis, 0)
        whole = gcd(len(taps), conv.stride[axis], conv.padding[axis], conv.sides_in[axis])
        for size in range(whole if conv.dilation[axis] == 1 else 1, 1, -1):
            parts = taps.reshape(len(taps) // size, size, -1) if whole % size == 0 else None
            if parts is not None and (parts == parts[:, :1]).all():
                return size
        return 1

    return along(0), along(1)


@dataclass(frozen=True)
class _Windows:
    """Where a kernel's taps fall; every pair is (y, x)."""

    outputs: tuple[int, int]
    taps: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]

    def tap(self, padded: Float, ky: int, kx: int) -> Float:
        """Return what one tap sees at every output, (n, height, width, c)."""
        (step_y, step_x), top, left = self.stride, ky * self.dilation[0], kx * self.dilation[1]
        height, width = self.outputs
        seen = padded[:, top : top + step_y * (height - 1) + 1 : step_y]
        return seen[:, :, left : left + step_x * (width - 1) + 1 : step_x]

    def all(self, padded: Float) -> Float:
        """Return a view of every tap at every output, (n, height, width, rows, columns, c)."""
        n, y, x, c = padded.strides
        return np.lib.stride_tricks.as_strided(
            padded,
            (len(padded), *self.outputs, *self.taps, padded.shape[3]),
            (n, y * self.stride[0], x * self.stride[1], y * self.dilation[0], x * self.dilation[1], c),
            writeable=False,
        )


def _per_channel(padded: Float, weight: Float, windows: _Windows) -> Float:
    """Each output channel reads one input channel: (outs per group) multiples of every group's only channel."""
    outs = weight.shape[0] // padded.shape[3]
    y = np.zeros((len(padded), *windows.outputs, weight.shape[0]))
    for ky, kx in np.ndindex(windows.taps):
        seen = windows.tap(padded, ky, kx)
        y += (np.repeat(seen, outs, axis=3) if outs > 1 else seen) * weight[:, 0, ky, kx]
    return y


def _by_columns(padded: Float, weight: Float, groups: int, windows: _Windows) -> Float:
    """One matrix product per group over all taps, as many samples at once as COLUMN_BYTES allow."""
    ins, outs = weight.shape[1], weight.shape[0] // groups
    y = np.empty((len(padded), *windows.outputs, weight.shape[0]))
    taps = prod(windows.taps) * ins
    some = max(1, COLUMN_BYTES // (8 * prod(windows.outputs) * taps))
    for g in range(groups):
        rows = slice(g * outs, (g + 1) * outs)
        matrix = weight[rows].transpose(2, 3, 1, 0).reshape(taps, outs)  # (ky kx i) o
        for start in range(0, len(padded), some):
            part = padded[start : start + some, :, :, g * ins : (g + 1) * ins]
            columns = windows.all(part).reshape(-1, taps)
            y[start : start + some, :, :, rows] = (columns @ matrix).reshape(len(part), *y.shape[1:3], outs)
    return y
