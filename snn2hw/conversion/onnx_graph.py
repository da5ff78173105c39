"""A trained ONNX network as an expression of its layers, read with the onnx package alone."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sim.border import bordered
from sim.errors import InputError
from snn2hw.conversion.rules import RULES, NotConvertible, OnnxNode
from snn2hw.problems import Problem, refuse
from snn2hw.sources.expression.operations import Shape
from snn2hw.sources.expression.values import InputStep, Unreadable, Value
from snn2hw.sources.shapes import check_elements

if TYPE_CHECKING:
    import onnx

__all__ = ["TAIL", "read_onnx"]

TAIL = ("Softmax", "LogSoftmax", "ArgMax", "Sigmoid")
"""What may follow the last layer: it does not change which output is the largest, and runs on the host."""

TRAIN = "train with Relu: rates of spikes are 0 or more and grow in proportion, no other curve is one"
FIX = "use Conv, Gemm, MatMul, BatchNormalization, average pooling, Flatten, Add, constant factors, Relu, Clip from 0"
CURES = {
    "MaxPool": "train with AveragePool: a maximum of rates is no sum of spikes",
    "GlobalMaxPool": "train with GlobalAveragePool",
    **dict.fromkeys(("Tanh", "Sigmoid", "Elu", "Selu", "Gelu", "Softplus", "HardSwish", "HardSigmoid"), TRAIN),
    **dict.fromkeys(("LeakyRelu", "PRelu", "ThresholdedRelu"), "train with Relu: spikes cannot be negative"),
    "Pad": "use the padding of the layer that follows",
    "Concat": "join signals along their channels",
    "Split": "part a signal along its channels",
    "QuantizeLinear": "give the network before quantisation; `snn2hw compile` quantises it",
    "DequantizeLinear": "give the network before quantisation; `snn2hw compile` quantises it",
}


@dataclass
class _Reading:
    """What every tensor is so far: a signal's expression, or constant numbers."""

    shapes: dict[str, Shape]
    signals: dict[str, Value] = field(default_factory=dict)
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    opsets: dict[str, int] = field(default_factory=dict)
    tail: frozenset[str] = frozenset()
    """What operators behind the last layer make, on the host."""


@bordered("no network can be read from it", "export the network again")
def read_onnx(path: Path | str) -> tuple[Value, Shape, tuple[str, ...]]:
    """Return (output, input shape without batch, notes) of an ONNX file; all problems are raised at once."""
    from onnx.numpy_helper import to_array

    from snn2hw.ann.graph import load, read_model

    shapes, model = load(path), read_model(path)
    if len(shapes.inputs) != 1:
        raise InputError(f"{path}: reads {len(shapes.inputs)} inputs", "give a network with one input")
    (given,) = shapes.inputs
    reading = _Reading(dict(shapes.shapes), opsets={o.domain: o.version for o in model.opset_import})
    reading.constants = {i.name: to_array(i) for i in model.graph.initializer}
    reading.signals[given.name] = InputStep(0, given.shape[1:])
    last, tail = _before_tail(model, model.graph.output[0].name)
    reading.tail = frozenset(node.output[0] for node in tail)
    for index, proto in enumerate(model.graph.node):
        _read_node(reading, proto, index)
    notes = tuple(f"{node.op_type} runs on the host" for node in tail)
    if last not in reading.signals and not reading.problems:
        fix = "give a network that reads its input"
        reading.problems.append(Problem("output", "does not depend on the input", fix))
    refuse(f"onnx: {Path(path).name}", reading.problems)
    return reading.signals[last], given.shape[1:], notes


def _before_tail(model: "onnx.ModelProto", output: str) -> tuple[str, list["onnx.NodeProto"]]:
    """Walk back from the output over operators that run on the host."""
    makers = {name: node for node in model.graph.node for name in node.output}
    tail: list[onnx.NodeProto] = []
    while output in makers and makers[output].op_type in TAIL:
        tail.insert(0, makers[output])
        output = makers[output].input[0]
    return output, tail


