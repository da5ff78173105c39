"""What an ONNX file says of a network: layers with shapes, parameters without scales, their types, who wrote it."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from snn2hw.ann.graph import load
from snn2hw.ann.outline import AnnLayer, outline_of


@pytest.fixture
def path(tmp_path):
    """A convolution of 8-bit weights, dequantised by a scale and a zero point for every channel, and a dense layer."""
    fixed = {
        "k": np.ones((2, 1, 3, 3), np.int8),
        "scale": np.ones(2, np.float32),
        "zero": np.zeros(2, np.int8),
        "bias": np.zeros(2, np.float32),
        "shape": np.array([-1, 32]),
        "w": np.ones((32, 5), np.float32),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["k", "scale", "zero"], ["kf"], axis=0),
        helper.make_node("Conv", ["x", "kf", "bias"], ["c"], "conv"),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Reshape", ["r", "shape"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["y"], "head"),
        helper.make_node("Relu", ["y"], ["z"]),
    ]
    shapes = {"x": ["batch", 1, 6, 6], "z": ["batch", 5]}
    ends = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in shapes.items())
    graph = helper.make_graph(nodes, "g", *ends, [numpy_helper.from_array(v, n) for n, v in fixed.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    model.producer_name = "by hand"
    onnx.save(model, tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def test_layers_have_their_shapes_and_scales_are_no_parameters(path):
    found = outline_of(load(path))
    assert (found.reads, found.makes) == ((1, 6, 6), (5,))
    assert found.layers == (
        AnnLayer("1:conv", "Conv", (2, 1, 3, 3), (2, 4, 4)),
        AnnLayer("4:head", "MatMul", (32, 5), (5,)),
    )
    assert found.between == ("Relu",)
    assert found.parameters == 18 + 2 + 160
    assert found.stored_as == ("float32", "int8")
    assert found.producer == "by hand"
