"""`snn2hw train` and `snn2hw encode` from the shell, on a small corpus."""

import hashlib
import json
import os

import numpy as np
import pytest

from snn2hw.audio.corpora import read_corpus
from snn2hw.commands import main, parser_of
from snn2hw.commands.options import corpus_named
from snn2hw.files.lock import locked
from snn2hw.files.rasters import read_raster
from snn2hw.train.deployed import write_deployed_twin

RATE_HZ = 8000


def train(words, run, *options):
    common = ["--steps", "6", "--epochs", "8", "--variants", "1", "--batch", "8", "--validation", "0.2"]
    return main(["train", "folder", "--data", str(words), "-o", str(run), *common, *options])


def test_training_leaves_everything_a_run_is_judged_by(words, tmp_path, capsys):
    run = tmp_path / "run"
    assert train(words, run) == 0
    summary = json.loads((run / "summary.json").read_text())
    assert summary["schema"] == "snn2hw.training/1"
    assert summary["accuracy"]["test"] >= 0.8
    assert f"test accuracy {summary['accuracy']['test']:.2%}" in capsys.readouterr().out
    assert np.array(summary["confusion"]).sum() == 10
    assert {file.name for file in run.iterdir()} == {
        "model.pt",
        "last.pt",
        "test.npz",
        "front.json",
        "log.jsonl",
        "summary.json",
        "curves.png",
        "confusion.png",
    }
    for picture in ("curves.png", "confusion.png"):
        assert (run / picture).read_bytes().startswith(b"\x89PNG")


def test_encode_makes_the_raster_training_left(words, tmp_path):
    run, out = tmp_path / "run", tmp_path / "again.npz"
    assert train(words, run, "--encoder", "lif", "--epochs", "1") == 0
    assert main(["encode", "folder", "--data", str(words), "--front", str(run / "front.json"), "-o", str(out)]) == 0
    expected, found = read_raster(run / "test.npz"), read_raster(out)
    assert expected.spikes.shape == (10, 6, 1, 32, 32)
    np.testing.assert_array_equal(found.spikes, expected.spikes)
    np.testing.assert_array_equal(found.labels, expected.labels)


@pytest.fixture
def folded(words):
    """The same sounds in a table with folds and no parts, and one of another fold in each class."""
    found = sorted(words.glob("*/*/*.wav"))
    lines = [f"{p.relative_to(words)},{p.parent.name},{1 + k % 4 // 3}" for k, p in enumerate(found)]
    (words / "list.csv").write_text("\n".join(["path,label,fold", *lines]))
    return words / "list.csv"


def test_one_fold_is_left_out_to_test_on(folded, tmp_path, capsys):
    run, out = tmp_path / "run", tmp_path / "again.npz"
    assert train(folded, run, "--epochs", "1", "--fold", "2") == 0
    assert sum(map(sum, json.loads((run / "summary.json").read_text())["confusion"])) == 8, "a fourth of 34"
    chosen = ["--part", "all", "--fold", "2", "--front", str(run / "front.json"), "-o", str(out)]
    assert main(["encode", "folder", "--data", str(folded), *chosen]) == 0
    np.testing.assert_array_equal(read_raster(out).spikes, read_raster(run / "test.npz").spikes)
    for other in ([], ["--fold", "1"]):
        assert train(folded, run, "--epochs", "1", *other) == 2, "a run is of one fold"
    capsys.readouterr()
    for wrong, said in (
        (["--fold", "9"], "no fold '9'"),
        (["--fold", "1", "--leave-out", "x"], "speaker 'x' and fold '1' are both left out"),
    ):
        assert train(folded, tmp_path / "other", *wrong) == 2
        assert said in capsys.readouterr().err


def test_a_twin_is_judged_on_the_fold_that_it_never_heard(folded, tmp_path):
    assert train(folded, tmp_path / "run", "--epochs", "1", "--model", "cnn", "--fold", "2") == 0
    _, clips = write_deployed_twin(tmp_path / "run" / "model.pt", read_corpus("folder", folded, RATE_HZ), tmp_path)
    assert clips == 8


def test_encode_makes_the_raster_of_images_less_their_mean_without_their_ends(words, tmp_path):
    run, out = tmp_path / "run", tmp_path / "again.npz"
    assert train(words, run, "--epochs", "1", "--mean", "utterance", "--ends-db", "-30") == 0
    assert '"mean": "utterance"' in (run / "front.json").read_text()
    assert main(["encode", "folder", "--data", str(words), "--front", str(run / "front.json"), "-o", str(out)]) == 0
    np.testing.assert_array_equal(read_raster(out).spikes, read_raster(run / "test.npz").spikes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--mean", "running"), "--mean running: an image is of a whole word"),
        (("--also", "digits"), "corpus 'words' and 'digits-en': other classes or another rate"),
    ],
)
def test_what_an_image_or_its_classes_cannot_be_is_refused(options, said, words, tmp_path, capsys):
    assert train(words, tmp_path / "run", *options) == 2
    assert said in capsys.readouterr().err


