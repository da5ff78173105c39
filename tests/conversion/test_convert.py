"""Networks of ReLUs as spiking ones: what is read is what ONNX Runtime and torch compute; what is lost is small."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sim.engines import run as run_program
from sim.errors import FileError, InputError
from snn2hw.ann.export import export_onnx
from snn2hw.ann.runtime import run
from snn2hw.audio.front import images as images_of
from snn2hw.audio.fsdd import read_fsdd
from snn2hw.commands import main
from snn2hw.compiler.compile import compile
from snn2hw.conversion import convert, in_steps, read_ann
from snn2hw.conversion.convert import ReluNetwork
from snn2hw.conversion.judge import judge
from snn2hw.conversion.rules import NotConvertible, _even_padding
from snn2hw.files.rasters import read_raster
from snn2hw.network.float_reference import float_reference
from snn2hw.problems import ProblemsError
from snn2hw.sources.from_nir import from_nir
from snn2hw.train.checkpoint import load_trained
from tests.conversion.ann_zoo import ONNX, Build, digits, sounds
from tests.recordings import recordings

SHAPE = (2, 8, 8)


def images(n: int, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.random.default_rng(5).random((n, *shape)).astype(np.float32)


@pytest.mark.parametrize("name", ONNX)
def test_an_onnx_network_is_read_as_onnx_runtime_runs_it(name: str, tmp_path: Path) -> None:
    b = Build(SHAPE)
    ONNX[name](b)
    path = b.write(tmp_path / "net.onnx")
    x = images(6)
    ann = read_ann(path)
    got = convert(ann, x).outputs(x)
    expected = run(path, x)
    if "Softmax runs on the host" in ann.notes:
        got = np.exp(got) / np.exp(got).sum(1, keepdims=True)
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-5)


def test_a_reshape_that_splits_axes_is_refused_with_its_node(tmp_path: Path) -> None:
    b = Build((128,))
    sounds(b)
    with pytest.raises(ProblemsError, match=r"Reshape_0 \(node 0\): Reshape: reshapes \(128,\) to \(2, 64\)"):
        read_ann(b.write(tmp_path / "net.onnx"))


@pytest.mark.parametrize("name", ["plain", "residual", "average", "same_lower"])
def test_rates_come_closer_to_the_activations_with_every_step(name: str, tmp_path: Path) -> None:
    b = Build(SHAPE)
    ONNX[name](b)
    x = images(6)
    made = convert(read_ann(b.write(tmp_path / "net.onnx")), x, percentile=100)
    exact = made.outputs(x)
    summed = float_reference(made.source, in_steps(x, 256), record=()).output
    errors = [np.abs(summed[:, t - 1] / t - exact).max() / np.abs(exact).max() for t in (16, 64, 256)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[1] < 0.05
    assert errors[2] < 0.02


def test_onnx_is_read_without_torch(tmp_path: Path) -> None:
    b = Build(SHAPE)
    ONNX["plain"](b)
    path = b.write(tmp_path / "net.onnx")
    code = (
        "import sys, numpy as np\n"
        "from snn2hw.conversion import convert, read_ann\n"
        f"convert(read_ann({str(path)!r}), np.ones((2, 2, 8, 8)))\n"
        "assert not {'torch', 'onnxruntime', 'numba'} & set(sys.modules), 'heavy'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_all_unsupported_onnx_operators_are_listed_at_once(tmp_path: Path) -> None:
    b = Build(SHAPE)
    b.add("Conv", b.w(3, 2, 3, 3))
    b.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    b.add("LeakyRelu")
    b.add("AveragePool", kernel_shape=[2, 2], pads=[1, 1, 1, 1])
    b.add("Transpose", perm=[0, 2, 3, 1])
    b.add("Flatten")
    b.add("Tanh")
    with pytest.raises(ProblemsError) as caught:
        read_ann(b.write(tmp_path / "net.onnx"))
    assert [p.where for p in caught.value.problems] == [
        f"{name} (node {name[-1]})" for name in ("MaxPool_1", "LeakyRelu_2", "AveragePool_3", "Transpose_4", "Tanh_6")
    ]
    fixes = [p.fix for p in caught.value.problems]
    assert fixes[0] == "train with AveragePool: a maximum of rates is no sum of spikes"
    assert fixes[1] == "train with Relu: spikes cannot be negative"


@pytest.mark.parametrize("operator", ["Tanh", "Sigmoid", "Elu", "Softplus"])
def test_other_curves_than_relu_are_refused_with_what_to_train_instead(operator: str, tmp_path: Path) -> None:
    b = Build(SHAPE)
    b.add("Conv", b.w(3, 2, 3, 3))
    b.add(operator)
    b.add("Flatten")
    b.add("Gemm", b.w(108, 4))
    with pytest.raises(ProblemsError, match=f"{operator}.*fix: train with Relu: rates of spikes"):
        read_ann(b.write(tmp_path / "net.onnx"))


def test_a_torch_network_of_tanh_is_told_to_train_with_relu() -> None:
    with pytest.raises(ProblemsError, match=r"fix: train with ReLU: rates of spikes are 0 or more"):
        read_ann(nn.Sequential(nn.Flatten(), nn.Linear(128, 4), nn.Tanh(), nn.Linear(4, 2)), SHAPE)


def test_channels_joined_along_another_axis_are_refused(tmp_path: Path) -> None:
    b = Build(SHAPE)
    b.add("Concat", b.last, axis=2)
    with pytest.raises(ProblemsError, match="along axis 2, not along the channels"):
        read_ann(b.write(tmp_path / "net.onnx"))


class Twin(nn.Module):
    """The functional style: a residual block, ReLU6, a product with a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.fc = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding="same"), nn.Linear(64, 5)
        self.bn = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.bn(self.a(x)))
        x = F.relu6(2 * self.b(x) + x, inplace=True)
        x = torch.clamp(F.avg_pool2d(x, 2), min=0.0)
        return F.log_softmax(self.fc(torch.flatten(x, 1)), dim=1)


