"""The conventional network as 8-bit C gives what ONNX Runtime gives, on every processor."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from exporters.firmware.emulate import find_arm, find_riscv
from sim.errors import MissingToolError, UnsupportedError
from snn2hw.ann.firmware.chain import read_chain
from snn2hw.ann.firmware.measure import measure_ann
from snn2hw.ann.runtime import quantize_int8, run

SHAPE = (3, 9, 7)


def _missing():
    try:
        find_arm()
        find_riscv()
    except MissingToolError as error:
        return str(error)
    return ""


needs_qemu = pytest.mark.skipif(bool(_missing()), reason=_missing())


def _write(path, rng, *, activation="Relu", group=1):
    """Write a padded convolution with a stride, another one, and two dense layers."""

    def normal(*shape):
        return rng.normal(0, 0.3, shape).astype(np.float32)

    weights = {
        "a": normal(6 if group > 1 else 5, SHAPE[0] // group, 3, 3),
        "b": normal(6, 6 if group > 1 else 5, 2, 3),
        "c": normal(9, 24),
        "d": normal(3, 9),
    }
    constants = [numpy_helper.from_array(w, name) for name, w in weights.items()]
    constants += [numpy_helper.from_array(normal(len(w)), f"{name}0") for name, w in weights.items()]
    nodes = [
        helper.make_node("Conv", ["x", "a", "a0"], ["y1"], strides=[2, 1], pads=[1, 1, 1, 1], group=group),
        helper.make_node(activation, ["y1"], ["z1"]),
        helper.make_node("Conv", ["z1", "b", "b0"], ["y2"], strides=[2, 3]),
        helper.make_node("Relu", ["y2"], ["z2"]),
        helper.make_node("Flatten", ["z2"], ["f"]),
        helper.make_node("Gemm", ["f", "c", "c0"], ["y3"], transB=1),
        helper.make_node("Relu", ["y3"], ["z3"]),
        helper.make_node("Gemm", ["z3", "d", "d0"], ["out"], transB=1),
    ]
    sides = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", ["n", *SHAPE]), ("out", ["n", 3]))
    ]
    graph = helper.make_graph(nodes, "g", sides[:1], sides[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def _quantised(folder, rng, **how):
    _write(folder / "f.onnx", rng, **how)
    samples = rng.normal(0, 1, (12, *SHAPE)).astype(np.float32)
    quantize_int8(folder / "f.onnx", folder / "q.onnx", samples)
    return folder / "q.onnx", samples


@needs_qemu
@pytest.mark.parametrize("processor", ["m0", "m4", "m33", "rv32"])
def test_the_c_gives_what_onnx_runtime_gives_up_to_one_step_of_rounding(processor, tmp_path):
    path, samples = _quantised(tmp_path, np.random.default_rng(2))
    chain = read_chain(path, SHAPE)
    found = measure_ann(chain, samples, processor=processor)
    expected = np.rint(run(path, samples) / chain.output_scale) + chain.output_zero
    assert np.abs(found.outputs - expected).max() <= 1
    assert len(np.unique(found.outputs)) > 5
    assert found.instructions.shape == (12, 4)
    assert (found.instructions > 0).all()


def test_what_is_no_such_chain_is_refused(tmp_path):
    path, _ = _quantised(tmp_path, np.random.default_rng(3), activation="Tanh")
    with pytest.raises(UnsupportedError, match="holds Tanh"):
        read_chain(path, SHAPE)
    path, _ = _quantised(tmp_path, np.random.default_rng(3), group=3)
    with pytest.raises(UnsupportedError, match="groups"):
        read_chain(path, SHAPE)
