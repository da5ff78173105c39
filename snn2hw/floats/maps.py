"""What NIR's stateless primitives do to a batch of messages, in float64."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from snn2hw.sources.graph import shape_out
from snn2hw.sources.shapes import pair

if TYPE_CHECKING:
    import nir

__all__ = ["Float", "apply_map"]

Float: TypeAlias = NDArray[np.float64]


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
    groups = int(node.groups)
    c_out, ins = weight.shape[:2]
    sides = shape_out(node)[1:]
    height, width = (1, *sides) if len(sides) == 1 else sides
    (pad_y, pad_x), outs = padding, c_out // groups
    padded = np.pad(x.transpose(0, 2, 3, 1), ((0, 0), (pad_y, pad_y), (pad_x, pad_x), (0, 0)))  # n y x c
    y = np.empty((x.shape[0], height, width, c_out))
    y[:] = bias
    for ky, kx in np.ndindex(*weight.shape[2:]):
        top, left = ky * dilation[0], kx * dilation[1]
        seen = padded[:, top : top + stride[0] * height : stride[0], left : left + stride[1] * width : stride[1]]
        seen = seen[:, :height, :width]
        if ins == 1 and outs == 1:
            y += seen * weight[:, 0, ky, kx]
            continue
        for g in range(groups):
            rows = slice(g * outs, (g + 1) * outs)
            y[..., rows] += seen[..., g * ins : (g + 1) * ins] @ weight[rows, :, ky, kx].T
    out = y.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(out[:, :, 0] if len(sides) == 1 else out)


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
