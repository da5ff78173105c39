"""Weights of a quantised CNN in fewer bits, the search for the fewest, and what they cost."""

import json
from pathlib import Path

import numpy as np
import pytest

from sim.errors import InputError, UnsupportedError
from snn2hw.ann.graph import load
from snn2hw.ann.macs import effective_macs, macs
from snn2hw.ann.narrow import fewest_ann_bits, narrow, write_narrow
from snn2hw.ann.runtime import accuracy, run
from snn2hw.commands import main
from snn2hw.costs.equal_rule import ann_side
from snn2hw.costs.price_files import get_table
from snn2hw.costs.pricing import price
from snn2hw.costs.report_sides import AnnSide
from snn2hw.schemas import get_schema

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

from snn2hw.ann.twin import write_twin  # noqa: E402
from tests.ann.test_twin import _checkpoint, corpus  # noqa: E402, F401  a fixture

LEVELS = {2: 1, 3: 3, 4: 7, 5: 15, 6: 31, 7: 63, "ternary": 1}


def plainly(row: list[int], most: int) -> int:
    """Return the least squared error of a row as k m, tried one by one."""
    errors = []
    for k in range(1, 127 // most + 1):
        errors.append(sum(min((q - k * m) ** 2 for m in range(-most, most + 1)) for q in row))
    return min(errors)


@pytest.mark.parametrize("bits", LEVELS)
def test_rounding_is_the_nearest_of_all_factors(bits: int | str) -> None:
    rng = np.random.default_rng(3)
    weight = np.clip(np.rint(rng.normal(0, 40, (6, 5))), -127, 127).astype(np.int8)
    weight[rng.random(weight.shape) < 0.3] = 0
    for axis, rows, narrowed in (
        (0, weight, narrow(weight, bits, 0)),
        (1, weight.T, narrow(weight, bits, 1).T),
        (None, weight.reshape(1, -1), narrow(weight, bits, None).reshape(1, -1)),
    ):
        assert narrowed.dtype == np.int8
        assert not narrowed[rows == 0].any(), axis
        for row, made in zip(rows.tolist(), narrowed.tolist(), strict=True):
            assert sum((q - n) ** 2 for q, n in zip(row, made, strict=True)) == plainly(row, LEVELS[bits])
            factor = np.gcd.reduce(np.abs(made)) or 1
            assert max(abs(n) // factor for n in made) <= LEVELS[bits]


def test_eight_bits_are_the_weights_themselves() -> None:
    weight = np.random.default_rng(0).integers(-127, 128, (3, 4)).astype(np.int8)
    np.testing.assert_array_equal(narrow(weight, 8, 0), weight)


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, np.ndarray]:
    """Return an 8-bit network, samples, and the answers of its floats."""
    torch.manual_seed(0)
    layers = (torch.nn.Conv2d(1, 6, 3), torch.nn.ReLU(), torch.nn.Conv2d(6, 8, 3, stride=2), torch.nn.ReLU())
    model = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(72, 5))
    samples = np.random.default_rng(1).random((60, 1, 9, 9)).astype(np.float32)
    with torch.no_grad():
        model[-1].bias -= model(torch.from_numpy(samples)).mean(0)  # else one answer is that of all
        labels = model(torch.from_numpy(samples)).argmax(1).numpy()
    assert len(np.unique(labels)) > 2
    return write_twin(model, samples, labels, samples, tmp_path_factory.mktemp("twin")).int8, samples, labels


@pytest.mark.parametrize("bits", [7, 5, 3, "ternary"])
def test_a_file_has_the_bits_that_were_asked_for_and_computes_with_them(twin, bits, tmp_path: Path) -> None:
    path, samples, _ = twin
    chosen = write_narrow(path, tmp_path / "lean.onnx", bits)
    census = macs(load(tmp_path / "lean.onnx"))
    assert set(chosen) == {node.name for node in census.nodes}
    assert [node.weight_bits for node in census.nodes] == [2 if bits == "ternary" else bits] * 3
    assert [node.weight_bits for node in macs(load(path)).nodes] == [8, 8, 8]
    found, expected = run(tmp_path / "lean.onnx", samples), by_hand(tmp_path / "lean.onnx", samples)
    step = 1.01 * output_step(tmp_path / "lean.onnx")  # a value between two steps is rounded to either
    assert np.abs(found - expected).max() <= step
    assert np.abs(run(path, samples) - expected).max() > step


