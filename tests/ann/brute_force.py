"""MACs counted one product at a time, in Python loops, on the values that ONNX's own reference evaluator computes.

Written from the ONNX operator specification, sharing nothing with snn2hw.ann.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator


def count(model: onnx.ModelProto, sample: np.ndarray) -> dict[str, tuple[int, int]]:
    """Return {output tensor of a node: (macs, effective macs)} for one sample of batch 1."""
    values = _all_values(model, sample)
    found = {}
    for node in model.graph.node:
        a = {x.name: onnx.helper.get_attribute_value(x) for x in node.attribute}
        match node.op_type:
            case "Conv":
                found[node.output[0]] = _conv(values[node.input[0]], values[node.input[1]], values[node.output[0]], a)
            case "ConvTranspose":
                x, w, y = values[node.input[0]], values[node.input[1]], values[node.output[0]]
                found[node.output[0]] = _conv_transpose(x, w, y, a)
            case "Gemm":
                left = values[node.input[0]].T if a.get("transA", 0) else values[node.input[0]]
                right = values[node.input[1]].T if a.get("transB", 0) else values[node.input[1]]
                found[node.output[0]] = _matmul(left, right)
            case "MatMul":
                found[node.output[0]] = _matmul(values[node.input[0]], values[node.input[1]])
    return found


def _all_values(model: onnx.ModelProto, sample: np.ndarray) -> dict[str, np.ndarray]:
    exposed = onnx.ModelProto()
    exposed.CopyFrom(model)
    names = [o for n in model.graph.node for o in n.output if o]
    del exposed.graph.output[:]
    exposed.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names)
    feed = model.graph.input[0].name
    values = dict(zip(names, ReferenceEvaluator(exposed).run(None, {feed: sample}), strict=True))
    values[feed] = sample
    return values | {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}


def _geometry(a: dict[str, Any], axes: int) -> tuple[list[int], list[int], list[int]]:
    strides, gaps = a.get("strides", [1] * axes), a.get("dilations", [1] * axes)
    return strides, gaps, a.get("pads", [0] * 2 * axes)[:axes]


def _met(
    w: np.ndarray, places: tuple[int, ...], sides: tuple[int, ...], geometry: tuple[list[int], list[int], list[int]]
) -> Iterator[tuple[int, int, tuple[int, ...], tuple[int, ...], list[int]]]:
    """Yield (row, column, place, tap, where the tap falls) of every tap that falls inside an image of ``sides``."""
    for row, place in product(range(w.shape[0]), np.ndindex(*places)):
        for column, tap in product(range(w.shape[1]), np.ndindex(*w.shape[2:])):
            at = [o * s + k * g - p for o, k, s, g, p in zip(place, tap, *geometry, strict=True)]
            if all(0 <= i < n for i, n in zip(at, sides, strict=True)):
                yield row, column, place, tap, at


def _conv(x: np.ndarray, w: np.ndarray, y: np.ndarray, a: dict[str, Any]) -> tuple[int, int]:
    strides, gaps, pads = _geometry(a, x.ndim - 2)
    if a.get("auto_pad", b"NOTSET").startswith(b"SAME"):
        spans = [g * (k - 1) + 1 for g, k in zip(gaps, w.shape[2:], strict=True)]
        total = [
            max((o - 1) * s + n - i, 0) for o, s, n, i in zip(y.shape[2:], strides, spans, x.shape[2:], strict=True)
        ]
        pads = [t // 2 if a["auto_pad"] == b"SAME_UPPER" else (t + 1) // 2 for t in total]
    outs_per_group = w.shape[0] // a.get("group", 1)
    macs = effective = 0
    for out, inner, _, tap, at in _met(w, y.shape[2:], x.shape[2:], (strides, gaps, pads)):
        macs += 1
        read = x[(0, out // outs_per_group * w.shape[1] + inner, *at)]
        effective += bool(read != 0 and w[(out, inner, *tap)] != 0)
    return macs, effective


def _conv_transpose(x: np.ndarray, w: np.ndarray, y: np.ndarray, a: dict[str, Any]) -> tuple[int, int]:
    strides, gaps, pads = _geometry(a, x.ndim - 2)
    macs = effective = 0
    for channel, inner, place, tap, _ in _met(w, x.shape[2:], y.shape[2:], (strides, gaps, pads)):
        macs += 1
        effective += bool(x[(0, channel, *place)] != 0 and w[(channel, inner, *tap)] != 0)
    return macs, effective


def _matmul(left: np.ndarray, right: np.ndarray) -> tuple[int, int]:
    lead = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left = np.broadcast_to(left, (*lead, *left.shape[-2:]))
    right = np.broadcast_to(right, (*lead, *right.shape[-2:]))
    macs = effective = 0
    for index in np.ndindex(*lead):
        for row, column, inner in product(range(left.shape[-2]), range(right.shape[-1]), range(left.shape[-1])):
            macs += 1
            effective += bool(left[(*index, row, inner)] != 0 and right[(*index, inner, column)] != 0)
    return macs, effective
