"""The NIR node of every layer and of every kind of neuron."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np

from snn2hw.sources.expression import operations as op
from snn2hw.sources.expression.neurons import NeuronParameters
from snn2hw.sources.expression.operations import Array, Operation, Shape

if TYPE_CHECKING:
    import nir

__all__ = ["layer_node", "neuron_node"]


def layer_node(layer: Operation, shape: Shape) -> "nir.NIRNode":
    """Return the NIR node of ``layer`` on an input of ``shape``."""
    import nir

    match layer:
        case op.Linear(weight=weight, bias=None):
            return nir.Linear(weight)
        case op.Linear(weight=weight, bias=bias):
            return nir.Affine(weight, bias)
        case op.Convolution():
            return _convolution(layer, shape)
        case op.Scale(factor=factor):
            return nir.Scale(np.array(factor))
        case op.Flatten(start=start, end=end):
            return nir.Flatten({"input": np.array(shape)}, start, end)
        case op.Norm(factor=factor, shift=shift) if len(shape) == 1:
            return nir.Affine(np.diag(factor), shift)
        case op.Norm(factor=factor, shift=shift):
            ones = (1,) * (len(shape) - 1)
            weight = factor.reshape(-1, 1, *ones)
            return _convolution(_per_channel(weight, shift, ones, shape), shape)
        case op.Pool():
            return _pool(layer, shape)
        case op.Relu() | op.Matrix():
            raise AssertionError("a rectifier is refused or replaced, and a matrix written as a Linear map, before")
        case _:
            assert_never(layer)


def _pool(pool: op.Pool, shape: Shape) -> "nir.NIRNode":
    import nir

    if len(pool.kernel) == 2 and set(pool.dilation) == {1}:
        make = nir.SumPool2d if pool.kind == "sum" else nir.AvgPool2d
        return make(np.array(pool.kernel), np.array(pool.stride), np.array(pool.padding))
    weight = np.full((shape[0], 1, *pool.kernel), 1.0 if pool.kind == "sum" else 1.0 / np.prod(pool.kernel))
    spaced = _per_channel(weight, None, pool.stride, shape)
    return _convolution(replace(spaced, padding=pool.padding, dilation=pool.dilation), shape)


def _per_channel(weight: Array, bias: Array | None, stride: Shape, shape: Shape) -> op.Convolution:
    """Return the convolution in which every channel of ``shape`` is read by its own kernel."""
    zeros, ones = (0,) * len(stride), (1,) * len(stride)
    return op.Convolution(weight=weight, bias=bias, stride=stride, padding=zeros, dilation=ones, groups=shape[0])


def _convolution(of: op.Convolution, shape: Shape) -> "nir.NIRNode":
    import nir

    bias = np.zeros(of.weight.shape[0]) if of.bias is None else of.bias
    fields: dict[str, Any] = {"weight": of.weight, "groups": of.groups, "bias": bias}
    if of.weight.ndim > 3:
        space = {"stride": of.stride, "padding": of.padding, "dilation": of.dilation}
        return nir.Conv2d(input_shape=shape[1:], **space, **fields)
    padding = of.padding if of.padding == "same" else of.padding[0]
    return nir.Conv1d(input_shape=shape[1], stride=of.stride[0], padding=padding, dilation=of.dilation[0], **fields)


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
    """Return what NIR has no field for: a start away from rest, reset by subtraction, and a refractory time."""
    start = {} if rest is None or np.array_equal(p.v0, rest) else {"v0": p.v0}
    said: dict[str, Any] = {"reset": "subtract"} if p.subtract else {}
    return start | said | ({"refractory": p.refractory} if p.refractory else {})
