"""Write maps that NIR has no node for as matrices over all elements of a signal; what follows them is flat.

NIR can join axes and not take them apart again, so a layer behind such a map keeps its neurons in one axis, and a
convolution behind it becomes the matrix that it is.
"""

import math
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np

from snn2hw.problems import Problem
from snn2hw.sources.expression import operations as op
from snn2hw.sources.expression.neurons import NetworkStep, NeuronLayer
from snn2hw.sources.expression.operations import Array, Operation, Shape
from snn2hw.sources.expression.values import Applied, Constant, Neuron, Total, Value, parts, total

__all__ = ["MOST_WEIGHTS", "Flattened", "flattened"]

MOST_WEIGHTS = 1 << 25
"""Weights that a matrix may have: beyond, nobody wants it written out."""


@dataclass
class Flattened:
    """A step without matrices over several axes, the notes on what was written out, and what cannot be."""

    step: NetworkStep
    notes: dict[str, None] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def flattened(step: NetworkStep) -> Flattened:
    """Return ``step`` with matrices as Linear maps, and every layer behind one of them in a single axis."""
    out = Flattened(step)
    flat: set[int] = set()
    grows = True
    while grows:
        found = {n for n, layer in enumerate(step.layers) if _is_flat(layer.reads, flat)}
        grows, flat = not found <= flat, flat | found
    if not flat and not any(_has_matrix(v) for v in (step.output, *(layer.reads for layer in step.layers))):
        return out
    layers = tuple(_layer(out, layer, n in flat, flat) for n, layer in enumerate(step.layers))
    output = _flat(out, step.output, flat) if _is_flat(step.output, flat) else _plain(out, step.output, flat)
    out.step = replace(step, layers=layers, output=output)
    return out


def _has_matrix(value: Value) -> bool:
    return (isinstance(value, Applied) and isinstance(value.layer, op.Matrix)) or any(map(_has_matrix, parts(value)))


def _is_flat(value: Value, flat: set[int]) -> bool:
    """Return whether a value of several axes can only be said in one."""
    if len(value.shape) == 1:
        return False
    if isinstance(value, Neuron):
        return value.index in flat
    if isinstance(value, Applied) and isinstance(value.layer, op.Matrix):
        return True
    return any(_is_flat(part, flat) for part in parts(value))


def _layer(out: Flattened, layer: NeuronLayer, is_flat: bool, flat: set[int]) -> NeuronLayer:
    if not is_flat:
        return replace(layer, reads=_plain(out, layer.reads, flat))
    given = layer.neurons
    one_axis = [
        None if array is None else array.reshape(-1)
        for array in (given.leak, given.synapse, given.v_leak, given.v_threshold, given.v_reset)
    ]
    leak, synapse, v_leak, v_threshold, v_reset = one_axis
    neurons = replace(
        given,
        v0=given.v0.reshape(-1),
        leak=leak,
        synapse=synapse,
        v_leak=v_leak,
        v_threshold=v_threshold,
        v_reset=v_reset,
    )
    return replace(layer, shape=(math.prod(layer.shape),), neurons=neurons, reads=_flat(out, layer.reads, flat))


def _plain(out: Flattened, value: Value, flat: set[int]) -> Value:
    """Return a value that keeps its axes, made of parts that may be flat."""
    match value:
        case Applied(layer=op.Matrix()):
            return _flat(out, value, flat)
        case Applied(layer=layer, of=of) if _is_flat(of, flat):
            inner = _flat(out, of, flat)
            return inner if isinstance(layer, op.Flatten) else replace(value, of=inner)
        case Applied(of=of):
            return replace(value, of=_plain(out, of, flat))
        case Total(of=several):
            return total([_plain(out, v, flat) for v in several], value.shape)
        case _:
            return value


