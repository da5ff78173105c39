"""The teacher of a published pair: it hears what its pupil hears, and one of other clips or classes is refused."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import torch

from sim.errors import FileError, InputError
from snn2hw.commands import main
from snn2hw.train.checkpoint import read_checkpoint
from snn2hw.train.pair_fit import _training, fit_pair, pair_answers, pair_clips, pair_model
from snn2hw.train.pair_teacher import read_pair_teacher
from snn2hw.train.run_model import RunModel, write_run_model
from tests.train.toy_pair import pair_recipe

PUPIL = pair_recipe("tcy", steps=2)
TEACHER = pair_recipe("hjh", model="ann", steps=1)
CLASSES = ("high", "low")


@pytest.fixture(scope="module")
def clips(short_corpus):
    return pair_clips(short_corpus, PUPIL)


def written(folder, recipe, shape, classes=CLASSES):
    """Write an untrained network as the model.pt of a run."""
    torch.manual_seed(3)
    folder.mkdir()
    write_run_model(RunModel("published pair", pair_model(recipe, shape, len(classes)), recipe, classes, shape), folder)
    return folder / "model.pt"


@pytest.mark.parametrize("recipe", [TEACHER, replace(PUPIL, steps=4), replace(PUPIL, weight_bits=3)], ids=str)
def test_a_teacher_hears_the_batch_and_answers_as_it_does_alone(recipe, clips, tmp_path):
    shape = clips[0].shape[1:]
    teacher = read_pair_teacher(written(tmp_path / "teacher", recipe, shape), PUPIL, shape, CLASSES)
    training = _training(pair_model(PUPIL, shape, 2), PUPIL, clips, None, 2, teacher)
    batch = training.draw(np.arange(8), np.random.default_rng(0))
    assert not torch.equal(batch.x, torch.from_numpy(clips[0][:8]))  # a variant
    assert not batch.answers.requires_grad
    torch.manual_seed(3)
    alone = pair_model(recipe, shape, 2)
    assert torch.equal(
        batch.answers, recipe.temperature * torch.from_numpy(pair_answers(alone, recipe, batch.x.numpy()))
    )


def test_where_all_weight_is_the_teachers_the_labels_teach_nothing(clips, tmp_path):
    shape = clips[0].shape[1:]
    recipe = replace(PUPIL, teacher_weight=1.0)
    teacher = read_pair_teacher(written(tmp_path / "teacher", TEACHER, shape), recipe, shape, CLASSES)
    found = []
    for name, labels in (("right", clips[1]), ("wrong", 1 - clips[1])):
        model, _ = fit_pair(recipe, (clips[0], labels), None, 2, tmp_path / name, teacher=teacher)
        found.append(model.state_dict())
    alone, _ = fit_pair(recipe, clips, None, 2, tmp_path / "alone")
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert not all(torch.equal(found[0][name], tensor) for name, tensor in alone.state_dict().items())


def test_the_command_learns_from_a_twin_and_the_recipe_says_which(short_tones, tmp_path):
    words = ["train", "folder", "--data", str(short_tones), "--batch", "16", "--epochs", "1", "--width", "0.5"]
    assert main([*words, "-o", str(tmp_path / "twin"), "--model", "hjh-ann"]) == 0
    file = tmp_path / "twin" / "model.pt"
    taught = ["--model", "hjh", "--steps", "2", "--teacher", str(file), "--teacher-weight", "0.75"]
    assert main([*words, "-o", str(tmp_path / "pupil"), *taught]) == 0
    recipe = read_checkpoint(tmp_path / "pupil" / "last.pt")["recipe"]
    assert (recipe["teacher"], recipe["teacher_weight"]) == (sha256(file.read_bytes()).hexdigest(), 0.75)
    assert main([*words, "-o", str(tmp_path / "pupil"), *taught[:-4]]) == 2  # a run without a teacher is another


@pytest.mark.parametrize(
    ("change", "shape", "classes", "said"),
    [
        ({}, None, ("low", "high"), "the teacher knows the classes low, high, not high, low"),
        ({"seconds": 0.6}, (1, 60, 40), CLASSES, "hears clips of 1x60x40 at 8000 Hz, not clips of 1x60x30 at 8000 Hz"),
        ({"network": "m5", "width": 1 / 32}, (1, 3200), CLASSES, "hears clips of 1x3200 at 8000 Hz"),
    ],
)
def test_a_teacher_of_other_clips_or_classes_is_refused(change, shape, classes, said, clips, tmp_path):
    here = clips[0].shape[1:]
    path = written(tmp_path / "teacher", replace(TEACHER, **change), shape or here, classes)
    with pytest.raises(InputError, match=said):
        read_pair_teacher(path, PUPIL, here, CLASSES)


def test_what_is_no_pair_is_no_teacher(short_tones, clips, tmp_path, capsys):
    words = ["train", "folder", "--data", str(short_tones), "-o", str(tmp_path / "run")]
    assert main([*words, "--stream", "--size", "small", "--epochs", "1", "--batch", "16"]) == 0
    with pytest.raises(InputError, match="the teacher of a published pair is one too, not a stream"):
        read_pair_teacher(tmp_path / "run" / "model.pt", PUPIL, clips[0].shape[1:], CLASSES)
    with pytest.raises(FileError, match="is the state of a run, not its network"):
        read_pair_teacher(tmp_path / "run" / "last.pt", PUPIL, clips[0].shape[1:], CLASSES)
    capsys.readouterr()
    assert main([*words[:4], "-o", str(tmp_path / "pupil"), "--model", "tcy", "--teacher-weight", "0.5"]) == 2
    assert "there is no teacher" in capsys.readouterr().err
