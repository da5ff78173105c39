"""Classes of few samples: drawn as often as others, or weighed by one over their samples."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from sim.errors import InputError
from snn2hw.train.batches import batches_of, class_weights, rounds
from snn2hw.train.fit import fit
from snn2hw.train.objective import Objective
from snn2hw.train.recipe import Recipe, recipe_to
from tests.train.toy import CLASSES, CPU, RECIPE, rare, toy_data

LABELS = np.array([0] * 50 + [1] * 30 + [2] * 4)


def test_balanced_epochs_hold_every_class_equally_often():
    order = rounds(LABELS, np.random.default_rng(0))
    assert len(order) == len(LABELS)
    assert np.bincount(LABELS[order]).tolist() == [28, 28, 28]
    assert len(set(order[LABELS[order] == 0])) == 28  # none twice before all have come once
    assert np.bincount(order[LABELS[order] == 2] - 80).tolist() == [7] * 4


def test_a_remainder_is_spread_one_by_one():
    labels = np.array([0] * 9 + [1])
    labels = np.append(labels, [3])
    counts = np.bincount(labels[rounds(labels, np.random.default_rng(1))], minlength=4)
    assert counts.sum() == 11
    assert counts[2] == 0
    assert set(counts[[0, 1, 3]]) == {3, 4}


def test_every_sample_is_in_one_batch_but_for_a_last_one_that_is_too_small():
    order = np.arange(33)
    assert [len(b) for b in batches_of(order, 16)] == [16, 16, 1]
    assert [len(b) for b in batches_of(order, 16, 2)] == [16, 16]
    assert [len(b) for b in batches_of(order[:1], 16, 2)] == [1]


def test_class_weights_are_those_of_one_over_the_samples():
    weights = class_weights(LABELS, 4, "balanced")
    assert weights.tolist() == [84 / 150, 84 / 90, 7.0, 1.0]
    assert (weights[LABELS]).sum() == pytest.approx(len(LABELS))
    assert class_weights(LABELS, 4, "none") is None


def test_the_objective_weighs_classes_and_mixes_a_teacher_in():
    scores, labels = torch.randn(9, 3, generator=torch.Generator().manual_seed(0)), torch.arange(9) % 3
    weights = torch.tensor([1.0, 2.0, 4.0])
    each = cross_entropy(scores, labels, reduction="none")
    weighed = (each * weights[labels]).sum() / weights[labels].sum()
    torch.testing.assert_close(Objective(class_weights=weights)(scores, labels), weighed)
    answers = torch.randn(9, 3)
    p = answers.softmax(1)
    apart = (p * (p.log() - scores.log_softmax(1))).sum(1).mean()
    torch.testing.assert_close(Objective(0.25)(scores, labels, answers), 0.75 * each.mean() + 0.25 * apart)


@pytest.mark.parametrize("change", [{"class_weights": "balanced"}, {"balanced": True}])
def test_a_rare_class_is_heard(tmp_path, change):
    data = rare(toy_data(), kept=3)
    recipe = replace(RECIPE, epochs=2)
    recalls = []
    for name, r in (("plain", recipe), ("other", replace(recipe, **change))):
        confusion = fit(r, data, CLASSES, tmp_path / name, device=CPU).confusion
        recalls.append(confusion[2, 2] / confusion[2].sum())
    assert recalls[1] > recalls[0] + 0.2


def test_class_weights_of_another_name_are_refused():
    with pytest.raises(InputError, match="class_weights 'some'  fix: choose one of none, balanced"):
        Recipe(class_weights="some")


def test_options_that_came_later_enter_no_file_at_their_default():
    assert not {"balanced", "class_weights", "teacher", "teacher_weight", "temperature"} & recipe_to(RECIPE).keys()
    assert recipe_to(replace(RECIPE, balanced=True))["balanced"] is True