def _read_node(reading: _Reading, proto: "onnx.NodeProto", index: int) -> None:
    """Say what a node's outputs are: constants, signals, or unknown and reported."""
    named = [n for n in proto.input if n]
    signals = [reading.signals[n] for n in named if n in reading.signals]
    if proto.op_type == "Shape" and named[0] in reading.shapes:
        reading.constants[proto.output[0]] = np.array(reading.shapes[named[0]], np.int64)
    elif not signals and all(n in reading.constants for n in named):
        _check_evaluation(reading, proto)
        _evaluate(reading, proto)
    elif signals:
        made = proto.output[0]
        try:
            if made in reading.tail:
                return
            for place, name in enumerate(proto.output[: len(proto.output) if proto.op_type in SEVERAL else 1]):
                node = _node(reading, proto, index, place)
                if node.operator not in RULES:
                    raise NotConvertible("a spiking network has no such layer")
                reading.signals[name] = RULES[node.operator](node)
        except NotConvertible as reason:
            what = f"{proto.op_type}: {reason}"
            where = f"{proto.name or proto.op_type} (node {index})"
            reading.problems.append(Problem(where, what, CURES.get(proto.op_type, FIX)))
            shape = reading.shapes.get(made, (1,))[1:]
            for name in proto.output:
                reading.signals[name] = Unreadable(where, tuple(signals), shape)


SEVERAL = frozenset({"Split"})
"""Operators each of whose outputs is a signal; what others make beside the first is a mask, or indices."""

GROWING = frozenset({"ConstantOfShape", "Expand", "Range", "Tile", "Pad", "OneHot", "Resize", "Upsample", "EyeLike"})
"""Operators whose output may be of any size, whatever they read."""


def _check_evaluation(reading: _Reading, proto: "onnx.NodeProto") -> None:
    """Refuse constants that would take more memory than allowed, or a loop of any length."""
    if any(a.HasField("g") or a.graphs for a in proto.attribute):
        raise InputError(
            f"{proto.name or proto.op_type}: a constant made by a loop or a branch", "export it as numbers"
        )
    for name in filter(None, proto.output):
        if name in reading.shapes:
            check_elements(1, reading.shapes[name], f"{proto.name or proto.op_type}: a constant")
        elif proto.op_type in GROWING:
            raise InputError(f"{proto.name or proto.op_type}: a constant of unknown size", "export it as numbers")


def _evaluate(reading: _Reading, proto: "onnx.NodeProto") -> None:
    """Compute a node whose inputs are all constants."""
    from onnx.reference import ReferenceEvaluator

    feeds = {name: reading.constants[name] for name in proto.input if name}
    for name, array in zip(
        proto.output, ReferenceEvaluator(proto, opsets=reading.opsets).run(None, feeds), strict=False
    ):
        reading.constants[name] = np.asarray(array)


def _node(reading: _Reading, proto: "onnx.NodeProto", index: int, place: int) -> OnnxNode:
    from onnx.helper import get_attribute_value

    attributes = {a.name: get_attribute_value(a) for a in proto.attribute}
    attributes = {k: v.decode() if isinstance(v, bytes) else v for k, v in attributes.items()}
    made = proto.output[place]
    if made not in reading.shapes:
        raise NotConvertible("the shape of its output cannot be inferred")
    inputs = tuple(
        None if not n else reading.signals[n] if n in reading.signals else reading.constants.get(n) for n in proto.input
    )
    path = (proto.name or proto.op_type).strip("/").replace("/", ".").replace(":", "_")
    return OnnxNode(
        path=path,
        where=f"{path} (node {index})",
        operator=proto.op_type,
        attributes=attributes,
        inputs=inputs,
        shape=reading.shapes[made][1:],
        place=place,
    )