def test_a_torch_network_is_read_as_torch_runs_it() -> None:
    torch.manual_seed(3)
    module = Twin().double()
    x = images(6).astype(np.float64)
    ann = read_ann(module, SHAPE)
    assert ann.notes == ("log_softmax runs on the host",)
    with torch.no_grad():
        expected = module.eval()(torch.tensor(x)).numpy()
    got = convert(ann, x).outputs(x)
    np.testing.assert_allclose(got - np.log(np.exp(got).sum(1, keepdims=True)), expected, rtol=0, atol=1e-12)


def test_what_torch_networks_cannot_be_is_listed_at_once() -> None:
    layers = (nn.Conv2d(2, 3, 3), nn.MaxPool2d(2), nn.GELU(), nn.LocalResponseNorm(2), nn.Flatten(), nn.Linear(27, 3))
    with pytest.raises(ProblemsError) as caught:
        convert(read_ann(nn.Sequential(*layers), SHAPE), images(2))
    assert [p.where.split()[0] for p in caught.value.problems] == ["1", "2", "3"]


@pytest.fixture(scope="module")
def trained() -> tuple[nn.Module, tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return a small CNN trained on segment digits in a few seconds, its training part and its test part."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    train, test = digits(2500, 1), digits(400, 2)
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(8, 12, 3), nn.BatchNorm2d(12),
        nn.ReLU(), nn.Flatten(), nn.Linear(108, 40), nn.ReLU(), nn.Dropout(0.1), nn.Linear(40, 10),
    )  # fmt: skip
    x, y = torch.tensor(train[0], dtype=torch.float32), torch.tensor(train[1])
    optimiser = torch.optim.Adam(net.parameters(), 5e-3)
    for _ in range(4):
        for rows in torch.randperm(len(x)).split(50):
            optimiser.zero_grad()
            F.cross_entropy(net(x[rows]), y[rows]).backward()
            optimiser.step()
    return net.eval(), train, test