def by_hand(path: Path, samples: np.ndarray) -> np.ndarray:
    """Return what torch makes of the dequantised weights, every layer's output rounded as the file says."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    held = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in model.graph.initializer}
    values = {"input": torch.from_numpy(samples)}
    for node in model.graph.node:
        given = [values.get(name, held.get(name)) for name in node.input]
        match node.op_type:
            case "QuantizeLinear":
                made = torch.clamp(torch.round(given[0] / given[1]) + given[2], -128, 127)
            case "DequantizeLinear":
                along = (-1, *[1] * (given[0].dim() - 1)) if given[1].dim() else ()
                made = (given[0].double() - given[2].double().view(along)) * given[1].double().view(along)
                made = made.float()
            case "Conv":
                stride = next(list(a.ints) for a in node.attribute if a.name == "strides")
                made = torch.nn.functional.conv2d(*given, stride=stride)
            case "Gemm":
                made = torch.nn.functional.linear(*given)
            case "Relu":
                made = torch.relu(given[0])
            case "Reshape" | "Flatten":
                made = given[0].flatten(1)
        values[node.output[0]] = made
    return values["output"].numpy()


def output_step(path: Path) -> float:
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    held = {i.name: i for i in model.graph.initializer}
    last = next(node for node in model.graph.node if node.output[0] == "output")
    return float(numpy_helper.to_array(held[last.input[1]]))


def test_the_search_keeps_its_budget_and_is_greedy(twin, tmp_path: Path) -> None:
    path, samples, labels = twin
    lean = tmp_path / "lean.onnx"
    told = []
    found = fewest_ann_bits(path, lean, samples, labels, budget=0.05, on_trial=told.append)
    assert tuple(told) == found.trials
    assert accuracy(lean, samples, labels) >= accuracy(path, samples, labels) - 0.05
    widths = {node.name: node.weight_bits for node in macs(load(lean)).nodes}
    assert widths == {name: 2 if bits == "ternary" else bits for name, bits in found.bits.items()}
    kept = [t.weight_bits for t in found.trials if t.kept]
    assert kept == sorted(kept, reverse=True)
    assert len(kept) > 3
    assert any(not t.kept for t in found.trials)  # else the budget bound nothing
    # the layer of most weights goes first: 54, 432 in the second convolution, 360 in the dense one
    assert list(found.trials[0].bits.values()) == [8, 7, 8]


def test_all_of_the_answers_as_budget_makes_every_layer_ternary(twin, tmp_path: Path) -> None:
    path, samples, labels = twin
    found = fewest_ann_bits(path, tmp_path / "lean.onnx", samples, labels, budget=1.0)
    assert set(found.bits.values()) == {"ternary"}
    with pytest.raises(InputError, match="budget 2  fix: give a share between 0 and 1"):
        fewest_ann_bits(path, tmp_path / "lean.onnx", samples, labels, budget=2)


def test_narrow_weights_cost_less_memory_and_nothing_else(twin, tmp_path: Path) -> None:
    path, samples, _ = twin
    write_narrow(path, tmp_path / "lean.onnx", 4)
    table = get_table("cmos45_int8_memory")
    wide, lean = (
        price(ann_side(AnnSide(str(file), macs(load(file)), effective_macs(file, samples)), "dense", 8), table)
        for file in (path, tmp_path / "lean.onnx")
    )
    # the dense rule: every weight is fetched as wide as it is; all arrays are smaller than 8 KB
    np.testing.assert_array_equal(2 * lean.parts["weight memory"].counted, wide.parts["weight memory"].counted)
    for part in set(wide.parts) - {"weight memory"}:
        np.testing.assert_array_equal(lean.parts[part].counted, wide.parts[part].counted)


def test_a_network_of_floats_has_nothing_to_narrow(twin, tmp_path: Path) -> None:
    path, _, _ = twin
    with pytest.raises(UnsupportedError, match="no layer has 8-bit weights"):
        write_narrow(path.with_name("cnn.onnx"), tmp_path / "lean.onnx", 4)
    assert {node.weight_bits for node in macs(load(path.with_name("cnn.onnx"))).nodes} == {None}


@pytest.mark.parametrize(("bits", "widths"), [("3", {3}), ("mixed", {8, 7, 6, 5, 4, 3, "ternary"})])
def test_the_command_writes_the_lean_network_too(bits, widths, corpus, tmp_path, capsys) -> None:  # noqa: F811
    jsonschema = pytest.importorskip("jsonschema")
    out, model = tmp_path / "twin", _checkpoint(corpus, tmp_path / "model.pt")
    words = ["ann", "folder", "--data", str(corpus), "--model", str(model), "-o", str(out)]
    assert main([*words, "--weight-bits", bits, "--budget", "0.5", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    jsonschema.validate(said, get_schema("snn2hw.ann/1"))
    assert set(said["bits"].values()) <= widths
    assert said["wrote"][-1].endswith("cnn.lean.onnx")
    assert {node.name for node in macs(load(out / "cnn.lean.onnx")).nodes} == set(said["bits"])


def test_eight_bits_are_no_lean_network(corpus, tmp_path, capsys) -> None:  # noqa: F811
    words = ["ann", "folder", "--data", str(corpus), "--model", "model.pt", "-o", str(tmp_path / "twin")]
    assert main([*words, "--weight-bits", "8"]) == 2
    assert "--weight-bits 8: cnn.int8.onnx has 8  fix: give 2..7, ternary or mixed" in capsys.readouterr().err
