"""What NIR's stateless primitives do to a batch of messages, in float64."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snn2hw.sources.graph import shape_out
from snn2hw.sources.shapes import pair

if TYPE_CHECKING:
    import nir

__all__ = ["Float", "apply_map"]

Float: TypeAlias = NDArray[np.float64]

COLUMN_BYTES = 1 << 26
"""How much of a convolution's input may stand unrolled at once."""


def apply_map(node: "nir.NIRNode", x: Float) -> Float:
    """Return the output of a stateless node for (N, *shape) messages."""
    kind = type(node).__name__
    match kind:
        case "Linear" | "Affine":
            y = x @ np.asarray(node.weight, np.float64).T
            return y + np.asarray(node.bias, np.float64) if kind == "Affine" else y
        case "Conv1d" | "Conv2d":
            return _convolution(node, x)
        case "SumPool2d" | "AvgPool2d":
            return _pool(node, x)
        case "Scale":
            return x * np.asarray(node.scale, np.float64)
        case "Threshold":
            return (x > np.asarray(node.threshold, np.float64)).astype(np.float64)
        case "Flatten":
            return x.reshape(x.shape[0], *shape_out(node))
        case "Output":
            return x
        case _:
            raise AssertionError(f"{kind} is no map")


def _convolution(node: "nir.NIRNode", x: Float) -> Float:
    """Correlate as torch does; one-dimensional is height 1."""
    weight, bias = np.asarray(node.weight, np.float64), np.asarray(node.bias, np.float64)
    stride, padding, dilation = (pair(getattr(node, n), n) for n in ("stride", "padding", "dilation"))
    if weight.ndim == 3:
        weight, x = weight[:, :, None], x[:, :, None]
        stride, padding, dilation = (1, stride[0]), (0, padding[0]), (1, dilation[0])
    sides = shape_out(node)[1:]
    height, width = (1, *sides) if len(sides) == 1 else sides
    groups, (pad_y, pad_x) = int(node.groups), padding
    padded = np.pad(x.transpose(0, 2, 3, 1), ((0, 0), (pad_y, pad_y), (pad_x, pad_x), (0, 0)))  # n y x c
    rows, columns = (int(n) for n in weight.shape[2:])
    windows = _Windows(height, width, rows, columns, stride, dilation)
    alone = weight.shape[1] == 1 and groups > 1
    y = _per_channel(padded, weight, windows) if alone else _by_columns(padded, weight, groups, windows)
    out = (y + bias).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(out[:, :, 0] if len(sides) == 1 else out)


@dataclass(frozen=True)
class _Windows:
    """Where a kernel's taps fall: (height, width) outputs, (rows, columns) taps."""

    height: int
    width: int
    rows: int
    columns: int
    stride: tuple[int, int]
    dilation: tuple[int, int]

    def tap(self, padded: Float, ky: int, kx: int) -> Float:
        """Return what one tap sees at every output, (n, height, width, c)."""
        (step_y, step_x), top, left = self.stride, ky * self.dilation[0], kx * self.dilation[1]
        seen = padded[:, top : top + step_y * (self.height - 1) + 1 : step_y]
        return seen[:, :, left : left + step_x * (self.width - 1) + 1 : step_x]

    def all(self, padded: Float) -> Float:
        """Return a view of every tap at every output, (n, height, width, rows, columns, c)."""
        n, y, x, c = padded.strides
        return np.lib.stride_tricks.as_strided(
            padded,
            (len(padded), self.height, self.width, self.rows, self.columns, padded.shape[3]),
            (n, y * self.stride[0], x * self.stride[1], y * self.dilation[0], x * self.dilation[1], c),
            writeable=False,
        )


def _per_channel(padded: Float, weight: Float, windows: _Windows) -> Float:
    """Each output channel reads one input channel: (outs per group) multiples of every group's only channel."""
    outs = weight.shape[0] // padded.shape[3]
    y = np.zeros((len(padded), windows.height, windows.width, weight.shape[0]))
    for ky, kx in np.ndindex(windows.rows, windows.columns):
        seen = windows.tap(padded, ky, kx)
        y += (np.repeat(seen, outs, axis=3) if outs > 1 else seen) * weight[:, 0, ky, kx]
    return y


def _by_columns(padded: Float, weight: Float, groups: int, windows: _Windows) -> Float:
    """One matrix product per group over all taps, as many samples at once as COLUMN_BYTES allow."""
    ins, outs = weight.shape[1], weight.shape[0] // groups
    y = np.empty((len(padded), windows.height, windows.width, weight.shape[0]))
    taps = windows.rows * windows.columns * ins
    some = max(1, COLUMN_BYTES // (8 * windows.height * windows.width * taps))
    for g in range(groups):
        rows = slice(g * outs, (g + 1) * outs)
        matrix = weight[rows].transpose(2, 3, 1, 0).reshape(taps, outs)  # (ky kx i) o
        for start in range(0, len(padded), some):
            part = padded[start : start + some, :, :, g * ins : (g + 1) * ins]
            columns = windows.all(part).reshape(-1, taps)
            y[start : start + some, :, :, rows] = (columns @ matrix).reshape(len(part), *y.shape[1:3], outs)
    return y


def _pool(node: "nir.NIRNode", x: Float) -> Float:
    """Sum over windows, or their mean with padding counted in."""
    kernel, stride, padding = (pair(getattr(node, n), n) for n in ("kernel_size", "stride", "padding"))
    height, width = shape_out(node)[1:]
    padded = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    y = np.zeros((*x.shape[:2], height, width))
    for ky, kx in np.ndindex(*kernel):
        y += padded[:, :, ky : ky + stride[0] * height : stride[0], kx : kx + stride[1] * width : stride[1]][
            :, :, :height, :width
        ]
    return y / (kernel[0] * kernel[1]) if type(node).__name__ == "AvgPool2d" else y
