"""A study file is judged before anything is run: every name is held against those that there are."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from snn2hw.commands import main
from snn2hw.commands.sweep import check_study
from snn2hw.files.rasters import write_raster
from snn2hw.sweep.search import batches, corners
from snn2hw.sweep.study import Choices, Range, Search, Study, read_study

ROOT = Path(__file__).parents[2]
TEXT = """schema = "snn2hw.study/1"
title = "t"
run.commands = ["run zoo:digits --input x.npz --decoder {decoder}"]
run.inputs = ["x.npz"]
measure.right = "run.right"
search.method = "grid"
settings.decoder = ["max", "last"]
table.average = ["decoder"]
picture.x = "decoder"
"""
WRONG = tomllib.loads(Path(__file__).with_name("wrong.toml").read_text(encoding="utf-8"))["studies"]
STUDIES = sorted((ROOT / "benchmarks" / "studies").glob("*.toml"))


@pytest.fixture
def study(tmp_path):
    write_raster(tmp_path / "x.npz", np.zeros((1, 2, 1), np.uint8))

    def write(text):
        (tmp_path / "study.toml").write_text(text)
        return tmp_path / "study.toml"

    return write


def test_a_good_study_is_read(study):
    found = read_study(study(TEXT))
    check_study(found, "study.toml")
    assert found.title == "t"
    assert [setting for batch in batches(found) for setting in batch] == [{"decoder": "max"}, {"decoder": "last"}]
    assert found.call({"decoder": "max"}).words(Path("o"), Path("i")) == [
        ["run", "zoo:digits", "--input", "i/x.npz", "--decoder", "max"]
    ]


@pytest.mark.parametrize(("old", "new", "said"), [(row["old"], row["new"], row["said"]) for row in WRONG])
def test_a_slip_is_answered_with_what_was_meant(study, capsys, old, new, said):
    assert old in TEXT
    path = study(TEXT.replace(old, new))
    assert main(["sweep", str(path), "-o", str(path.parent / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert said in error
    assert " fix: " in error
    assert not (path.parent / "out").exists()


def _study(*axes, **search):
    return Study("t", (), {}, (), Search(**search), axes)


def test_a_grid_is_every_pair_in_the_order_of_the_file():
    found = _study(Choices("a", (1, 2)), Range("b", low=0, high=1, step=0.5, log=False, whole=False))
    (grid,) = batches(found)
    assert grid == [{"a": a, "b": b} for a in (1, 2) for b in (0.0, 0.5, 1.0)]
    assert corners(found) == [{"a": 1, "b": 0.0}, {"a": 2, "b": 0.0}, {"a": 1, "b": 1.0}]


AXES = (
    Choices("kind", ("x", "y", "z")),
    Range("whole", low=3, high=9, step=None, log=False, whole=True),
    Range("even", low=2, high=8, step=2, log=False, whole=True),
    Range("real", low=-1.0, high=1.0, step=None, log=False, whole=False),
    Range("rate", low=1e-4, high=1e-1, step=None, log=True, whole=False),
    Range("size", low=1, high=1000, step=None, log=True, whole=True),
)


@pytest.mark.parametrize("method", ["random", "bayes"])
def test_what_is_drawn_lies_within_its_axes_and_is_the_same_again(method):
    if method == "bayes":
        pytest.importorskip("optuna", reason="Optuna is not installed: pip install snn2hw[sweep]")

    def settings():
        source, found, values = batches(_study(*AXES, method=method, trials=60, seed=3)), [], None
        while True:
            try:
                batch = source.send(values) if found else next(source)
            except StopIteration:
                return found
            found += batch
            values = [setting["real"] for setting in batch]

    first = settings()
    assert first == settings()
    assert len(first) == 60
    for setting in first:
        assert setting["kind"] in ("x", "y", "z")
        assert setting["whole"] in range(3, 10)
        assert setting["even"] in (2, 4, 6, 8)
        assert -1 <= setting["real"] <= 1
        assert 1e-4 <= setting["rate"] <= 1e-1
        assert setting["size"] in range(1, 1001)
        assert {type(setting[name]) for name in ("whole", "even", "size")} == {int}
    for name in ("kind", "whole", "even"):
        assert len({setting[name] for setting in first}) >= 2 + (method == "random")
    assert (
        sum(setting["rate"] < 3e-3 for setting in first) >= 15
    )  # half of a logarithmic range, not 3 % of a linear one


def test_a_bayesian_search_looks_at_what_it_was_told():
    pytest.importorskip("optuna", reason="Optuna is not installed: pip install snn2hw[sweep]")

    def last(sign):
        axis = Range("real", low=-1.0, high=1.0, step=None, log=False, whole=False)
        source = batches(_study(axis, method="bayes", trials=40, seed=1))
        batch = next(source)
        while True:
            try:
                batch = source.send([sign * setting["real"] for setting in batch])
            except StopIteration:
                return batch

    assert np.median([setting["real"] for setting in last(1)]) > 0.5
    assert np.median([setting["real"] for setting in last(-1)]) < -0.5


def test_a_failed_setting_does_not_end_a_bayesian_search():
    pytest.importorskip("optuna", reason="Optuna is not installed: pip install snn2hw[sweep]")
    source = batches(_study(Choices("a", (1, 2, 3)), method="bayes", trials=6, batch=3))
    assert len(next(source)) == 3
    assert len(source.send([None, 1.0, None])) == 3


def test_a_named_list_of_words_stands_for_them(study):
    text = TEXT.replace("--decoder {decoder}", "{how}").replace(
        'decoder = ["max", "last"]', 'how = { plain = [], last = ["--decoder", "last"] }'
    )
    found = read_study(study(text.replace('"decoder"', '"how"')))
    check_study(found, "study.toml")
    words = [found.call(setting).commands[0] for batch in batches(found) for setting in batch]
    assert [w[4:] for w in words] == [(), ("--decoder", "last")]


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_that_is_shipped_is_one(path, tmp_path):
    """Its inputs are what its first lines say how to make: files of these names stand in for them here."""
    text = path.read_text(encoding="utf-8")
    (tmp_path / path.name).write_text(text, encoding="utf-8")
    (tmp_path / "digits").mkdir()
    for name in ("calibration.npz", "digits.nir", "model.pt", "test.npz"):
        (tmp_path / name).touch()
    found = read_study(tmp_path / path.name)
    check_study(found, str(path))
    assert len(corners(found)) > 1


def test_there_is_a_study_of_every_usual_question():
    wanted = {"bits", "conversion", "decay", "denoiser", "encoders", "learnt_decay", "noise", "steps"}
    assert {*wanted, "tiny"} <= {path.stem for path in STUDIES}


def study_of(name, tmp_path):
    path = next(path for path in STUDIES if path.stem == name)
    (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "digits").mkdir()
    return read_study(tmp_path / path.name)


def test_a_study_switches_a_flag_by_a_list_of_words_that_may_be_empty(tmp_path):
    found = study_of("learnt_decay", tmp_path)
    settings = [setting for batch in batches(found) for setting in batch]
    calls = {s["decay"]: found.call(s).words(Path("o"), Path("i"))[0] for s in settings if s["seed"] == s["steps"] - 1}
    learnt, plain = calls["learnt"], calls["one half"]
    assert [word for word in learnt if word != "--learnt-decay"] == plain
    assert len(learnt) == len(plain) + 1
    assert plain[:4] == ["train", "fsdd", "--data", "i/digits"]


def test_no_study_takes_a_seed_for_a_hyperparameter():
    for path in STUDIES:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        assert found.get("search", {}).get("method") != "bayes" or "seed" not in found["settings"], path.stem
