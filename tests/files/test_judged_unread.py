"""A raster or sample of another shape is refused from its header: what it holds is never unpacked."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from exporters.program_file import write_program
from snn2hw.commands import main
from snn2hw.files.archives import write_npz
from snn2hw.fuzz.draw import Space, random_program
from tests.project.test_options import _write_network


def _damaged(path, array, **others):
    """Write an archive whose first array cannot be unpacked, though its header is right."""
    np.savez(path, allow_pickle=False, **array, **others)
    data, values = bytearray(path.read_bytes()), next(iter(array.values()))
    data[data.index(values.tobytes()) + values.nbytes - 1] ^= 0xFF
    path.write_bytes(data)


def _write_ann(path):
    weights = numpy_helper.from_array(np.ones((3, 2), np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w"], ["h"], transB=1), helper.make_node("Relu", ["h"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [weights],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("export p.nir --to golden --input bad.npz -o out", "spikes: shape (3, 5000, 7), the program reads (B, T, "),
        ("run p.nir --input bad.npz", "spikes: shape (3, 5000, 7), the program reads (B, T, "),
        ("place p.nir --target loihi1 --input bad.npz", "spikes: shape (3, 5000, 7), the program reads (B, T, "),
        (
            "compile net.nir --dt 1e-3 --data bad.npz -o out.nir",
            "spikes: shape (3, 5000, 7), the program reads (B, T, 2)",
        ),
        (
            "tune net.nir --dt 1e-3 --data bad.npz --runs run -o out.nir",
            "spikes: shape (3, 5000, 7), the program reads",
        ),
        ("convert ann.onnx --data few.npz -o out.nir", "x: shape (9000, 5), the network reads (n, 2)"),
        ("convert ann.onnx --data good.npz --test few.npz -o out.nir", "x: shape (9000, 5), the network reads (n, 2)"),
        (
            "energy p.nir --input fed.npz --ann ann.onnx --ann-input few.npz",
            "x: shape (9000, 5), the network reads (n, 2)",
        ),
    ],
)
def test_another_shape_is_refused_unread(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    program = random_program(np.random.default_rng(2), Space(wide=False, graded=False))
    assert program.input.shape != (7,)
    write_program(program, tmp_path / "p.nir")
    _write_network(tmp_path / "net.nir")
    _write_ann(tmp_path / "ann.onnx")
    write_npz(tmp_path / "fed.npz", {"spikes": np.zeros((1, 2, *program.input.shape), np.int8)})
    write_npz(tmp_path / "good.npz", {"x": np.ones((4, 2))})
    rng = np.random.default_rng(0)
    _damaged(tmp_path / "bad.npz", {"spikes": rng.integers(0, 2, (3, 5000, 7))}, labels=np.arange(3))
    _damaged(tmp_path / "few.npz", {"x": rng.normal(size=(9000, 5))})
    before = sorted(tmp_path.iterdir())
    assert main(words.split()) == 2
    assert said in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_the_archive_of_this_test_cannot_be_unpacked(tmp_path, capsys):
    write_program(random_program(np.random.default_rng(2)), tmp_path / "p.nir")
    shape = random_program(np.random.default_rng(2)).input.shape
    _damaged(tmp_path / "bad.npz", {"spikes": np.random.default_rng(0).integers(0, 2, (3, 5000, *shape))})
    assert main(["run", str(tmp_path / "p.nir"), "--input", str(tmp_path / "bad.npz")]) == 2
    assert "not a readable .npz archive" in capsys.readouterr().err
