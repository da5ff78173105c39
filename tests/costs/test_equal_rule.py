"""Both networks are counted by one rule, and costs decide nothing between networks of unlike tasks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from sim.engines import run
from sim.program import INPUT, Connection, Dense, Input, Population, Program
from snn2hw.ann.graph import load
from snn2hw.ann.macs import effective_macs, macs
from snn2hw.costs.energy import TaskLabels, energy
from snn2hw.costs.equal_rule import dense_counts, equal_counts
from snn2hw.costs.report_sides import AnnSide
from tests.ann.brute_force import count
from tests.ann.random_graphs import random_model
from tests.ann.random_graphs import samples as drawn_samples
from tests.costs.halved import halve
from tests.costs.test_report import program, raster, write_cnn
from tests.programs import run_of
from tests.sim.oracle import synapses

LABELS = np.arange(6) % 3


@pytest.fixture(scope="module")
def cnn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cnn(tmp_path_factory.mktemp("ann") / "cnn.onnx")


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return np.random.default_rng(2).standard_normal((6, 1, 6, 6)).astype(np.float32)


def products_one_by_one(program: Program, raster: np.ndarray, spikes: dict[str, np.ndarray]) -> tuple[int, int]:
    """Return the products with two real factors, and all products, from a list of single synapses."""
    skipping = dense = 0
    steps = raster.shape[1]
    for p in program.populations:
        for c in p.inputs:
            source = program.shape_of(c.source)
            everywhere = replace(c.wiring, weight=np.ones_like(c.wiring.weight))
            dense += len(raster) * max(steps - c.lag, 0) * len(synapses(everywhere, source, p.shape))
            sent = (raster if c.source == INPUT else spikes[c.source]).reshape(len(raster), steps, -1)
            fan = [0] * sent.shape[2]
            for place, _, _ in synapses(c.wiring, source, p.shape):
                fan[place] += 1
            for sample in sent:
                for t in range(max(steps - c.lag, 0)):
                    skipping += sum(fan[i] for i in np.flatnonzero(sample[t]))
    return skipping, dense


@pytest.mark.parametrize("seed", range(25))
def test_the_spiking_side_equals_single_synapses_by_both_rules(seed: int) -> None:
    drawn, fed, trace = run_of(seed)
    skipping, dense = products_one_by_one(drawn, fed, dict(trace.spikes))
    assert sum(int(n.sum()) for n in trace.counts.synops.values()) == skipping
    assert sum(int(n.sum()) for n in dense_counts(drawn, trace.counts, fed.shape[1]).synops.values()) == dense


@pytest.mark.parametrize("seed", range(10))
def test_the_ann_s_side_equals_products_one_by_one_by_both_rules(seed: int, tmp_path: Path) -> None:
    model = random_model(seed)
    sample = drawn_samples(model, 1, seed)
    onnx.save(model, tmp_path / "m.onnx")
    counted = count(model, sample)
    effective = effective_macs(tmp_path / "m.onnx", sample)
    side = AnnSide("m", macs(load(tmp_path / "m.onnx")), effective)
    few = raster(samples=1)
    skipping, dense = equal_counts(program(), run(program(), few).counts, few.shape[1], side, 0.95)
    assert dense.ann is not None
    assert skipping.ann is not None
    assert dense.ann.mean == sum(every for every, _ in counted.values())
    assert skipping.ann.mean == sum(real for _, real in counted.values())


def test_where_nothing_is_pruned_the_rule_counts_what_was_counted_before(cnn: Path, samples: np.ndarray) -> None:
    whole = Population("out", (3,), (Connection(INPUT, Dense(np.ones((3, 36), int))),), fires=False)
    report = energy(Program(Input((1, 6, 6)), (whole,)), raster(), ann=cnn, ann_inputs=samples)
    skipping, dense = report.equal_counts
    assert report.ann is not None
    assert report.ann.effective is not None
    assert skipping.snn.mean == report.totals["synops"].mean
    assert skipping.ann is not None
    assert skipping.ann.mean == report.ann.effective.total.mean()
    assert dense.ann is not None
    assert dense.ann.mean == report.ann.census.total
    assert dense.snn.mean == report.synapses * raster().shape[1]


def test_a_pruned_network_wins_nothing_by_its_own_zeros_alone(cnn: Path, samples: np.ndarray) -> None:
    """Zeros of the ANN are left out as those of the SNN are: its share of real products shows in the ratio."""
    task = TaskLabels(LABELS, LABELS)
    report = energy(program(), raster(), ann=cnn, ann_inputs=samples, task=task)
    pruned = cnn.with_name("pruned.onnx")
    halve(cnn, pruned)
    halved = energy(program(), raster(), ann=pruned, ann_inputs=samples, task=task)
    by_rule = {c.rule: c for c in halved.equal_counts}
    before = {c.rule: c for c in report.equal_counts}
    assert by_rule["dense"].ann == before["dense"].ann
    assert by_rule["skipping"].ann is not None
    assert before["skipping"].ann is not None
    assert by_rule["skipping"].ann.mean < 0.7 * before["skipping"].ann.mean


def test_a_verdict_names_the_accuracy_of_both(cnn: Path, samples: np.ndarray) -> None:
    report = energy(program(), raster(), ann=cnn, ann_inputs=samples, task=TaskLabels(LABELS, LABELS))
    assert report.verdict is not None
    assert report.verdict.startswith("as counted, the SNN loses under")
    assert "both do the same task on 6 samples: the SNN is right on " in report.verdict
    assert report.task is not None
    assert report.to_json()["task"]["ann_accuracy"] == report.task.ann_accuracy


@pytest.mark.parametrize(
    ("task", "why"),
    [
        (None, "no verdict: the raster has no labels"),
        (TaskLabels(LABELS), "no verdict: the ANN's samples have no labels"),
        (TaskLabels(LABELS, LABELS[:4]), "no verdict: 6 labelled samples for the SNN, 4 for the ANN"),
        (TaskLabels(LABELS, LABELS[::-1]), "no verdict: 4 of 6 labels differ"),
    ],
)
def test_where_the_task_is_not_known_to_be_the_same_there_is_no_verdict(
    task: TaskLabels | None, why: str, cnn: Path, samples: np.ndarray
) -> None:
    given = samples if task is None or task.ann_labels is None else samples[: len(task.ann_labels)]
    report = energy(program(), raster(), ann=cnn, ann_inputs=given, task=task)
    assert report.verdict is not None
    assert report.verdict.startswith(why)
    assert f"verdict: {why}" in str(report)


def test_networks_with_another_number_of_answers_do_another_task(cnn: Path, samples: np.ndarray) -> None:
    two = Population("out", (2,), (Connection(INPUT, Dense(np.ones((2, 36), int))),), fires=False)
    task = TaskLabels(LABELS, LABELS)
    report = energy(Program(Input((1, 6, 6)), (two,)), raster(), ann=cnn, ann_inputs=samples, task=task)
    assert report.verdict == "no verdict: the SNN has 2 outputs, the ANN 3"