def _flat(out: Flattened, value: Value, flat: set[int]) -> Value:
    """Return a value in one axis."""
    shape = (math.prod(value.shape),)
    match value:
        case Constant(array=array):
            return Constant(array.reshape(-1))
        case Neuron(index=index) if index in flat:
            return replace(value, shape=shape)
        case Total(of=several):
            return total([_flat(out, v, flat) for v in several], shape)
        case Applied(layer=op.Matrix(weight=weight, bias=bias), of=of):
            n_out, n_in = weight.shape
            out.notes[f"{value.path}: written as a matrix of {n_out} x {n_in}, what it makes is flat"] = None
            return replace(value, layer=op.Linear(weight, bias), of=_flat(out, of, flat), shape=shape)
        case Applied(layer=layer, of=of) if _is_flat(of, flat):
            inner = _flat(out, of, flat)
            same = _elementwise(layer, value.shape)
            if same is not None:
                return replace(value, layer=same, of=inner, shape=shape)
            if isinstance(layer, op.Flatten):
                return inner
            return replace(value, layer=_written_out(out, value, layer, of.shape), of=inner, shape=shape)
    kept = _plain(out, value, flat)
    rank = len(kept.shape)
    return (
        kept if rank == 1 else Applied(op.Flatten(0, rank - 1), kept, shape, f"{getattr(value, 'path', 'input')}_flat")
    )


def _elementwise(layer: Operation, shape: Shape) -> Operation | None:
    """Return an operation on every element alone for elements in one axis, None for any other operation."""
    if isinstance(layer, op.Scale):
        return op.Scale(layer.factor.reshape(-1))
    if isinstance(layer, op.Norm):
        each = math.prod(shape[1:])
        return op.Norm(np.repeat(layer.factor, each), np.repeat(layer.shift, each))
    return None


def _written_out(out: Flattened, value: Applied, layer: Operation, shape: Shape) -> op.Linear:
    """Return a convolution or a pool as a matrix."""
    n_in, n_out = math.prod(shape), math.prod(value.shape)
    fix = "put it in front of the map that makes the signal flat, or shrink the layer"
    if n_in * n_out > MOST_WEIGHTS:
        what = f"a matrix of {n_out} x {n_in} weights"
        out.problems.append(Problem(value.where or value.path, what, fix))
    elif isinstance(layer, op.Convolution):
        bias = None if layer.bias is None else np.repeat(layer.bias, math.prod(value.shape[1:]))
        return op.Linear(_convolved(layer, shape, value.shape), bias)
    elif isinstance(layer, op.Pool) and layer.kind != "max":
        weight = np.full((shape[0], 1, *layer.kernel), 1.0 if layer.kind == "sum" else 1.0 / math.prod(layer.kernel))
        as_convolution = op.Convolution(
            weight=weight, bias=None, stride=layer.stride, padding=layer.padding, dilation=layer.dilation,
            groups=shape[0],
        )  # fmt: skip
        return op.Linear(_convolved(as_convolution, shape, value.shape), None)
    else:
        out.problems.append(Problem(value.where or value.path, "a maximum behind a map that makes its input flat", fix))
    return op.Linear(np.zeros((n_out, n_in)), None)


def _convolved(layer: op.Convolution, shape: Shape, made: Shape) -> Array:
    """Return the matrix of a convolution of ``shape`` to ``made``."""
    kernel = layer.weight.shape[2:]
    padding = (
        tuple(d * (k - 1) // 2 for d, k in zip(layer.dilation, kernel, strict=True))
        if layer.padding == "same"
        else layer.padding
    )
    matrix = np.zeros((math.prod(made[1:]), made[0], math.prod(shape[1:]), shape[0]))
    per_group, c_out = layer.weight.shape[1], layer.weight.shape[0] // layer.groups
    taps = layer.weight.reshape(made[0], per_group, -1)
    for (to, place), (n, tap) in product(_places(made[1:]), _places(kernel)):
        at = [
            p * s - pad + t * d
            for p, s, pad, t, d in zip(place, layer.stride, padding, tap, layer.dilation, strict=True)
        ]
        if any(not 0 <= a < side for a, side in zip(at, shape[1:], strict=True)):
            continue
        source = int(np.ravel_multi_index(at, shape[1:]))
        for group in range(layer.groups):
            made_by = slice(group * c_out, (group + 1) * c_out)
            matrix[to, made_by, source, group * per_group : (group + 1) * per_group] = taps[made_by, :, n]
    weights: Array = matrix.transpose(1, 0, 3, 2).reshape(math.prod(made), math.prod(shape))
    return weights


def _places(sides: Shape) -> list[tuple[int, Shape]]:
    """Return every place of an image with its number in C order."""
    return list(enumerate(product(*map(range, sides))))
