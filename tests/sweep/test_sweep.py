"""Each setting is done once: whatever interrupts a study, its table is that of an undisturbed one."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from snn2hw.calls.call import CallAnswer, CommandCall
from snn2hw.calls.worker import Caller
from snn2hw.commands import main
from snn2hw.files.rasters import write_raster
from snn2hw.schemas import get_schema
from snn2hw.sweep.results import result_of
from snn2hw.sweep.study import Choices, Measure, Search, Study
from snn2hw.sweep.sweep import sweep
from tests.border.living import marked
from tests.project.test_options import _write_network
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
STUDY = """schema = "snn2hw.study/1"
title = "bits"
run.inputs = ["net.nir", "two.npz"]
run.commands = [
  "compile net.nir --dt 1e-3 --data two.npz --weight-bits {bits} --method {method} -o {out}/p.nir",
  "run {out}/p.nir --input two.npz",
]
measure.accuracy = ["run.right", "run.samples"]
measure.synops = "run.populations.0.synops.-1"
settings.bits = [2, 3, 8, "ternary"]
settings.method = ["max", "mse", "percentile"]
picture.x = "bits"
picture.lines = "method"
table.average = ["method"]
"""
SETTINGS = 12


@pytest.fixture
def home(tmp_path, monkeypatch):
    _write_network(tmp_path / "net.nir")
    write_raster(tmp_path / "two.npz", np.random.default_rng(0).integers(0, 2, (8, 5, 2)), np.arange(8) % 2)
    (tmp_path / "study.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _tables(folder):
    return [(folder / name).read_bytes() for name in ("sweep.json", "table.md", "table.csv")]


def test_a_study_is_done_once_and_its_table_is_the_same_for_any_number_of_processes(home, capsys):
    assert main(["sweep", "study.toml", "-o", "one", "--processes", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["ran"], document["failed"], len(document["rows"])) == (SETTINGS, 0, SETTINGS)
    assert [row["setting"]["bits"] for row in document["rows"]] == [b for b in (2, 3, 8, "ternary") for _ in range(3)]
    assert {tuple(row["measured"]) for row in document["rows"]} == {("accuracy", "synops")}
    assert len({row["measured"]["synops"] for row in document["rows"]}) >= 1
    assert [row["number"] for row in document["means"]] == [3] * 4
    assert main(["sweep", "study.toml", "-o", "three", "--processes", "3", "--no-pictures"]) == 0
    capsys.readouterr()
    assert _tables(home / "one") == _tables(home / "three")
    pictures = {path.name for path in (home / "one").glob("*.png")}
    assert pictures in ({"accuracy.png", "synops.png"}, set())
    rows = list(csv.DictReader((home / "one" / "table.csv").read_text().splitlines()))
    assert [float(row["accuracy"]) for row in rows] == [row["measured"]["accuracy"] for row in document["rows"]]


def test_each_result_is_a_file_of_its_own_that_its_schema_describes(home, capsys):
    jsonschema = pytest.importorskip("jsonschema")
    assert main(["sweep", "study.toml", "-o", "out", "--no-pictures"]) == 0
    found = [json.loads(path.read_text()) for path in (home / "out" / "results").glob("*.json")]
    assert len(found) == SETTINGS
    for document in found:
        jsonschema.Draft202012Validator(get_schema("setting")).validate(document)
    jsonschema.Draft202012Validator(get_schema("sweep")).validate(json.loads((home / "out/sweep.json").read_text()))


def test_what_is_done_is_not_done_again_and_what_changed_is(home, capsys):
    words = ["sweep", "study.toml", "-o", "out", "--no-pictures", "--json"]
    ran = []
    for change in (
        lambda: None,
        lambda: None,
        lambda: next((home / "out" / "results").glob("*.json")).unlink(),
        lambda: (home / "study.toml").write_text(STUDY.replace('[2, 3, 8, "ternary"]', "[2, 3, 4]")),
        lambda: write_raster(home / "two.npz", np.zeros((4, 5, 2), np.uint8), np.arange(4) % 2),
    ):
        change()
        assert main(words) == 0
        ran.append(json.loads(capsys.readouterr().out)["ran"])
    assert ran == [SETTINGS, 0, 1, 3, 9]


def test_a_result_of_which_a_part_is_missing_is_named(home, capsys):
    words = ["sweep", "study.toml", "-o", "out", "--no-pictures"]
    assert main(words) == 0
    path = next((home / "out" / "results").glob("*.json"))
    for damage in (lambda t: t[: len(t) // 2], lambda t: t.replace('"synops"', '"sinops"'), lambda t: "[]"):
        good = path.read_text()
        path.write_text(damage(good))
        capsys.readouterr()
        assert main(words) == 2
        said = capsys.readouterr().err
        assert path.name in said
        assert "remove this file" in said
        path.write_text(good)


def test_a_setting_that_is_refused_is_a_row_and_the_others_are_done(home, capsys):
    (home / "study.toml").write_text(STUDY.replace('"ternary"]', "99]"))
    assert main(["sweep", "study.toml", "-o", "out", "--no-pictures", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    failed = [row for row in document["rows"] if row["error"]]
    assert [row["setting"]["bits"] for row in failed] == [99] * 3
    assert all(row["error"].startswith("compile: ") and row["measured"] == {} for row in failed)
    assert str(home) not in json.dumps(document["rows"])
    assert document["failed"] == 3


def _kill_and_look(home, folder, word, at_least):
    """Start a study, kill it once some settings are done, and return how many were done then."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SWEPT": word}
    command = [sys.executable, "-m", "snn2hw", "sweep", "study.toml", "-o", folder, "--processes", "2"]
    process = subprocess.Popen(command, cwd=home, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results = home / folder / "results"
    deadline = time.monotonic() + 120
    while len(list(results.glob("[0-9a-f]*.json"))) < at_least and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not marked(f"SWEPT={word}"))
    return len(list(results.glob("[0-9a-f]*.json")))