def test_the_clips_of_a_synthesised_corpus_are_learnt_too():
    args = parser_of("train")[0].parse_args(["digits", "--also", "digits-accents", "-o", "run"])
    both = corpus_named(args, RATE_HZ)
    alone = len(both) // 2
    assert both.name == "digits-en+digits-en-accents"
    assert set(both.parts[alone:]) == {"train"}
    assert "test" in both.parts[:alone]


def test_encode_takes_a_part_and_a_limit(words, tmp_path):
    run, out = tmp_path / "run", tmp_path / "few.npz"
    train(words, run, "--epochs", "1")
    common = ["encode", "folder", "--data", str(words), "--front", str(run / "front.json"), "-o", str(out)]
    assert main([*common, "--part", "train", "--limit", "6"]) == 0
    raster = read_raster(out)
    assert raster.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert raster.spikes.max() == 31


@pytest.mark.parametrize(
    ("words_", "said"),
    [
        (["train", "fsdd", "-o", "x"], "fsdd: no folder given  fix: add --data PATH"),
        (["train", "fsdd", "--data", "nowhere", "-o", "x"], "nowhere: no such folder"),
        (["train", "digits", "--data", "nowhere", "-o", "x"], "--data nowhere: digits are synthesised"),
        (["encode", "digits", "--front", "none.json", "-o", "x.npz"], "none.json: no such file"),
    ],
)
def test_bad_use_is_answered_with_a_fix(words_, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words_) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--device", "foo"], "device 'foo': unknown"),
        (["--device", "cuda:99"], "torch finds no such GPU here"),
        (["--threads", "-1"], "threads -1: must be at least 1"),
        (["--seed", "-1"], "seed -1"),
        (["--synapse", "7"], "synapse 7.0: must lie in (0, 1]"),
    ],
)
def test_options_that_mean_nothing_are_refused_before_any_work(tmp_path, capsys, options, message):
    run = tmp_path / "run"
    assert main(["train", "folder", "--data", str(tmp_path / "none"), "-o", str(run), *options]) == 2
    assert message in capsys.readouterr().err
    assert not run.exists()


def test_a_run_is_prolonged_with_the_options_it_had(words, tmp_path, capsys):
    run = tmp_path / "run"
    assert train(words, run, "--epochs", "1", "--more-epochs", "1") == 2
    assert "there is no run to prolong" in capsys.readouterr().err
    assert train(words, run, "--epochs", "1") == 0
    assert train(words, run, "--epochs", "1", "--more-epochs", "2") == 0
    assert json.loads((run / "summary.json").read_text())["epochs"] == 3


def test_a_pupil_is_trained_beside_its_teacher(words, tmp_path, capsys):
    assert train(words, tmp_path / "cnn", "--model", "cnn") == 0
    model = str(tmp_path / "cnn" / "model.pt")
    options = ["--teacher-weight", "0.9", "--epochs", "2", "--balanced", "--class-weights", "balanced"]
    assert train(words, tmp_path / "scnn", "--teacher", model, *options) == 0
    recipe = json.loads((tmp_path / "scnn" / "summary.json").read_text())["recipe"]
    assert recipe["teacher"] == hashlib.sha256((tmp_path / "cnn" / "model.pt").read_bytes()).hexdigest()
    assert (recipe["teacher_weight"], recipe["balanced"], recipe["class_weights"]) == (0.9, True, "balanced")
    capsys.readouterr()
    assert train(words, tmp_path / "scnn", *options) == 2
    assert "--teacher-weight 0.9: there is no teacher  fix: name one with --teacher" in capsys.readouterr().err


def test_a_second_training_into_one_folder_is_refused_before_any_work(words, tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    with locked(run):
        assert train(words, run) == 2
    assert f"{run}: process {os.getpid()} is writing to this folder" in capsys.readouterr().err
    assert list(run.iterdir()) == []


@pytest.mark.parametrize(("verb", "usual"), [("train", "epochs 120"), ("tune", "epochs 20")])
def test_help_tells_the_defaults(capsys, verb, usual):
    assert main([verb, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    name, value = usual.split()
    assert f"(default: {value})" in text[text.index(f"--{name} {name.upper()} ") :].split(" --")[0]