def loss(trained: Any, **options: Any) -> float:
    """Return how many points of accuracy the conversion costs after 64 steps."""
    net, train, (x, labels) = trained
    judgement = judge(convert(read_ann(net, (1, 12, 12)), train[0][:200], **options), x, labels, steps=64)
    assert judgement.ann > 0.9, "the network learnt nothing: the test says nothing"
    assert judgement.accuracy(1) < judgement.ann - 0.2, "one step is enough: the test says nothing"
    return 100 * (judgement.ann - judgement.accuracy(64))


@pytest.mark.parametrize("neuron", ["if", "lif"])
def test_a_converted_cnn_loses_at_most_a_point(trained: Any, neuron: str) -> None:
    assert loss(trained, neuron=neuron) <= 1.0


def test_a_converted_cnn_runs_on_loihi_1_by_the_rewrite_as_well_as_by_subtraction_on_loihi_2(trained: Any) -> None:
    net, train, (x, labels) = trained
    rasters, tests = (np.repeat(a.astype(np.int16)[:, None], 32, axis=1) for a in (train[0][:40], x[:100]))
    right = {}
    for target, reset in (("loihi2", "subtract"), ("loihi1", "subtract"), ("loihi1", "zero")):
        made = convert(read_ann(net, (1, 12, 12)), train[0][:200], reset=reset)
        program = compile(made.source, target, rasters, rewrite=True)
        output = run_program(program, tests.reshape(*tests.shape[:2], *program.input.shape)).output
        right[target, reset] = float((output[:, -1].reshape(100, -1).argmax(1) == labels[:100]).mean())
    assert right["loihi1", "subtract"] >= right["loihi2", "subtract"] - 0.03
    assert right["loihi1", "subtract"] >= right["loihi1", "zero"]


def _greatest_of_images(folder: Path) -> ReluNetwork:
    b = Build(SHAPE)
    ONNX["greatest"](b)
    return read_ann(b.write(folder / "net.onnx"))


def _greatest_of_a_wave(folder: Path) -> ReluNetwork:
    b = Build((2, 40))
    b.add("Conv", b.w(4, 2, 5), b.w(4), strides=[2])
    b.add("Relu")
    b.add("MaxPool", kernel_shape=[3], strides=[2], pads=[1, 1])
    b.add("Flatten")
    b.add("Gemm", b.w(36, 5), b.w(5))
    return read_ann(b.write(folder / "net.onnx"))


def _greatest_in_torch(folder: Path) -> ReluNetwork:
    torch.manual_seed(3)
    layers = (nn.Conv1d(2, 4, 5, 2), nn.ReLU(), nn.MaxPool1d(3, 2, 1), nn.Flatten(), nn.Linear(36, 5))
    return read_ann(nn.Sequential(*layers).eval(), (2, 40))


@pytest.mark.parametrize("made_of", [_greatest_of_images, _greatest_of_a_wave, _greatest_in_torch])
def test_max_pooling_stands_as_an_or_whose_spikes_count_less_and_says_so(
    made_of: Callable[[Path], ReluNetwork], tmp_path: Path
) -> None:
    ann = made_of(tmp_path)
    x = images(16, ann.input_shape)
    made = convert(ann, x, percentile=100)
    assert any("max pooling stands as an OR of spikes" in note for note in made.source.notes)
    exact = made.outputs(x)
    summed = float_reference(made.source, in_steps(x, 64), record=()).output[:, -1] / 64
    assert np.corrcoef(summed.reshape(-1), exact.reshape(-1))[0, 1] > 0.95


@pytest.mark.full
@pytest.mark.parametrize("per", ["channel", "layer"])
@pytest.mark.parametrize("percentile", [99.0, 99.9, 100])
@pytest.mark.parametrize("neuron", ["if", "lif"])
def test_every_way_of_converting_loses_at_most_a_point(trained: Any, neuron: str, per: str, percentile: float) -> None:
    assert loss(trained, neuron=neuron, per=per, percentile=percentile) <= 1.0


