"""What every ONNX operator that a spiking network may hold computes, one rule each."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from sim.border import network_limit
from snn2hw.sources.expression import operations as op
from snn2hw.sources.expression.operations import Array, Operation, Shape
from snn2hw.sources.expression.values import Applied, Constant, Value, total

__all__ = ["RULES", "NotConvertible", "OnnxNode"]


class NotConvertible(Exception):
    """An operator that no spiking network computes; the text says why."""


@dataclass(frozen=True)
class OnnxNode:
    """One operator with what it reads and the shape it makes, without the batch axis."""

    path: str
    where: str
    operator: str
    attributes: dict[str, Any]
    inputs: tuple[Value | np.ndarray | None, ...]
    shape: Shape
    place: int = 0
    """Which of its outputs is meant."""

    def signal(self) -> Value:
        """Return the first input, which must be a signal."""
        first = self.inputs[0]
        if first is None or isinstance(first, np.ndarray):
            raise NotConvertible("its first input is a constant")
        return first

    def constant(self, index: int) -> Array | None:
        """Return a constant input, None where it is left out."""
        value = self.inputs[index] if index < len(self.inputs) else None
        if value is not None and not isinstance(value, np.ndarray):
            raise NotConvertible(f"input {index} is a signal, and a weight must be a constant")
        return None if value is None else value.astype(np.float64)

    def needed(self, index: int) -> Array:
        """Return a constant input that must be there."""
        value = self.constant(index)
        if value is None:
            raise NotConvertible(f"input {index} is missing")
        return value

    def apply(self, layer: Operation) -> Value:
        """Return ``layer`` of the first input."""
        return Applied(layer, self.signal(), self.shape, self.path, self.where)


def _conv(node: OnnxNode) -> Value:
    weight = node.needed(1)
    rank = weight.ndim - 2
    if rank not in (1, 2):
        raise NotConvertible(f"a convolution in {rank} dimensions")
    dilation = tuple(node.attributes.get("dilations", (1,) * rank))
    stride = tuple(node.attributes.get("strides", (1,) * rank))
    pads = _pads(node, weight.shape[2:], stride, dilation)
    weight, padding, dilation = _even_padding(weight, pads, dilation)
    groups = node.attributes.get("group", 1)
    convolution = op.Convolution(
        weight=weight, bias=node.constant(2), stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    return node.apply(convolution)


def _pads(node: OnnxNode, kernel: Shape, stride: Shape, dilation: Shape) -> list[tuple[int, int]]:
    """Return how much is padded (before, after) on each side."""
    auto = node.attributes.get("auto_pad", "NOTSET")
    given = node.attributes.get("pads", (0,) * (2 * len(kernel)))
    if auto in ("NOTSET", "VALID"):
        numbers = given if auto == "NOTSET" else (0,) * (2 * len(kernel))
        return list(zip(numbers[: len(kernel)], numbers[len(kernel) :], strict=True))
    pads = []
    for side, k, s, d in zip(node.signal().shape[1:], kernel, stride, dilation, strict=True):
        whole = max((-(-side // s) - 1) * s + d * (k - 1) + 1 - side, 0)
        small = whole // 2
        pads.append((small, whole - small) if auto == "SAME_UPPER" else (whole - small, small))
    return pads


def _even_padding(weight: Array, pads: list[tuple[int, int]], dilation: Shape) -> tuple[Array, Shape, Shape]:
    """Write uneven padding as even padding of a kernel with zeros in front or behind."""
    if all(before == after for before, after in pads):
        return weight, tuple(before for before, _ in pads), dilation
    spans = tuple(d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True))
    sides = [span + abs(after - before) for span, (before, after) in zip(spans, pads, strict=True)]
    size = prod((*weight.shape[:2], *sides)) * np.dtype(np.float64).itemsize
    if size > network_limit(weight.nbytes):
        raise NotConvertible(f"a kernel of {weight.shape[2:]} that takes {size} bytes with its uneven padding")
    wide = np.zeros((*weight.shape[:2], *spans))
    wide[(slice(None), slice(None), *(slice(None, None, d) for d in dilation))] = weight
    zeros = [(max(after - before, 0), max(before - after, 0)) for before, after in pads]
    return np.pad(wide, [(0, 0), (0, 0), *zeros]), tuple(max(p) for p in pads), (1,) * len(dilation)


def _gemm(node: OnnxNode) -> Value:
    a = node.attributes
    weight = node.needed(1) * a.get("alpha", 1.0)
    bias = node.constant(2)
    if a.get("transA", 0) or len(node.signal().shape) != 1:
        raise NotConvertible(f"a product of a signal of shape {node.signal().shape}")
    weight = weight if a.get("transB", 0) else weight.T
    bias = None if bias is None else np.broadcast_to(bias * a.get("beta", 1.0), (1, len(weight)))[0]
    return node.apply(op.Linear(weight, bias))


def _matmul(node: OnnxNode) -> Value:
    weight = node.needed(1)
    if weight.ndim != 2 or len(node.signal().shape) != 1:
        raise NotConvertible(f"a product of a signal of shape {node.signal().shape} with weights {weight.shape}")
    return node.apply(op.Linear(weight.T, None))


def _batch_norm(node: OnnxNode) -> Value:
    scale, bias, mean, var = (node.needed(i) for i in range(1, 5))
    if node.attributes.get("training_mode", 0):
        raise NotConvertible("training mode")
    factor = scale / np.sqrt(var + node.attributes.get("epsilon", 1e-5))
    return node.apply(op.Norm(factor, bias - mean * factor))


def _pool(node: OnnxNode) -> Value:
    a = node.attributes
    kernel = tuple(a["kernel_shape"])
    rank = len(kernel)
    stride, dilation = tuple(a.get("strides", (1,) * rank)), tuple(a.get("dilations", (1,) * rank))
    pads = _pads(node, kernel, stride, dilation)
    sides = node.signal().shape[1:]
    fit = tuple(
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, p, k, s, d in zip(sides, pads, kernel, stride, dilation, strict=True)
    )
    if rank not in (1, 2) or fit != node.shape[1:]:
        raise NotConvertible("windows that hang over the border (ceil_mode)")
    if any(before != after for before, after in pads) or (any(map(any, pads)) and not a.get("count_include_pad", 0)):
        raise NotConvertible("padding that is uneven or not counted in the mean")
    return node.apply(op.Pool("mean", kernel, stride, tuple(before for before, _ in pads), dilation))


def _global_pool(node: OnnxNode) -> Value:
    sides = node.signal().shape[1:]
    return node.apply(op.Pool("mean", sides, sides, (0,) * len(sides), (1,) * len(sides)))


def _reduce_mean(node: OnnxNode) -> Value:
    signal = node.signal()
    given = node.attributes.get("axes") if len(node.inputs) < 2 else node.needed(1).astype(int).tolist()
    rank = len(signal.shape) + 1
    if rank not in (3, 4) or sorted(int(a) % rank for a in given or ()) != list(range(2, rank)):
        raise NotConvertible("a mean over other axes than all of the image's")
    sides = signal.shape[1:]
    pool = op.Pool("mean", sides, sides, (0,) * len(sides), (1,) * len(sides))
    pooled = Applied(pool, signal, (signal.shape[0], *(1,) * len(sides)), node.path, node.where)
    if node.attributes.get("keepdims", 1):
        return pooled
    return Applied(op.Flatten(0, len(sides)), pooled, node.shape, f"{node.path}_flat", node.where)


def _add(sign: float) -> Callable[[OnnxNode], Value]:
    def rule(node: OnnxNode) -> Value:
        terms: list[Value] = []
        for factor, value in zip((1.0, sign), node.inputs, strict=True):
            if isinstance(value, np.ndarray):
                terms.append(Constant(factor * _spread(value, node.shape)))
            elif value is None or value.shape != node.shape:
                raise NotConvertible("adds signals of different shapes")
            elif factor == 1.0:
                terms.append(value)
            else:
                scale = op.Scale(np.full(node.shape, factor))
                terms.append(Applied(scale, value, node.shape, f"{node.path}_scale", node.where))
        return total(terms, node.shape)

    return rule


def _sum(node: OnnxNode) -> Value:
    terms: list[Value] = []
    for value in node.inputs:
        if value is None or (not isinstance(value, np.ndarray) and value.shape != node.shape):
            raise NotConvertible("adds signals of different shapes")
        terms.append(Constant(_spread(value, node.shape)) if isinstance(value, np.ndarray) else value)
    return total(terms, node.shape)


def _channels(node: OnnxNode, default: int) -> None:
    """Refuse an axis other than that of the channels."""
    axis = int(node.attributes.get("axis", default)) % (len(node.shape) + 1)
    if axis != 1:
        raise NotConvertible(f"along axis {axis}, not along the channels")


def _concatenated(node: OnnxNode) -> Value:
    """Every signal goes to its own channels, where the others are 0: a sum."""
    _channels(node, 1)
    terms: list[Value] = []
    first = 0
    for part, value in enumerate(node.inputs):
        if value is None:
            raise NotConvertible(f"input {part} is missing")
        if isinstance(value, np.ndarray):
            numbers = np.zeros(node.shape)
            numbers[first : first + value.shape[1]] = _spread(value, (value.shape[1], *node.shape[1:]))
            terms.append(Constant(numbers))
            first += value.shape[1]
            continue
        placed = np.eye(node.shape[0])[:, first : first + value.shape[0]]
        terms.append(Applied(_mixing(placed, node.shape), value, node.shape, f"{node.path}_{part}", node.where))
        first += value.shape[0]
    return total(terms, node.shape)


def _part(node: OnnxNode) -> Value:
    """Some of a signal's channels."""
    _channels(node, 0)
    signal = node.signal()
    sizes = node.attributes.get("split") if len(node.inputs) < 2 else node.needed(1).astype(int).tolist()
    first = sum(sizes[: node.place]) if sizes else node.place * -(-signal.shape[0] // _parts_of(node))
    chosen = np.eye(signal.shape[0])[first : first + node.shape[0]]
    return Applied(_mixing(chosen, node.shape), signal, node.shape, f"{node.path}_{node.place}", node.where)


def _parts_of(node: OnnxNode) -> int:
    """Return into how many parts of one size a signal is split; the last one may be smaller."""
    return int(node.attributes.get("num_outputs") or -(-node.signal().shape[0] // node.shape[0]))


def _mixing(weight: Array, shape: Shape) -> Operation:
    """Return the map that mixes channels, the same at every place."""
    sides = len(shape) - 1
    if not sides:
        return op.Linear(weight, None)
    one, none = (1,) * sides, (0,) * sides
    return op.Convolution(weight.reshape(*weight.shape, *one), None, stride=one, padding=none, dilation=one, groups=1)


def _max_pool(node: OnnxNode) -> Value:
    """The maximum of activations, for which an OR of spikes stands."""
    signal, a = node.signal(), node.attributes
    kernel = tuple(a["kernel_shape"])
    if not (isinstance(signal, Applied) and isinstance(signal.layer, op.Relu)) or len(kernel) > 2:
        raise NotConvertible("of something that is no wave or image of activations")
    ones = (1,) * len(kernel)
    strides = tuple(a.get("strides", ones))
    pads = _pads(node, kernel, strides, ones)
    if any(before != after for before, after in pads) or set(a.get("dilations", (1,))) != {1}:
        raise NotConvertible("padding that is uneven, or taps that lie apart")
    pool = op.Pool("max", kernel, strides, tuple(before for before, _ in pads), ones)
    if _fitting(signal.shape[1:], pool) != node.shape[1:]:
        raise NotConvertible("windows that hang over the border (ceil_mode)")
    return node.apply(pool)


def _fitting(sides: Shape, pool: op.Pool) -> Shape:
    """Return how many windows of a pool fit into an image."""
    each = zip(sides, pool.kernel, pool.stride, pool.padding, pool.dilation, strict=True)
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in each)


def _spread(numbers: np.ndarray, shape: Shape) -> Array:
    """Spread constants over one sample, the batch axis left out."""
    try:
        spread: Array = np.broadcast_to(numbers.astype(np.float64), (1, *shape))[0]
    except ValueError:
        raise NotConvertible(f"constants of shape {numbers.shape} beside a signal of {shape}") from None
    return spread


def _multiply(node: OnnxNode) -> Value:
    constants = [v for v in node.inputs if isinstance(v, np.ndarray)]
    signals = [v for v in node.inputs if v is not None and not isinstance(v, np.ndarray)]
    if len(constants) != 1 or len(signals) != 1 or signals[0].shape != node.shape:
        raise NotConvertible("a product of two signals")
    return Applied(op.Scale(_spread(constants[0], node.shape)), signals[0], node.shape, node.path, node.where)


def _divide(node: OnnxNode) -> Value:
    return node.apply(op.Scale(_spread(1.0 / node.needed(1), node.shape)))


def _relu(node: OnnxNode) -> Value:
    return node.apply(op.Relu())


def _clip(node: OnnxNode) -> Value:
    low = node.attributes.get("min") if len(node.inputs) < 2 else node.constant(1)
    high = node.attributes.get("max") if len(node.inputs) < 3 else node.constant(2)
    if low is None or float(low) != 0.0:
        raise NotConvertible("a lower bound other than 0")
    return node.apply(op.Relu(None if high is None else float(high)))


def _same(node: OnnxNode) -> Value:
    return node.signal()


def _reshape(node: OnnxNode) -> Value:
    signal = node.signal()
    if signal.shape == node.shape:
        return signal
    for start in range(len(signal.shape)):
        for end in range(start + 1, len(signal.shape)):
            joined = int(np.prod(signal.shape[start : end + 1]))
            if node.shape == (*signal.shape[:start], joined, *signal.shape[end + 1 :]):
                return node.apply(op.Flatten(start, end))
    raise NotConvertible(f"reshapes {signal.shape} to {node.shape}; only neighbouring axes can be joined")


RULES: dict[str, Callable[[OnnxNode], Value]] = {
    "Conv": _conv,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "BatchNormalization": _batch_norm,
    "AveragePool": _pool,
    "GlobalAveragePool": _global_pool,
    "ReduceMean": _reduce_mean,
    "Add": _add(1.0),
    "Sub": _add(-1.0),
    "Sum": _sum,
    "Concat": _concatenated,
    "Split": _part,
    "MaxPool": _max_pool,
    "Mul": _multiply,
    "Div": _divide,
    "Relu": _relu,
    "Clip": _clip,
    **dict.fromkeys(("Identity", "Dropout", "Cast"), _same),
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), _reshape),
}
"""What the output of a node is, by operator."""
