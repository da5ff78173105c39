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
    """Correlate as torch does, by torch itself."""
    import torch

    correlate = torch.nn.functional.conv1d if np.ndim(node.weight) == 3 else torch.nn.functional.conv2d
    geometry = [tuple(int(n) for n in np.atleast_1d(getattr(node, name))) for name in ("stride", "padding", "dilation")]
    arrays = (torch.from_numpy(np.array(a, np.float64)) for a in (x, node.weight, node.bias))
    made: Float = correlate(*arrays, *geometry, int(node.groups)).numpy()
    return made


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
