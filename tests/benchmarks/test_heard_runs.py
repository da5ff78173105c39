"""The table of runs says of each what made it, and a mean only where every run of a row is known."""

import json
from pathlib import Path

import pytest
from heard_runs import ROWS, finished, tables

from snn2hw.codec.share import Share
from snn2hw.commands import parser_of
from snn2hw.commands.train_denoise import recipe_for as recipe_for_denoising
from snn2hw.commands.train_stream import recipe_for

ROOT = Path(__file__).parents[2]


def _summary(folder, name, **facts):
    (folder / name).mkdir()
    (folder / name / "summary.json").write_text(json.dumps({"epochs": 3} | facts))


def _right(right, clips=4):
    return {"accuracy": {"test": {kind: Share(right, clips).to_json() for kind in ("float", "integer")}}}


def test_runs_of_a_folder_become_rows_with_their_seed(tmp_path):
    for seed, right in (("1", 2), ("2", 3)):
        _summary(tmp_path, f"keywords-seed-{seed}", **_right(right))
    gained = {"float": {"0": 4.25, "40": -0.5}, "integer": {"0": 4.125, "40": -0.25}}
    _summary(tmp_path, "denoise-crnn-snn", gain_db=gained)
    _summary(tmp_path, "denoise-crnn", gain_db={"float": gained["float"]})
    found = dict(finished(tmp_path))
    assert [facts["seed"] for facts in found.values()] == [1, 2, 0, 0]
    text = tables(found)
    assert "| 62.5% (50.0, 75.0) | 62.5% (50.0, 75.0) |" in " ".join(text.split())
    assert "--seed 1`, and 2 |" in " ".join(text.split())
    for row in ("denoise-crnn-snn | float | +4.25 | -0.50", "denoise-crnn-snn | integer | +4.12 | -0.25"):
        assert f"| {row} | 3 |" in " ".join(text.split())
    assert "| denoise-crnn | float | +4.25 | -0.50 | 3 |" in " ".join(text.split())


def test_a_fold_that_is_not_known_leaves_no_mean():
    part = Share(1, 4).to_json()
    runs = {"esc10-1": {"epochs": 40, "float": part, "integer": part}, "esc10-2": {"epochs": 40, "integer": part}}
    assert "| esc10 | - (25.0, -) | 25.0% (25.0, 25.0) | 40 |" in " ".join(tables(runs).split())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_a_table_says_made_a_row_is_a_command_that_runs(row):
    accuracy = _right(2)["accuracy"]["test"]
    reached = {"gain_db": {"float": {"0": 1.0}}} if "denoise" in row.command else accuracy
    runs = {name: {"epochs": 3} | reached for name in row.runs()}
    cell = tables(runs).splitlines()[-1].split("|")[-2].strip()
    command, others = cell.removeprefix("`").split("`")
    args = parser_of("train")[0].parse_args([*command.split()[2:], "-o", "run"])
    assert others == "".join((", and ", ", ".join(row.ends[1:])) if len(row.ends) > 1 else "")
    end = row.ends[0]
    assert end in ("", args.fold, str(args.seed))
    assert not (args.fold or "").count(",")


def test_the_pages_have_the_table_of_what_was_run():
    known = json.loads((ROOT / "benchmarks" / "results" / "hearing.json").read_text(encoding="utf-8"))["runs"]
    table = tables({name: facts for name, facts in known.items() if "gain_db" not in facts})
    for page in ("docs/zoo.md", "benchmarks/results/hearing.md"):
        assert table in (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_command_is_one(row):
    called, verb, *words = row.command.format(row.ends[0]).split()
    assert (called, verb) == ("snn2hw", "train")
    args = parser_of("train")[0].parse_args([*words, "-o", "run"])
    if args.teacher is not None:
        args.teacher, args.teacher_weight = None, None  # a file that is not here
    assert (recipe_for_denoising if args.dataset == "denoise" else recipe_for)(args).seed == int(args.seed or 0)
