"""Where NIR ends: every node of a Source read once, into a map, a delay or a neuron of the float machine."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from snn2hw.network.maps import ConvMap, DenseMap, Diagonal, Map
from snn2hw.network.neurons import Float, Integrating, Membrane, Neuron, Relay, Spiking, ThresholdGate, leak
from snn2hw.sources.graph import shape_in, shape_out
from snn2hw.sources.order import delay_steps
from snn2hw.sources.shapes import Shape, pair
from snn2hw.sources.source import reset_at_of, reset_of

if TYPE_CHECKING:
    import nir

    from snn2hw.sources.source import Source

__all__ = ["Affine", "Element", "Entry", "Late", "Reshaping", "affine_of", "element_of"]


@dataclass(frozen=True, eq=False)
class Affine:
    """A map and the constant that it adds (of the map's shape). ``chosen`` counts the numbers that were trained."""

    map: Map
    bias: Float | None
    chosen: int


@dataclass(frozen=True, eq=False)
class Late:
    """Every element waits its own number of steps."""

    steps: NDArray[np.int64]


@dataclass(frozen=True)
class Entry:
    """Where messages come in."""


@dataclass(frozen=True)
class Reshaping:
    """Another shape of the same elements in C order."""


Element = Neuron | Affine | Late | Entry | Reshaping


def element_of(name: str, source: "Source") -> Element:
    """Return what the float machine makes of one node."""
    import nir

    node = source.nodes[name]
    match node:
        case nir.Input():
            return Entry()
        case nir.Output():
            return Relay()
        case nir.Flatten():
            return Reshaping()
        case nir.Delay():
            return Late(delay_steps(node, source.dt))
        case nir.Threshold():
            return ThresholdGate(_numbers(node.threshold))
        case nir.I() | nir.LI() | nir.CubaLI():
            return Integrating(_membrane(node, source))
        case nir.IF() | nir.LIF() | nir.CubaLIF():
            return _spiking(node, source)
        case _:
            return affine_of(node)


def _numbers(values: object) -> Float:
    return np.asarray(values, np.float64)


def _membrane(node: "nir.NIRNode", source: "Source") -> Membrane:
    """Return the parameters of a potential; node metadata may say another one before step 0."""
    import nir

    dt, scheme, r = source.dt, source.scheme, _numbers(node.r)
    zero = np.zeros_like(r)

    def first(usual: Float) -> Float:
        return _numbers(node.metadata.get("v0", usual))

    match node:
        case nir.I():
            return Membrane(dt * r, zero, first(zero))
        case nir.IF():
            return Membrane(dt * r, zero, first(_numbers(node.v_reset)))
        case nir.LI() | nir.LIF():
            rest = _numbers(node.v_leak)
            return Membrane(r, rest, first(rest), leak(node.tau, dt, scheme))
        case nir.CubaLI() | nir.CubaLIF():
            rest, w_in = _numbers(node.v_leak), _numbers(node.w_in)
            membrane, synapse = leak(node.tau_mem, dt, scheme), leak(node.tau_syn, dt, scheme)
            return Membrane(r, rest, first(rest), membrane, w_in=w_in, synapse=synapse)
        case _:
            raise AssertionError(f"{type(node).__name__} has no membrane")


def _spiking(node: "nir.NIRNode", source: "Source") -> Spiking:
    rules = source.semantics
    return Spiking(
        membrane=_membrane(node, source),
        threshold=_numbers(node.v_threshold),
        v_reset=_numbers(node.v_reset),
        reset=reset_of(node, source),
        reset_at=reset_at_of(node, source),
        fires_at=rules.fires_at,
        spikes_per_step=rules.spikes_per_step,
        spike_read=rules.spike_read,
        residue=rules.residue,
        refractory=int(node.metadata.get("refractory", 0)),
        most=int(node.metadata.get("most", 0)),
    )


def affine_of(node: "nir.NIRNode") -> Affine:
    """Return the map of a stateless node, and the constant that it adds."""
    import nir

    source, shape = shape_in(node), shape_out(node)
    match node:
        case nir.Linear():
            return Affine(DenseMap(_numbers(node.weight), source, shape), None, int(np.size(node.weight)))
        case nir.Affine():
            bias = _bias(node, shape)
            return Affine(DenseMap(_numbers(node.weight), source, shape), bias, int(np.size(node.weight)))
        case nir.Conv1d() | nir.Conv2d():
            return Affine(_convolution(node, source, shape), _bias(node, shape), int(np.size(node.weight)))
        case nir.SumPool2d():
            return Affine(_pool(node, source, shape, 1.0), None, 0)
        case nir.AvgPool2d():
            mean = 1 / math.prod(pair(node.kernel_size, "kernel_size"))
            return Affine(_pool(node, source, shape, mean), None, 0)
        case nir.Scale():
            return Affine(Diagonal(_numbers(node.scale), shape), None, 0)
        case _:
            raise AssertionError(f"{type(node).__name__} is no linear map")


def _bias(node: "nir.NIRNode", shape: Shape) -> Float | None:
    if not np.any(node.bias):
        return None
    return np.broadcast_to(_numbers(node.bias).reshape(-1, *(1,) * (len(shape) - 1)), shape)


def _convolution(node: "nir.NIRNode", source: Shape, shape: Shape) -> ConvMap:
    weight = _numbers(node.weight)
    stride, padding, dilation = (pair(getattr(node, n), n) for n in ("stride", "padding", "dilation"))
    if weight.ndim == 3:
        weight, stride, padding, dilation = weight[:, :, None], (1, stride[0]), (0, padding[0]), (1, dilation[0])
    return ConvMap(weight, stride, padding, dilation, groups=int(node.groups), source=source, shape=shape)


def _pool(node: "nir.NIRNode", source: Shape, shape: Shape, value: float) -> ConvMap:
    kernel, stride, padding = (pair(getattr(node, n), n) for n in ("kernel_size", "stride", "padding"))
    ones = np.full((source[0], 1, *kernel), value)
    return ConvMap(ones, stride, padding, (1, 1), groups=source[0], source=source, shape=shape)
