"""A torch network as ONNX: the same numbers, then the same decisions in 8 bit."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from sim.errors import FileError, InputError, Snn2hwError, ToolError
from snn2hw.ann.clean import without_notes
from snn2hw.ann.graph import load
from snn2hw.ann.macs import effective_macs, macs
from snn2hw.ann.runtime import accuracy, quantize_int8, run, session
from tests.ann.random_graphs import random_model
from tests.ann.random_graphs import samples as values_of

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")


def _network() -> "torch.nn.Module":
    torch.manual_seed(0)
    nn = torch.nn
    layers = [nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)]
    network = nn.Sequential(*layers, nn.Conv2d(4, 6, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(54, 10))
    network(torch.randn(64, 1, 16, 16))  # gives the batch normalisation statistics that are not 0 and 1
    return network.eval()


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((200, 1, 16, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, samples: np.ndarray) -> Path:
    from snn2hw.ann.export import export_onnx

    path = tmp_path_factory.mktemp("export") / "cnn.onnx"
    export_onnx(_network(), torch.from_numpy(samples), path)
    return path


def test_the_exported_network_computes_what_torch_computes(exported: Path, samples: np.ndarray) -> None:
    with torch.no_grad():
        expected = _network()(torch.from_numpy(samples)).numpy()
    np.testing.assert_allclose(run(exported, samples), expected, atol=1e-5)


def test_the_file_holds_its_weights_and_a_free_batch(exported: Path) -> None:
    model = onnx.load(exported, load_external_data=False)
    assert not any(i.external_data for i in model.graph.initializer)
    assert [p.name for p in exported.parent.iterdir()] == ["cnn.onnx"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param


def test_no_file_tells_where_it_was_made(exported: Path, samples: np.ndarray, tmp_path: Path) -> None:
    quantised = tmp_path / "cnn.int8.onnx"
    quantize_int8(exported, quantised, samples[:10])
    home = Path(__file__).resolve().parents[2]
    for path in (exported, quantised, home / "snn2hw/demo/data/cnn.onnx"):
        held = path.read_bytes()
        assert str(home).encode() not in held
        assert b"site-packages" not in held
        assert b"stack_trace" not in held
        model = onnx.load(path)
        assert not any(n.doc_string or n.metadata_props for n in (model, model.graph, *model.graph.node))


def test_notes_are_cleared_at_every_depth() -> None:
    inner = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"], doc_string="why")], "inner", [], [])
    outer = onnx.helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    function = onnx.helper.make_function("own", "F", ["x"], ["y"], [inner.node[0]], [], doc_string="whence")
    model = onnx.helper.make_model(onnx.helper.make_graph([outer], "outer", [], []), functions=[function])
    model.metadata_props.add(key="pkg", value="where")
    text = str(without_notes(model))
    assert "doc_string" not in text
    assert "metadata_props" not in text
    assert text.count('op_type: "Relu"') == 3


def test_macs_of_the_exported_network_are_those_of_its_layers(exported: Path, samples: np.ndarray) -> None:
    census = macs(load(exported))
    assert census.complete
    border_exact = 4 * (16 * 3 - 2) ** 2  # four channels; per axis 16 places of 3 taps, 2 of them on padding
    assert [n.macs for n in census.nodes] == [border_exact, 6 * 4 * 9 * 3 * 3, 540]
    effective = effective_macs(exported, samples[:5]).per_sample
    assert (effective[0] == border_exact).all()  # no sample value and no weight is exactly zero
    assert (effective[1:] < np.array([[n.macs] for n in census.nodes[1:]])).all()


def test_int8_keeps_the_decisions_and_the_macs(exported: Path, samples: np.ndarray, tmp_path: Path) -> None:
    quantised = tmp_path / "cnn.int8.onnx"
    quantize_int8(exported, quantised, samples[:100])
    labels = run(exported, samples).argmax(axis=1)
    assert accuracy(exported, samples, labels) == 1.0
    assert accuracy(quantised, samples, labels) >= 0.95
    operators = [n.op_type for n in onnx.load(quantised).graph.node]
    assert "QuantizeLinear" in operators
    assert "BatchNormalization" not in operators
    assert [n.macs for n in macs(load(quantised)).nodes] == [n.macs for n in macs(load(exported)).nodes]


def test_a_file_that_is_not_onnx_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "no.onnx"
    path.write_bytes(b"\x00\x01 this is no protobuf")
    with pytest.raises(FileError, match=r"no\.onnx: not a valid ONNX file"):
        load(path)
    with pytest.raises(FileError, match=r"no\.onnx: not a valid ONNX file"):
        session(path)
    with pytest.raises(ToolError, match="the network: ONNX Runtime refuses it"):
        session(path.read_bytes())
    with pytest.raises(InputError, match="no such file"):
        load(tmp_path / "absent.onnx")


def test_samples_of_another_shape_are_refused(exported: Path) -> None:
    with pytest.raises(InputError, match=r"reads samples of shape \(1, 16, 16\), got \(1, 8, 8\)"):
        run(exported, np.zeros((1, 1, 8, 8), np.float32))
    with pytest.raises(InputError, match=r"reads samples of shape \(1, 16, 16\), got \(16,\)"):
        effective_macs(exported, np.zeros((1, 16), np.float32))


def test_weights_outside_the_files_folder_are_refused(tmp_path: Path) -> None:
    weight = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[4, 3])
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="../../etc/passwd")
    values = [onnx.helper.make_tensor_value_info(n, 1, [1, k]) for n, k in (("x", 4), ("y", 3))]
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = onnx.helper.make_graph([node], "g", values[:1], values[1:], [weight])
    path = tmp_path / "outside.onnx"
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    for reader in (load, session):
        with pytest.raises(FileError, match=r"points outside the\s+directory"):
            reader(path)


def test_damaged_files_end_in_one_of_our_errors(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    path = tmp_path / "damaged.onnx"
    outcomes = set()
    for seed in range(150):
        model = random_model(seed % 10)
        damaged = bytearray(model.SerializeToString())
        for place in rng.integers(len(damaged), size=3):
            damaged[place] = rng.integers(256)
        path.write_bytes(bytes(damaged[: len(damaged) - seed % 3 * 40]))
        sample = values_of(model, 1, seed)
        for use in (lambda: macs(load(path)), lambda: effective_macs(path, sample), lambda: run(path, sample)):  # noqa: B023
            try:
                use()
                outcomes.add("read")
            except Snn2hwError as error:
                outcomes.add(type(error).__name__)
    assert {"read", "FileError"} <= outcomes