@pytest.mark.full
@pytest.mark.parametrize("neuron", ["if", "lif"])
def test_a_reset_to_zero_loses_at_most_three_points(trained: Any, neuron: str) -> None:
    assert loss(trained, neuron=neuron, reset="value") <= 3.0


@pytest.mark.full
def test_a_cnn_on_spoken_digits_loses_at_most_a_point(tmp_path: Path) -> None:
    folder = recordings("data", "fsdd")
    data, run_ = ("fsdd", "--data", str(folder)), tmp_path / "run"
    train = ("--model", "cnn", "--epochs", "20", "--variants", "3", "--threads", "1", "-o", str(run_))
    assert main(["train", *data, *train]) == 0
    assert main(["ann", *data, "--model", str(run_ / "model.pt"), "-o", str(run_)]) == 0
    corpus, front = read_fsdd(folder), load_trained(run_ / "model.pt").front
    heard = [clip for clip, part in zip(corpus.samples, corpus.parts, strict=True) if part == "train"]
    np.savez(tmp_path / "train.npz", features=images_of(front, heard[::13]))
    report = tmp_path / "report.json"
    files = ("--data", str(tmp_path / "train.npz"), "--test", str(run_ / "ann-input.npz"))
    for options in ((), ("--neuron", "lif"), ("--reset", "zero")):
        written = ("-o", str(tmp_path / "net.nir"), "--json", str(report))
        assert main(["convert", str(run_ / "cnn.onnx"), *files, *options, *written]) == 0
        values = json.loads(report.read_text())
        assert values["steps"][-1]["steps"] == 64
        assert values["steps"][-1]["accuracy"] >= values["ann_accuracy"] - 0.01


def test_the_command_writes_a_network_that_is_read_back_as_it_is(trained: Any, tmp_path: Path, capsys: Any) -> None:
    net, train, (x, labels) = trained
    export_onnx(net, torch.zeros(1, 1, 12, 12), tmp_path / "cnn.onnx")
    np.savez(tmp_path / "train.npz", x=train[0][:100])
    np.savez(tmp_path / "test.npz", x=x[:40], labels=labels[:40])
    paths = {
        name: str(tmp_path / name) for name in ("cnn.onnx", "train.npz", "test.npz", "net.nir", "in.npz", "r.json")
    }
    command = ["convert", paths["cnn.onnx"], "--data", paths["train.npz"], "--test", paths["test.npz"]]
    command += ["--steps", "16", "-o", paths["net.nir"], "--raster", paths["in.npz"], "--json", paths["r.json"]]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "network of ReLUs" in said
    values = json.loads((tmp_path / "r.json").read_text())
    assert values["schema"] == "snn2hw.conversion/1"
    assert [row["steps"] for row in values["steps"]] == [1, 2, 4, 8, 16]

    raster = read_raster(tmp_path / "in.npz")
    assert raster.decoder == "last"
    np.testing.assert_array_equal(raster.spikes, np.repeat(x[:40, None], 16, axis=1))
    source = from_nir(tmp_path / "net.nir")
    made = convert(read_ann(tmp_path / "cnn.onnx"), train[0][:100])
    again = float_reference(source, raster.spikes)
    direct = float_reference(made.source, raster.spikes)
    assert set(again.spikes) == set(direct.spikes)
    for name, spikes in direct.spikes.items():
        np.testing.assert_array_equal(again.spikes[name], spikes)
    right = (again.output[:, -1].argmax(1) == labels[:40]).mean()
    assert right == values["steps"][-1]["accuracy"]


