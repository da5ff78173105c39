"""Several networks beside each other: fronts against a quadratic definition, verdicts, and the command."""

import json
import shlex
from pathlib import Path

import numpy as np
import onnx
import pytest

from exporters.program_file import write_program
from sim.errors import InputError
from sim.program import INPUT, Connection, Dense, Input, Population, Program
from snn2hw.codec.share import Share
from snn2hw.commands import main
from snn2hw.costs.candidates import AnnEntry, SpikingEntry, energy_fronts
from snn2hw.costs.energy import TaskLabels, energy
from snn2hw.costs.fronts import Candidate, fronts_of
from snn2hw.files.rasters import write_npz, write_raster
from tests.costs.halved import halve
from tests.costs.test_report import program, raster, write_cnn

LABELS = np.arange(6) % 3


def candidate(side, name, right, cost):
    return Candidate(side, name, Share(right, 100), {"t": cost})


@pytest.mark.parametrize("seed", range(30))
def test_a_front_holds_whom_no_other_of_its_kind_beats(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = [
        candidate(str(rng.choice(["snn", "ann"])), f"n{i}", int(rng.integers(0, 9)), float(rng.integers(1, 9)))
        for i in range(14)
    ]
    (table,) = fronts_of(drawn, {"t": "pJ"}).tables
    for side, front in (("snn", table.snn), ("ann", table.ann)):
        mine = [c for c in drawn if c.side == side]
        kept = {
            (c.accuracy, c.costs["t"])
            for c in mine
            if not any(
                o.accuracy >= c.accuracy
                and o.costs["t"] <= c.costs["t"]
                and (o.accuracy, o.costs["t"]) != (c.accuracy, c.costs["t"])
                for o in mine
            )
        }
        assert [(c.accuracy, c.costs["t"]) for c in front] == sorted(kept)


def test_a_factor_is_that_to_the_cheapest_that_is_at_least_as_accurate() -> None:
    drawn = [candidate("snn", "s", 90, 10.0), candidate("ann", "a", 90, 4.0), candidate("ann", "b", 80, 1.0)]
    (table,) = fronts_of(drawn, {"t": "pJ"}).tables
    found = table.factor(drawn[0])
    assert found is not None
    assert (found[0], found[1].name) == (2.5, "a")
    assert str(table) == "t: at no accuracy does an SNN win; an ANN at least as accurate costs 2.5 times less"


@pytest.mark.parametrize(
    ("cost", "right", "says"),
    [
        (2.0, 90, "t: the SNN wins with s (90.0%, 2 times cheaper than a)"),
        (50.0, 95, "t: the SNN wins with s (95.0%, and no ANN is as accurate)"),
        (1.5, 80, "t: at no accuracy does an SNN win; an ANN at least as accurate costs 1.5 times less"),
    ],
)
def test_who_wins_is_said_with_its_accuracy_and_factor(cost: float, right: int, says: str) -> None:
    drawn = [candidate("snn", "s", right, cost), candidate("ann", "a", 90, 4.0), candidate("ann", "b", 80, 1.0)]
    assert fronts_of(drawn, {"t": "pJ"}).verdict == says


def test_where_some_of_a_front_win_the_others_are_counted() -> None:
    drawn = [candidate("snn", "s", 70, 0.5), candidate("snn", "u", 90, 9.0), candidate("ann", "a", 90, 3.0)]
    (table,) = fronts_of(drawn, {"t": "pJ"}).tables
    assert str(table) == (
        "t: the SNN wins with s (70.0%, 6 times cheaper than a); elsewhere ANNs at least as accurate cost less (1 of 2)"
    )


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_program(program(), tmp_path / "p.nir")
    write_program(small(), tmp_path / "q.nir")
    write_raster(tmp_path / "x.npz", raster(), LABELS)
    write_raster(tmp_path / "y.npz", raster(), LABELS[::-1])
    write_cnn(tmp_path / "cnn.onnx")
    halve(tmp_path / "cnn.onnx", tmp_path / "half.onnx")
    samples = np.random.default_rng(2).standard_normal((6, 1, 6, 6)).astype(np.float32)
    write_npz(tmp_path / "f.npz", {"features": samples, "labels": LABELS})
    write_npz(tmp_path / "unlabelled.npz", {"features": samples})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def small() -> Program:
    one = Population("out", (3,), (Connection(INPUT, Dense(np.eye(3, 36, dtype=int) * 2)),), fires=False)
    return Program(Input((1, 6, 6)), (one,))


FIRST = "energy p.nir --input x.npz --ann cnn.onnx --ann-input f.npz --engine reference"


def test_the_command_draws_the_fronts_of_several_networks(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = " --also q.nir x.npz --also-ann half.onnx f.npz -o fronts.json --plots pictures"
    assert main(shlex.split(FIRST + more)) == 0
    printed = capsys.readouterr().out
    assert "verdict: cmos45_fp32: at no accuracy does an SNN win" in printed or "the SNN wins with" in printed
    written = json.loads((files / "fronts.json").read_text())
    assert written["schema"] == "snn2hw.energy-fronts/1"
    assert [(n["side"], n["name"]) for n in written["networks"]] == [
        ("snn", "p"),
        ("snn", "q"),
        ("ann", "cnn"),
        ("ann", "half"),
    ]
    assert [f["table"] for f in written["fronts"]] == [
        "cmos45_fp32",
        "cmos45_fp32_memory",
        "cmos45_int8",
        "cmos45_int8_memory",
    ]
    assert written["unknown"] is None
    assert (files / "pictures" / "fronts.png").stat().st_size > 1000
    cheaper = {n["name"]: n["costs"]["cmos45_int8"] for n in written["networks"]}
    assert cheaper["half"] < cheaper["cnn"]
    assert cheaper["q"] < cheaper["p"]


def test_a_front_and_a_report_price_a_network_alike(files: Path) -> None:
    samples = np.load("f.npz")["features"]
    fronts = energy_fronts(
        [SpikingEntry("p", program(), raster(), LABELS)], [AnnEntry("a", "cnn.onnx", samples, LABELS)]
    )
    report = energy(program(), raster(), ann="cnn.onnx", ann_inputs=samples, task=TaskLabels(LABELS, LABELS))
    p, a = fronts.candidates
    for cost in report.equal_costs:
        if cost.rule == "skipping":
            assert cost.ratio.mean == pytest.approx(p.costs[cost.table] / a.costs[cost.table], rel=1e-12)
    assert report.task is not None
    assert (p.accuracy, a.accuracy) == (report.task.snn_accuracy, report.task.ann_accuracy)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("--also q.nir y.npz", "q and p were asked different things: their labels differ"),
        ("--also-ann half.onnx unlabelled.npz", "the samples of half have no labels"),
    ],
)
def test_without_the_same_split_for_all_there_is_no_verdict(
    files: Path, capsys: pytest.CaptureFixture[str], more: str, why: str
) -> None:
    assert main(shlex.split(f"{FIRST} {more}")) == 0
    assert f"verdict: no verdict: {why}" in capsys.readouterr().out


