"""MACs from shapes and from activations against a count of one product at a time."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from snn2hw.ann.graph import load
from snn2hw.ann.macs import effective_macs, macs
from tests.ann.brute_force import count
from tests.ann.random_graphs import OPSET, random_model, samples


def _save(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "net.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("seed", range(60))
def test_macs_of_random_graphs_equal_a_brute_force_count(seed: int, tmp_path: Path) -> None:
    model = random_model(seed)
    path = _save(model, tmp_path)
    batch = samples(model, 2, seed)
    expected = [count(model, sample[None]) for sample in batch]
    census = macs(load(path))
    assert census.complete
    assert [n.macs for n in census.nodes] == [shape for shape, _ in expected[0].values()]
    assert census.total == sum(shape for shape, _ in expected[0].values())
    effective = effective_macs(path, batch)
    assert effective.names == tuple(n.name for n in census.nodes)
    np.testing.assert_array_equal(effective.per_sample.T, [[e for _, e in one.values()] for one in expected])


def test_the_random_graphs_cover_every_geometry() -> None:
    nodes = [n for seed in range(60) for n in random_model(seed).graph.node]
    operators = {n.op_type for n in nodes}
    assert {"Conv", "ConvTranspose", "Gemm", "MatMul", "MaxPool", "Add", "Transpose"} <= operators
    said = {(a.name, tuple(a.ints) or a.i or a.s) for n in nodes for a in n.attribute}
    assert {("group", 2), ("auto_pad", b"SAME_UPPER"), ("auto_pad", b"SAME_LOWER")} <= said
    assert any(name == "dilations" and 2 in value for name, value in said)
    assert any(name == "strides" and 2 in value for name, value in said)


def _one_node(
    tmp_path: Path, node: onnx.NodeProto, shape: list[int], weights: dict[str, np.ndarray], axes_made: int | None = None
) -> Path:
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * (axes_made or len(shape)))
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    fixed = [numpy_helper.from_array(w, name) for name, w in weights.items()]
    graph = helper.make_graph([node], "one", [value], [out], fixed)
    opsets = [*OPSET, helper.make_opsetid("com.example", 1), helper.make_opsetid("com.microsoft", 1)]
    return _save(helper.make_model(graph, opset_imports=opsets, ir_version=10), tmp_path)


def test_an_unknown_operator_is_named_and_never_counted_as_zero(tmp_path: Path) -> None:
    path = _one_node(tmp_path, helper.make_node("Spectral", ["x"], ["y"], "odd", domain="com.example"), [1, 4], {})
    census = macs(load(path))
    assert not census.complete
    assert [(u.node.name, u.node.operator) for u in census.unknown] == [("0:odd", "Spectral")]
    assert census.unknown[0].why == "this operator of domain com.example is in no counting rule"


def test_a_standard_operator_that_multiplies_but_is_not_modelled_is_unknown(tmp_path: Path) -> None:
    weights = {"w": np.ones((4, 3), np.float32)}
    node = helper.make_node("Einsum", ["x", "w"], ["y"], equation="bi,io->bo")
    census = macs(load(_one_node(tmp_path, node, [1, 4], weights)))
    assert [u.node.operator for u in census.unknown] == ["Einsum"]


def test_padding_zeros_are_nominal_macs_only(tmp_path: Path) -> None:
    weights = {"w": np.ones((1, 1, 3, 3), np.float32)}
    path = _one_node(tmp_path, helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1]), [1, 1, 3, 3], weights)
    census = macs(load(path))
    assert (census.total, census.nominal) == (49, 81)  # (2 + 3 + 2)^2 pairs of nine taps at nine places


@pytest.mark.parametrize(("operator", "gates"), [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_a_recurrent_layer_counts_both_matrices_of_every_gate_step_and_direction(
    operator: str, gates: int, tmp_path: Path
) -> None:
    features, hidden, steps = 5, 3, 7
    weights = {
        "w": np.ones((2, gates * hidden, features), np.float32),
        "r": np.ones((2, gates * hidden, hidden), np.float32),
    }
    node = helper.make_node(operator, ["x", "w", "r"], ["y"], hidden_size=hidden, direction="bidirectional")
    path = _one_node(tmp_path, node, [1, steps, features], weights, 4)  # ONNX reads (steps, batch, features): batch 7
    census = macs(load(path))
    assert census.total == 2 * steps * gates * hidden * (features + hidden)
    effective = effective_macs(path, np.zeros((2, steps, features), np.float32))
    assert effective.upper_bound == effective.names == (f"0:{operator}",)
    np.testing.assert_array_equal(effective.total, census.total)


@pytest.mark.parametrize("turned", [0, 1])
def test_a_product_with_a_turned_left_factor_sums_over_its_other_axis(turned: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(turned)
    rows = {"w": rng.integers(-1, 2, (4 if turned else 3, 5)).astype(np.float32)}
    nodes = [
        helper.make_node("Reshape", ["x", "s"], ["m"]),
        helper.make_node("Gemm", ["m", "w"], ["y"], transA=turned),
    ]
    fixed = [numpy_helper.from_array(rows["w"], "w"), numpy_helper.from_array(np.array([4, 3]), "s")]
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 12])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None])
    model = helper.make_model(helper.make_graph(nodes, "g", [value], [out], fixed), opset_imports=OPSET, ir_version=10)
    path = _save(model, tmp_path)
    sample = rng.integers(-1, 2, (1, 12)).astype(np.float32)
    ((expected, effective),) = count(model, sample).values()
    assert macs(load(path)).total == expected == 60
    np.testing.assert_array_equal(effective_macs(path, sample).total, [effective])


def test_an_integer_convolution_skips_values_at_their_zero_point(tmp_path: Path) -> None:
    x = np.array([[[[3, 3, 5], [3, 9, 3], [3, 3, 3]]]], np.uint8)
    w = np.array([[[[1, 0], [2, 3]]], [[[0, 2], [2, 2]]]], np.int8)
    weights = {"w": w, "xz": np.array(3, np.uint8), "wz": np.array(2, np.int8)}
    node = helper.make_node("ConvInteger", ["x", "w", "xz", "wz"], ["y"])
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 1, 3, 3])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [None] * 4)],
        [numpy_helper.from_array(v, k) for k, v in weights.items()],
    )
    path = _save(helper.make_model(graph, opset_imports=OPSET, ir_version=10), tmp_path)
    real_x, real_w = x[0, 0] != 3, w[:, 0] != 2
    expected = sum(
        int(real_x[y + ky, column + kx] and real_w[out, ky, kx])
        for out in range(2)
        for y in range(2)
        for column in range(2)
        for ky in range(2)
        for kx in range(2)
    )
    assert macs(load(path)).total == 2 * 4 * 4
    np.testing.assert_array_equal(effective_macs(path, x).total, [expected])