@pytest.mark.parametrize(
    ("files", "words", "said"),
    [
        ({"train.npz": {"y": np.ones(3)}}, [], "holds y  fix: save samples"),
        ({"train.npz": {"x": np.ones((3, 2, 8, 8)), "labels": np.ones(4, int)}}, [], "3 samples, labels of shape (4,)"),
        ({"train.npz": {"x": np.ones((3, 1, 8, 8))}}, [], "give samples (n, 2, 8, 8)"),
        ({"train.npz": {"x": np.full((3, 2, 8, 8), np.nan)}}, [], "not finite"),
        ({"train.npz": {"x": np.array([{}])}}, [], "holds Python objects, which are never unpickled"),
        ({}, ["--percentile", "0"], "percentile 0.0"),
        ({}, ["--leak-steps", "1"], "leak_steps 1.0"),
        ({}, ["--steps", "0"], "--steps 0"),
        ({}, ["--raster", "r.npz"], "--raster writes the test samples"),
        ({}, ["--input-shape", "1,x"], "is no shape"),
    ],
)
def test_bad_input_is_answered_with_what_to_do(
    files: dict[str, Any], words: list[str], said: str, tmp_path: Path, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    b = Build(SHAPE)
    ONNX["plain"](b)
    b.write(tmp_path / "net.onnx")
    for name, arrays in ({"train.npz": {"x": images(3)}} | files).items():
        np.savez(tmp_path / name, **arrays)
    assert main(["convert", "net.onnx", "--data", "train.npz", "-o", "net.nir", *words]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "net.nir").exists()


def test_a_checkpoint_with_anything_but_tensors_is_refused(tmp_path: Path, capsys: Any) -> None:
    torch.save(nn.Linear(2, 2), tmp_path / "model.pt")
    np.savez(tmp_path / "x.npz", x=images(3))
    words = ["--data", str(tmp_path / "x.npz"), "-o", str(tmp_path / "net.nir")]
    assert main(["convert", str(tmp_path / "model.pt"), *words]) == 2
    assert "not a checkpoint" in capsys.readouterr().err


def test_a_function_of_the_users_is_imported(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_to_convert.py").write_text(
        "from torch import nn\n"
        "def net():\n    return nn.Sequential(nn.Flatten(), nn.Linear(128, 4), nn.ReLU(), nn.Linear(4, 2))\n"
    )
    np.savez("x.npz", inputs=images(3))
    words = ["--data", "x.npz", "-o", "net.nir"]
    assert main(["convert", "mine_to_convert:net", *words]) == 2
    assert "--input-shape" in capsys.readouterr().err
    assert main(["convert", "mine_to_convert:net", "--input-shape", "2,8,8", *words]) == 0


def test_networks_without_relus_or_with_neurons_are_refused() -> None:
    with pytest.raises(InputError, match="holds no ReLU"):
        convert(read_ann(nn.Linear(3, 2), (3,)), np.ones((2, 3)))
    with pytest.raises(InputError, match="no input shape"):
        read_ann(nn.Linear(3, 2))
    from norse.torch import LIFCell, SequentialState

    with pytest.raises(ProblemsError, match=r"holds spiking neurons .*fix: read it with from_norse"):
        read_ann(SequentialState(nn.Linear(3, 2), LIFCell()), (3,))


def test_the_reset_of_the_command_line_is_a_word_of_the_function_too(tmp_path: Path) -> None:
    b = Build(SHAPE)
    ONNX["plain"](b)
    ann = read_ann(b.write(tmp_path / "net.onnx"))
    zero, value = (convert(ann, images(6), reset=word) for word in ("zero", "value"))
    assert zero.source.reset == value.source.reset == "value"
    assert zero.source.notes == value.source.notes


def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"\x80\x04\x95 this is no network")
    with pytest.raises(FileError, match="not a valid ONNX file"):
        read_ann(tmp_path / "net.onnx")


@pytest.mark.parametrize("pads", [[(1, 1), (1, 1 << 31)], [(1 << 40, 0), (0, 0)]])
def test_uneven_padding_is_sized_before_it_is_written_out(pads) -> None:
    with pytest.raises(NotConvertible, match="bytes with its uneven padding"):
        _even_padding(np.ones((4, 1, 3, 3)), pads, (1, 1))
    with pytest.raises(NotConvertible, match="bytes with its uneven padding"):
        _even_padding(np.ones((4, 1, 3, 3)), [(0, 1), (0, 0)], (1, 1 << 40))
