"""The whole report: what it prints, what it writes, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from sim.engines import run
from sim.errors import InputError
from sim.program import INPUT, Connection, Conv, Dense, Input, Population, Program
from snn2hw.ann.graph import load
from snn2hw.ann.macs import effective_macs, macs
from snn2hw.costs.energy import TaskLabels, energy
from snn2hw.costs.plots import plot_band, plot_break_even
from snn2hw.costs.report import EnergyReport
from snn2hw.costs.text import amount


def program() -> Program:
    conv = Conv(np.arange(-9, 9).reshape(2, 1, 3, 3) * 2, padding=(1, 1))
    first = Population("conv", (2, 6, 6), (Connection(INPUT, conv),), vth=5, dv=400)
    last = Population("out", (3,), (Connection("conv", Dense(np.ones((3, 72), int))),), dv=100, fires=False)
    return Program(Input((1, 6, 6)), (first, last))


def raster(rate: float = 0.3, samples: int = 6) -> np.ndarray:
    return (np.random.default_rng(0).random((samples, 5, 1, 6, 6)) < rate).astype(np.uint8)


@pytest.fixture
def cnn(tmp_path: Path) -> Path:
    """Return a CNN of the same topology."""
    return write_cnn(tmp_path / "cnn.onnx")


def write_cnn(path: Path, extra: onnx.NodeProto | None = None) -> Path:
    rng = np.random.default_rng(1)
    weights = {"k": rng.standard_normal((2, 1, 3, 3)), "w": rng.standard_normal((72, 3))}
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], "conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("Flatten", ["r"], ["f"], "flat"),
        helper.make_node("MatMul", ["f", "w"], ["y"], "head"),
    ] + ([extra] if extra else [])
    shapes = {"x": ["batch", 1, 6, 6], "y": ["batch", 3]}
    fed, made = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)] for name, shape in shapes.items())
    fixed = [numpy_helper.from_array(v.astype(np.float32), n) for n, v in weights.items()]
    graph = helper.make_graph(nodes, "cnn", fed, made, fixed)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


def _report(cnn: Path | None = None, **options: Any) -> EnergyReport:
    return energy(program(), raster(), ann=cnn, engine="reference", **options)


def test_the_report_counts_what_the_run_counted() -> None:
    counts = run(program(), raster(), engine="reference").counts
    report = _report()
    assert report.totals["synops"].mean == np.mean(counts.synops["conv"] + counts.synops["out"])
    assert report.totals["updates"].mean == (72 + 3) * 5
    assert report.spikes_per_synapse.mean == pytest.approx(report.totals["synops"].mean / report.synapses)
    assert report.spike_rate == counts.spikes["conv"].mean() / (72 * 5)
    assert report.digest == program().digest


def test_the_ann_is_counted_by_the_same_rules(cnn: Path) -> None:
    samples = np.random.default_rng(2).standard_normal((4, 1, 6, 6)).astype(np.float32)
    report = _report(cnn, ann_inputs=samples)
    assert report.ann is not None
    assert report.ann.census == macs(load(cnn))
    assert report.ann.census.total == report.neurobench.dense / 5  # the same synapses, once instead of in each step
    assert report.ann.effective is not None
    np.testing.assert_array_equal(report.ann.effective.per_sample, effective_macs(cnn, samples).per_sample)
    assert {c.table for c in report.comparisons} == {
        "cmos45_fp32",
        "cmos45_fp32_memory",
        "cmos45_int8",
        "cmos45_int8_memory",
    }


def test_the_text_says_proxy_gives_bands_and_names_the_loser(cnn: Path) -> None:
    samples = np.random.default_rng(2).standard_normal((6, 1, 6, 6)).astype(np.float32)
    task = TaskLabels(np.arange(6) % 3, np.arange(6) % 3)
    busy = energy(program(), raster(rate=1.0), ann=cnn, ann_inputs=samples, task=task, engine="reference")
    said = str(busy)
    assert "every amount is a proxy" in said
    assert "band over all tables in joules" in said
    assert "cmos45_int8: the SNN loses: " in said
    assert "verdict: as counted, the SNN loses under " in said
    assert busy.verdict is not None
    assert "wins" not in busy.verdict


def test_a_nearly_silent_network_without_neuron_costs_wins(cnn: Path) -> None:
    still = Population("out", (3,), (Connection(INPUT, Dense(np.ones((3, 36), int))),), fires=False)
    quiet = np.zeros((3, 5, 1, 6, 6), np.uint8)
    quiet[:, 0, 0, 0, 0] = 1
    report = energy(Program(Input((1, 6, 6)), (still,)), quiet, ann=cnn, engine="reference")
    by_table = {c.table: c for c in report.comparisons}
    assert by_table["cmos45_int8"].outcome == "wins"
    assert str(by_table["cmos45_int8"]).startswith("the SNN wins: ")
    assert all(b.spikes_per_synapse is not None for b in by_table["cmos45_int8"].break_even)


def test_a_silent_network_has_no_break_even(cnn: Path) -> None:
    report = energy(program(), raster(rate=0.0), ann=cnn, engine="reference")
    assert {b.factor for c in report.comparisons for b in c.break_even} == {None}
    assert "no synops" in str(report)


def test_an_ann_with_an_unknown_operator_is_never_called_cheaper(tmp_path: Path) -> None:
    odd = helper.make_node("Spectral", ["c"], ["z"], "odd", domain="com.example")
    path = write_cnn(tmp_path / "odd.onnx", odd)
    report = energy(program(), raster(rate=1.0), ann=path, engine="reference")
    assert {c.outcome for c in report.comparisons} <= {"unknown", "wins"}
    said = str(report)
    assert "ANN operator not counted: Spectral (4:odd)" in said
    assert "at least " in said
    assert "the SNN loses" not in said
    assert report.to_json()["ann"]["complete"] is False


def test_the_json_holds_every_price_with_its_source_and_the_digest(cnn: Path) -> None:
    written = json.loads(json.dumps(_report(cnn).to_json(), allow_nan=False))
    assert written["schema"] == "snn2hw.energy/1"
    assert written["digest"] == program().digest
    assert written["measured"] is False
    assert all(p["source"] and p["kind"] for cost in written["snn"] for p in cost["prices"])
    assert all(cost["proxy"] for cost in written["snn"] + written["ann"]["cost"])
    means = written["snn"][0]["total"]
    assert means["low"]["mean"] < means["counted"]["mean"] < means["high"]["mean"]
    assert means["counted"]["ci_low"] < means["counted"]["mean"] < means["counted"]["ci_high"]


def test_one_sample_has_no_interval() -> None:
    report = energy(program(), raster(samples=1), engine="reference")
    assert report.totals["synops"].low is None
    assert "one sample: none" in str(report)


def test_the_pictures_are_drawn(cnn: Path, tmp_path: Path) -> None:
    report = _report(cnn)
    for draw, name in ((plot_band, "band.png"), (plot_break_even, "even.png")):
        draw(report, tmp_path / name)
        assert (tmp_path / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(InputError, match="no table prices both networks"):
        plot_break_even(_report(), tmp_path / "none.png")


def test_counts_of_another_raster_are_refused() -> None:
    from snn2hw.costs.energy import report_of

    counts = run(program(), raster(), engine="reference").counts
    with pytest.raises(InputError, match="counts and raster hold different numbers of samples"):
        report_of(program(), raster(samples=2), counts)


def test_a_confidence_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"confidence 95  fix: give a number between 0 and 1"):
        _report(confidence=95)


def test_an_arithmetic_table_without_a_width_cannot_price_an_ann(cnn: Path, tmp_path: Path) -> None:
    from snn2hw.costs.price_files import get_table

    table = replace(get_table("cmos45_int8"), value_bits=None, name="mine")
    with pytest.raises(InputError, match="'mine' does not say how wide an ANN's values are"):
        _report(cnn, tables=(table,))
    assert _report(tables=(table,)).snn[0].table.name == "mine"


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.0, "pJ", "0 pJ"),
        (999, "pJ", "999 pJ"),
        (1_449_000_000, "pJ", "1.45 mJ"),
        (2_500, "op", "2.5 kop"),
        (7, "op", "7 op"),
    ],
)
def test_amounts_are_written_with_a_prefix(value: float, unit: str, said: str) -> None:
    assert amount(value, unit) == said


def test_a_constant_input_is_told_to_be_a_bias() -> None:
    still = np.repeat(raster()[:, :1], 5, axis=1)
    counts = run(program(), still, engine="reference").counts
    mean = counts.synops["conv"].mean()
    said = [n for n in energy(program(), still, engine="reference").notes if "constant in time" in n]
    assert len(said) == 1
    assert f"{mean:,.0f} of the synops" in said[0]
    assert said[0].endswith(f"needs {mean / 5:,.0f}")
    assert not any("constant in time" in n for n in _report().notes)


def test_a_comparison_says_that_it_knows_neither_task_nor_accuracy(cnn: Path) -> None:
    said = "costs alone are compared: whether both networks do the same task, and how well, is not known here"
    assert said in energy(program(), raster(), ann=cnn, engine="reference").notes
    assert said not in energy(program(), raster(), engine="reference").notes