def test_a_study_that_is_killed_goes_on_and_ends_in_the_same_table(home, capsys):
    assert main(["sweep", "study.toml", "-o", "whole", "--no-pictures"]) == 0
    done = 0
    for kill in range(2):
        done = _kill_and_look(home, "killed", f"{home.name}-{kill}", done + 2)
        assert done < SETTINGS
    capsys.readouterr()
    assert main(["sweep", "study.toml", "-o", "killed", "--no-pictures", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ran"] == SETTINGS - done
    assert _tables(home / "killed") == _tables(home / "whole")
    assert not [p for p in (home / "killed").rglob("*") if p.name.endswith(".tmp")]


def test_no_more_processes_work_at_once_than_there_are_cores_and_all_take_turns(tmp_path, monkeypatch):
    from snn2hw.sweep import team

    working, most, called = set(), [], set()

    class Counting(Caller):
        def call(self, call, out, inputs):
            working.add(self)
            called.add(self)
            most.append(len(working))
            time.sleep(0.01)
            working.remove(self)
            return CallAnswer(({"out": out.name},), None)

    monkeypatch.setattr(team, "Caller", Counting)
    for cores, at_once in ((1, 1), (2, 2), (9, 4)):
        monkeypatch.setattr(team, "cores_here", lambda cores=cores: cores)
        most.clear()
        called.clear()
        calls = {str(number): CommandCall((("zoo",),)) for number in range(12)}
        answers = dict(team.ProcessTeam(4, {}).answers(calls, tmp_path))
        assert {name: answer.documents[0]["out"] for name, answer in answers.items()} == {name: name for name in calls}
        assert (max(most), len(called)) == (at_once, 4)


def test_two_processes_do_not_do_one_study(home, capsys):
    from snn2hw.files.lock import locked

    (home / "out").mkdir()
    with locked(home / "out"):
        assert main(["sweep", "study.toml", "-o", "out"]) == 2
    assert "is writing to this folder" in capsys.readouterr().err


def test_a_process_that_is_killed_within_a_call_is_replaced(tmp_path):
    with Caller() as caller:
        assert caller.call(CommandCall((("zoo",),)), tmp_path, tmp_path).error is None
        first = caller.pid
        os.kill(first, signal.SIGKILL)
        answer = caller.call(CommandCall((("zoo",), ("doctor",))), tmp_path, tmp_path)
        assert [document["schema"] for document in answer.documents] == ["snn2hw.zoo/1", "snn2hw.doctor/1"]
        assert caller.pid != first
        refused = caller.call(
            CommandCall((("zoo",), ("run", "none.nir", "--input", "x"), ("zoo",))), tmp_path, tmp_path
        )
        assert len(refused.documents) == 1
        assert refused.error.startswith("run: ")
        last = caller.pid
        caller.end(for_good=True)
        assert caller.call(CommandCall((("zoo",),)), tmp_path, tmp_path).error == "stopped"
        assert caller.pid is None
    wait_for(lambda: not Path(f"/proc/{last}").exists())


class Counting:
    """A team of one, in this process: what a setting gives is its number, and calls are counted."""

    def __init__(self):
        self.calls = []

    def answers(self, calls, folder):
        for name, call in calls.items():
            self.calls.append(name)
            value = float(call.commands[0][1])
            yield name, CallAnswer([{"value": -((value - 0.3) ** 2), "list": [1, {"x": 2}], "text": "no"}])


def _study(*measures, method="grid", **more):
    axis = Choices("a", (0, 1, 2))
    found = tuple(measures) or (Measure("value", ("run", "value")),)
    return Study("t", (("run", "{a}"),), {}, found, Search(method, objective=found[0].name, **more), (axis,))


def test_a_bayesian_study_that_is_interrupted_asks_for_the_same_and_calls_the_rest(tmp_path):
    pytest.importorskip("optuna", reason="Optuna is not installed: pip install snn2hw[sweep]")
    from snn2hw.sweep.study import Range

    def study(trials):
        axis = Range("a", low=-1.0, high=1.0, step=None, log=False, whole=False)
        search = Search("bayes", trials, 3, 7, "value")
        return Study("t", (("run", "{a}"),), {}, (Measure("value", ("run", "value")),), search, (axis,))

    team = Counting()
    whole = sweep(study(20), tmp_path / "whole", team)
    assert len(team.calls) == len(set(team.calls)) == whole.ran == 20
    kept = tmp_path / "whole" / "results"
    for name in team.calls[7:]:
        (kept / f"{name}.json").unlink()
    again = Counting()
    second = sweep(study(20), tmp_path / "whole", again)
    assert again.calls == team.calls[7:]
    assert [(r.name, r.measured) for r in second.results] == [(r.name, r.measured) for r in whole.results]
    best = max(whole.results, key=lambda r: r.measured["value"])
    assert abs(best.setting["a"] - 0.3) < 0.15


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        (Measure("m", ("run", "list", "1", "x")), 2),
        (Measure("m", ("run", "list", "-1", "x"), ("run", "list", "0")), 2.0),
        (Measure("m", ("run", "list", "2")), "has no run.list.2"),
        (Measure("m", ("run", "none")), "has no run.none"),
        (Measure("m", ("run", "text")), "run.text is no number"),
        (Measure("m", ("run", "list", "0"), ("run", "zero")), "division by 0"),
    ],
)
def test_a_number_is_read_by_its_path_or_said_to_be_missing(measure, value):
    documents = [{"list": [1, {"x": 2}], "text": "no", "zero": 0}]
    result = result_of("n", _study(measure), {"a": 0}, CallAnswer(documents), 1.0)
    if isinstance(value, str):
        assert value in result.error
        assert result.measured == {}
    else:
        assert (result.error, result.measured) == (None, {"m": value})


def test_two_commands_of_one_verb_are_told_apart():
    study = Study("t", (("run", "a"), ("run", "b")), {}, (Measure("m", ("run2", "x")),), Search(objective="m"), ())
    assert result_of("n", study, {}, CallAnswer([{"x": 1}, {"x": 2}]), 0.0).measured == {"m": 2}


def test_a_study_that_is_shipped_is_run(tmp_path, capsys):
    """The tiny one; its inputs are made as the demo makes them."""
    from exporters.program_file import write_program
    from snn2hw.compiler.compile import compile as compiler
    from snn2hw.demo.exhibit import example

    pytest.importorskip("espeakng_loader")
    digits = example()
    program = compiler(digits.source, target="loihi1", data=digits.calibration[:8])
    write_program(program, tmp_path / "digits.nir")
    write_raster(tmp_path / "test.npz", digits.test[:6], digits.labels[:6])
    (tmp_path / "tiny.toml").write_text((ROOT / "benchmarks" / "studies" / "tiny.toml").read_text())
    assert main(["sweep", str(tmp_path / "tiny.toml"), "-o", str(tmp_path / "out"), "--processes", "1"]) == 0
    assert "3 settings: 3 tried now, 0 found done" in capsys.readouterr().out
