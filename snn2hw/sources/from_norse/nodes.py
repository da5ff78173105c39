"""The NIR node of every layer and of every kind of neuron."""

from typing import TYPE_CHECKING, Any, assert_never

import numpy as np

from snn2hw.sources.from_norse.layers import Array, Convolution, Flatten, Layer, Linear, Norm, Pool, Relu, Scale, Shape
from snn2hw.sources.from_norse.network import NeuronParameters

if TYPE_CHECKING:
    import nir

__all__ = ["layer_node", "neuron_node"]


def layer_node(layer: Layer, shape: Shape) -> "nir.NIRNode":
    """Return the NIR node of ``layer`` on an input of ``shape``."""
    import nir

    match layer:
        case Linear(weight=weight, bias=None):
            return nir.Linear(weight)
        case Linear(weight=weight, bias=bias):
            return nir.Affine(weight, bias)
        case Convolution(weight, bias, stride, padding, dilation, groups):
            return _convolution(weight, bias, stride, padding, dilation, groups, shape)
        case Scale(factor=factor):
            return nir.Scale(np.array(factor))
        case Flatten(start=start, end=end):
            return nir.Flatten({"input": np.array(shape)}, start, end)
        case Norm(factor=factor, shift=shift) if len(shape) == 1:
            return nir.Affine(np.diag(factor), shift)
        case Norm(factor=factor, shift=shift):
            ones = (1,) * (len(shape) - 1)
            weight = factor.reshape(-1, 1, *ones)
            return _convolution(weight, shift, ones, tuple(0 for _ in ones), ones, shape[0], shape)
        case Pool(kind, kernel, stride, padding, dilation):
            return _pool(kind, kernel, stride, padding, dilation, shape)
        case Relu():
            raise AssertionError("a rectifier has no node: it is refused or replaced before")
        case _:
            assert_never(layer)


def _pool(kind: str, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape, shape: Shape) -> "nir.NIRNode":
    import nir

    if len(kernel) == 2 and set(dilation) == {1}:
        make = nir.SumPool2d if kind == "sum" else nir.AvgPool2d
        return make(np.array(kernel), np.array(stride), np.array(padding))
    weight = np.full((shape[0], 1, *kernel), 1.0 if kind == "sum" else 1.0 / np.prod(kernel))
    return _convolution(weight, None, stride, padding, dilation, shape[0], shape)


def _convolution(
    weight: Array, bias: Array | None, stride: Shape, padding: Any, dilation: Shape, groups: int, shape: Shape
) -> "nir.NIRNode":
    import nir

    bias = np.zeros(weight.shape[0]) if bias is None else bias
    if weight.ndim == 3:
        padding = padding if padding == "same" else padding[0]
        return nir.Conv1d(shape[1], weight, stride[0], padding, dilation[0], groups, bias)
    return nir.Conv2d(shape[1:], weight, stride, padding, dilation, groups, bias)


def neuron_node(p: NeuronParameters, shape: Shape, dt: float) -> "nir.NIRNode":
    """Return the NIR node whose Euler step at ``dt`` is that of the layer of neurons ``p``."""
    import nir

    one = np.ones(shape)
    fires: dict[str, Any] = {} if p.v_threshold is None else {"v_threshold": p.v_threshold, "v_reset": p.v_reset}
    if p.leak is None:
        if p.v_threshold is None:
            return nir.I(r=one / dt)
        return nir.IF(r=one / dt, **fires, metadata=_metadata(p, p.v_reset))
    leaks = {"r": one, "v_leak": p.v_leak, "metadata": _metadata(p, p.v_leak)}
    if p.synapse is None:
        return (nir.LIF if fires else nir.LI)(tau=dt / p.leak, **leaks, **fires)
    synapse = {"tau_syn": dt / p.synapse, "w_in": 1.0 / p.synapse}
    return (nir.CubaLIF if fires else nir.CubaLI)(tau_mem=dt / p.leak, **synapse, **leaks, **fires)


def _metadata(p: NeuronParameters, rest: Array | None) -> dict[str, Any]:
    """Return what NIR has no field for: a start away from rest, and reset by subtraction."""
    start = {} if rest is None or np.array_equal(p.v0, rest) else {"v0": p.v0}
    return start | ({"reset": "subtract"} if p.subtract else {})
