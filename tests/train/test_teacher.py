"""Distillation: a network learns what a trained one, or any float network, answers."""

from dataclasses import replace

import pytest
import torch

from sim.errors import InputError
from snn2hw.sources.from_norse import from_norse
from snn2hw.train.checkpoint import deployable, load_trained
from snn2hw.train.fit import fit
from snn2hw.train.teacher import source_teacher, trained_teacher
from tests.train.toy import CLASSES, CPU, RECIPE, toy_data


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    fit(replace(RECIPE, epochs=8), toy_data(), CLASSES, folder, device=CPU)
    return load_trained(folder / "model.pt")


def mislabelled():
    """Data whose training labels are all wrong."""
    data = toy_data()
    return replace(data, train_labels=(data.train_labels + 1) % 3)


@pytest.mark.parametrize("model", ["scnn", "cnn"])
def test_a_pupil_with_wrong_labels_learns_from_its_teacher(tmp_path, taught, model):
    recipe = replace(RECIPE, model=model, epochs=10, teacher="x", teacher_weight=1.0)
    teacher = trained_teacher(taught, recipe, CLASSES, CPU)
    alone = fit(replace(recipe, teacher=""), mislabelled(), CLASSES, tmp_path / "alone", device=CPU)
    led = fit(recipe, mislabelled(), CLASSES, tmp_path / "led", device=CPU, teacher=teacher)
    assert led.accuracy["test"] >= 0.8
    assert led.accuracy["test"] > alone.accuracy["test"] + 0.5


def test_the_float_reference_answers_as_the_checkpoint_does(taught):
    images = toy_data().test.images[:5]
    source = from_norse(deployable(taught), (1, 32, 32))
    slow = source_teacher(source, taught.recipe, 3, CPU)(images, 0)
    fast = trained_teacher(taught, taught.recipe, CLASSES, CPU)(images, 0)
    assert fast.shape == (5, 3)
    torch.testing.assert_close(slow, fast, rtol=0, atol=1e-3)


def test_teachers_of_other_tasks_are_refused(taught):
    with pytest.raises(InputError, match="the teacher knows the classes low, middle, high, not no, yes"):
        trained_teacher(taught, RECIPE, ("no", "yes"), CPU)
    with pytest.raises(InputError, match="the teacher sees other images"):
        trained_teacher(taught, replace(RECIPE, levels=15), CLASSES, CPU)
    source = from_norse(deployable(taught), (1, 32, 32))
    with pytest.raises(InputError, match=r"the teacher reads \(1, 32, 32\), not \(1, 16, 32\)"):
        source_teacher(source, replace(RECIPE, mel=replace(RECIPE.mel, bands=16)), 3, CPU)
    with pytest.raises(InputError, match="the teacher has 3 answers for 4 classes"):
        source_teacher(source, RECIPE, 4, CPU)(toy_data().test.images[:2], 0)
