"""A finished run can be prolonged; states of older versions go on as if nothing had changed."""

import json
from dataclasses import replace

import pytest

from sim.errors import InputError
from snn2hw.files.tensor_file import read_tensors, write_tensors
from snn2hw.train.checkpoint import read_checkpoint
from snn2hw.train.fit import fit
from tests.train.toy import CLASSES, CPU, RECIPE, Interrupted, assert_same_weights, stop_after, toy_data

SHORT = replace(RECIPE, epochs=2)


def run(folder, recipe=SHORT, **more):
    return fit(recipe, toy_data(), CLASSES, folder, device=CPU, **more)


def epochs(folder):
    return [json.loads(line)["epoch"] for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_prolonged_run_goes_on_from_its_last_epoch(tmp_path):
    run(tmp_path)
    before = read_checkpoint(tmp_path / "last.pt")["weights"]
    seen = []
    finished = run(tmp_path, more_epochs=3, on_epoch=lambda row: seen.append(row["epoch"]))
    assert seen == [3, 4, 5]
    assert epochs(tmp_path) == [1, 2, 3, 4, 5] == [row["epoch"] for row in finished.rows]
    after = read_checkpoint(tmp_path / "last.pt")
    assert after["courses"] == [[1, 2], [3, 3]]
    assert any((before[name] != after["weights"][name]).any() for name in before)
    assert finished.rows[2]["loss"] < finished.rows[0]["loss"]


def test_a_prolongation_that_is_interrupted_ends_in_the_same_weights(tmp_path):
    for name in ("whole", "torn"):
        run(tmp_path / name)
    run(tmp_path / "whole", more_epochs=3)
    with pytest.raises(Interrupted):
        run(tmp_path / "torn", more_epochs=3, on_epoch=stop_after(4))
    with pytest.raises(InputError, match=r"is being prolonged by 3 epochs, not 2  fix: .*--more-epochs 3"):
        run(tmp_path / "torn", more_epochs=2)
    run(tmp_path / "torn", more_epochs=3)
    assert epochs(tmp_path / "torn") == [1, 2, 3, 4, 5]
    assert_same_weights(tmp_path / "whole" / "model.pt", tmp_path / "torn" / "model.pt")


def test_a_run_is_prolonged_again_and_again_and_started_as_before_it_stays(tmp_path):
    run(tmp_path)
    run(tmp_path, more_epochs=1)
    run(tmp_path, more_epochs=1)
    assert epochs(tmp_path) == [1, 2, 3, 4]
    seen = []
    run(tmp_path, on_epoch=seen.append)
    assert seen == []


def test_a_run_that_lost_patience_can_be_prolonged(tmp_path):
    data = toy_data()
    wrong = replace(data, validate=replace(data.validate, labels=data.validate.labels * 0))
    recipe = replace(RECIPE, epochs=40, patience=2)
    first = fit(recipe, wrong, CLASSES, tmp_path, device=CPU)
    assert len(first.rows) < 40
    more = fit(recipe, wrong, CLASSES, tmp_path, device=CPU, more_epochs=2)
    assert len(more.rows) == len(first.rows) + 2


def test_what_cannot_be_prolonged_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no run to prolong"):
        run(tmp_path, more_epochs=2)
    with pytest.raises(Interrupted):
        run(tmp_path, on_epoch=stop_after(1))
    with pytest.raises(InputError, match="the run has not finished"):
        run(tmp_path, more_epochs=2)
    with pytest.raises(InputError, match="more epochs -1"):
        run(tmp_path, more_epochs=-1)


def test_other_epochs_alone_are_answered_with_the_way_to_prolong(tmp_path):
    run(tmp_path)
    with pytest.raises(InputError, match=r"is a run with epochs 2, not 9  fix: to prolong it, .*--more-epochs"):
        run(tmp_path, replace(SHORT, epochs=9))


def test_a_state_written_before_goes_on_to_the_same_weights(tmp_path):
    run(tmp_path / "whole", RECIPE)
    with pytest.raises(Interrupted):
        run(tmp_path / "torn", RECIPE, on_epoch=stop_after(3))
    path = tmp_path / "torn" / "last.pt"
    values = read_tensors(path, "checkpoint", "")
    del values["courses"]
    values["best"]["accuracy"] = max(row["validate_accuracy"] for row in values["history"])
    write_tensors(path, values | {"schedule": {"last_epoch": 24}})
    run(tmp_path / "torn", RECIPE)
    assert_same_weights(tmp_path / "whole" / "model.pt", tmp_path / "torn" / "model.pt")