def test_an_ann_with_operators_that_no_rule_counts_has_no_verdict(files: Path) -> None:
    model = onnx.load("cnn.onnx")
    node = onnx.helper.make_node("Einsum", [model.graph.output[0].name], ["more"], equation="ij->ij")
    model.graph.node.append(node)
    onnx.save(model, "einsum.onnx")
    samples = np.load("f.npz")["features"]
    entries = [AnnEntry("a", "einsum.onnx", samples, LABELS)]
    fronts = energy_fronts([SpikingEntry("p", program(), raster(), LABELS)], entries)
    assert fronts.verdict == "no verdict: a: holds operators that no rule counts"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("energy p.nir --input x.npz --also q.nir x.npz", "2 programs and 0 ANNs"),
        ("energy p.nir --input x.npz --ann cnn.onnx --also q.nir x.npz", "--ann cnn.onnx without --ann-input"),
        (f"{FIRST} --also q.nir x.npz --tables ndns_proxy", "no table prices both kinds of network"),
        (f"{FIRST} --also none.nir x.npz", "none.nir: no such file"),
        (f"{FIRST} --also-ann none.onnx f.npz", "none.onnx: no such file"),
        (f"{FIRST} --also q.nir x.npz -o q.nir", "q.nir: is named twice"),
    ],
)
def test_bad_usage_is_one_message(files: Path, capsys: pytest.CaptureFixture[str], words: str, message: str) -> None:
    assert main(shlex.split(words)) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(InputError, match="0 programs and 0 ANNs"):
        energy_fronts([], [])
