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
class _Reader:
    constants: Mapping[str, NDArray[Any]]
    maker: Mapping[str, "onnx.NodeProto"]
    users: Mapping[str, list["onnx.NodeProto"]]

    def quantised(self, name: str) -> tuple[NDArray[Any], float, int]:
        """Return what a DequantizeLinear reads: the name of its input's constant, its scale and zero point."""
        node = self.maker[name]
        scale = self.constants[node.input[1]].astype(np.float64)
        return scale, float(scale.reshape(-1)[0]), int(self.constants[node.input[2]].reshape(-1)[0])

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
    reader = _Reader(
        {i.name: numpy_helper.to_array(i) for i in model.graph.initializer},
        {name: node for node in nodes for name in node.output},
        users,
    )
    known = {"Conv", "Gemm", "Relu", "QuantizeLinear", "DequantizeLinear", "Reshape", "Flatten"}
    strange = sorted({node.op_type for node in nodes} - known)
    if strange:
        raise UnsupportedError(f"{path}: holds {', '.join(strange)}", CURE)
    layers: list[ChainLayer] = []
    first = last = None
    for node in nodes:
        if node.op_type in ("Conv", "Gemm"):
            _, in_scale, in_zero = reader.quantised(node.input[0])
            layer, last = _layer(reader, node, shape)
            layers.append(layer)
            first = first or (in_scale, in_zero)
            shape = layer.target
    if first is None or last is None:
        raise UnsupportedError(f"{path}: holds no Conv and no Gemm", CURE)
    return QuantisedChain(tuple(layers), *first, *last)


def _layer(reader: _Reader, node: "onnx.NodeProto", shape: Shape) -> tuple[ChainLayer, tuple[float, int]]:
    attributes = {a.name: (list(a.ints) or a.i) for a in node.attribute}
    weight, bias = reader.integers(node.input[1]), reader.integers(node.input[2])
    weight_scale = reader.quantised(node.input[1])[0]
    _, in_scale, in_zero = reader.quantised(node.input[0])
    out_scale, out_zero, relu = _output(reader, node)
    stride, padding = (1, 1), (0, 0)
    if node.op_type == "Conv":
        pads, dilations = attributes["pads"], attributes["dilations"]
        if attributes["group"] != 1 or dilations != [1, 1] or pads[:2] != pads[2:]:
            raise UnsupportedError(f"{node.name}: groups, dilation or padding of one side", CURE)
        laid = weight.transpose(0, 2, 3, 1)
        stride, padding = tuple(attributes["strides"]), (pads[0], pads[1])
    else:
        channels, height, width = shape
        laid = weight if attributes["transB"] else weight.T
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


def _output(reader: _Reader, node: "onnx.NodeProto") -> tuple[float, int, bool]:
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
