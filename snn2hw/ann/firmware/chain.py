"""A quantised ONNX file as a chain of layers: convolutions and dense ones, channels last, in integers.

acc = sum w (q_in - z_in) + b          q_out = clip(round(acc s_in s_w / s_out) + z_out)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.border import bordered
from sim.errors import UnsupportedError
from snn2hw.ann.graph import read_model

if TYPE_CHECKING:
    import onnx

__all__ = ["ChainLayer", "QuantisedChain", "read_chain"]

Int = NDArray[np.int64]
Shape = tuple[int, int, int]
PLACED = {"strides": [1, 1], "pads": [0, 0]}
CURE = "give a chain of Conv, Relu, Flatten and Gemm, quantised by snn2hw ann"


@dataclass(frozen=True, eq=False)
class ChainLayer:
    """One layer: ``weight`` (outs, kernel y, kernel x, channels); shapes are (channels, height, width)."""

    weight: Int
    bias: Int
    rescale: NDArray[np.float64]
    source: Shape
    target: Shape
    stride: tuple[int, int]
    padding: tuple[int, int]
    input_zero: int
    output_zero: int
    low: int
    """Where outputs are clipped: at their zero point by a ReLU."""
    high: int


@dataclass(frozen=True, eq=False)
class QuantisedChain:
    """The whole network, and how floats become its input and its output becomes floats."""

    layers: tuple[ChainLayer, ...]
    input_scale: float
    input_zero: int
    output_scale: float
    output_zero: int


@dataclass
class _QdqFile:
    constants: Mapping[str, NDArray[Any]]
    maker: Mapping[str, "onnx.NodeProto"]
    users: Mapping[str, list["onnx.NodeProto"]]

    def quantised(self, name: str) -> tuple[NDArray[Any], float, int]:
        """Return the scales of a DequantizeLinear, the first of them, and its zero point."""
        node = self.maker[name]
        scale = self.constants[node.input[1]].astype(np.float64)
        return scale, float(scale.reshape(-1)[0]), int(self.constants[node.input[2]].reshape(-1)[0])

    def before(self, name: str) -> str | None:
        """Return what the nearest Conv or Gemm upstream gives, None where it is the network's input."""
        while name in self.maker and self.maker[name].op_type not in ("Conv", "Gemm"):
            name = self.maker[name].input[0]
        return name if name in self.maker else None

    def integers(self, name: str) -> Int:
        """Return a constant that goes through a DequantizeLinear."""
        return self.constants[self.maker[name].input[0]].astype(np.int64)


@bordered("no chain of layers can be read from it", CURE)
def read_chain(path: Path | str, shape: Shape) -> QuantisedChain:
    """Read a QDQ file whose samples have ``shape`` (channels, height, width)."""
    from onnx import numpy_helper

    model = read_model(path)
    nodes = list(model.graph.node)
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in nodes:
        for name in node.input:
            users.setdefault(name, []).append(node)
    reader = _QdqFile(
        {i.name: numpy_helper.to_array(i) for i in model.graph.initializer},
        {name: node for node in nodes for name in node.output},
        users,
    )
    known = {"Conv", "Gemm", "Relu", "QuantizeLinear", "DequantizeLinear", "Reshape", "Flatten"}
    strange = sorted({node.op_type for node in nodes} - known)
    if strange:
        raise UnsupportedError(f"{path}: holds {', '.join(strange)}", CURE)
    layers: list[ChainLayer] = []
    first = last = given = None
    for node in nodes:
        if node.op_type in ("Conv", "Gemm"):
            _, in_scale, in_zero = reader.quantised(node.input[0])
            if reader.before(node.input[0]) != given:
                raise UnsupportedError(f"{path}: {node.name} does not read the layer before it", CURE)
            given = node.output[0]
            layer, last = _layer(reader, node, shape)
            layers.append(layer)
            first = first or (in_scale, in_zero)
            shape = layer.target
    if first is None or last is None:
        raise UnsupportedError(f"{path}: holds no Conv and no Gemm", CURE)
    return QuantisedChain(tuple(layers), *first, *last)


def _layer(reader: _QdqFile, node: "onnx.NodeProto", shape: Shape) -> tuple[ChainLayer, tuple[float, int]]:
    from onnx import helper

    attributes: dict[str, Any] = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    _check_node(node, attributes, shape)
    weight, bias = reader.integers(node.input[1]), reader.integers(node.input[2])
    weight_scale = reader.quantised(node.input[1])[0]
    _, in_scale, in_zero = reader.quantised(node.input[0])
    out_scale, out_zero, relu = _output(reader, node)
    stride, padding = (1, 1), (0, 0)
    if node.op_type == "Conv":
        laid = weight.transpose(0, 2, 3, 1)
        stride, padding = (tuple(attributes.get(name, given)[:2]) for name, given in PLACED.items())
    else:
        channels, height, width = shape
        laid = weight if attributes.get("transB", 0) else weight.T
        laid = laid.reshape(-1, channels, height * width).transpose(0, 2, 1).reshape(len(laid), 1, 1, -1)
        shape = (channels * height * width, 1, 1)
    sides = [
        (side + 2 * pad - taps) // step + 1
        for side, pad, taps, step in zip(shape[1:], padding, laid.shape[1:3], stride, strict=True)
    ]
    return ChainLayer(
        weight=laid,
        bias=bias,
        rescale=in_scale * weight_scale / out_scale,
        source=shape,
        target=(len(laid), sides[0], sides[1]),
        stride=stride,
        padding=padding,
        input_zero=in_zero,
        output_zero=out_zero,
        low=out_zero if relu else -128,
        high=127,
    ), (out_scale, out_zero)


def _check_node(node: "onnx.NodeProto", attributes: dict[str, Any], shape: Shape) -> None:
    """Refuse what the C has no kernel for."""
    pads = list(attributes.get("pads", [0, 0, 0, 0]))
    strange = {
        "groups": attributes.get("group", 1) != 1,
        "dilation": any(d != 1 for d in attributes.get("dilations", [])),
        "padding of one side": pads[:2] != pads[2:],
        "automatic padding": attributes.get("auto_pad", b"NOTSET") != b"NOTSET",
        "a kernel over one position": node.op_type == "Conv" and shape[1:] == (1, 1),
        "alpha, beta or a transposed input": (attributes.get("alpha", 1.0), attributes.get("beta", 1.0)) != (1.0, 1.0)
        or bool(attributes.get("transA", 0)),
        "no bias": len(node.input) < 3,
    }
    if any(strange.values()):
        said = ", ".join(what for what, there in strange.items() if there)
        raise UnsupportedError(f"{node.name or node.op_type}: {said}", CURE)


def _output(reader: _QdqFile, node: "onnx.NodeProto") -> tuple[float, int, bool]:
    """Return scale and zero point of what follows, and whether a ReLU stands between."""
    name, relu = node.output[0], False
    while (follower := reader.users[name][0]).op_type != "QuantizeLinear":
        relu = relu or follower.op_type == "Relu"
        name = follower.output[0]
    return (
        float(reader.constants[follower.input[1]].reshape(-1)[0]),
        int(reader.constants[follower.input[2]].reshape(-1)[0]),
        relu,
    )
