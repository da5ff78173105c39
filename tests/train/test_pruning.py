"""Pruning: the share asked for, gradually, the least weights as they are deployed, and zeros that stay zero."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from sim.errors import InputError
from snn2hw.commands import main
from snn2hw.models.fold import folded
from snn2hw.train.checkpoint import deployable, load_trained, read_checkpoint
from snn2hw.train.fit import fit
from snn2hw.train.network_recipe import recipe_from
from snn2hw.train.pruning import Pruner, last_pruned_epoch, share_of
from snn2hw.train.recipe import recipe_to
from tests.train.toy import CLASSES, CPU, RECIPE, Interrupted, assert_same_weights, stop_after, toy_data


def a_model(seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5), nn.ReLU()
    )
    model[1].running_var.copy_(torch.tensor([0.01, 1.0, 4.0, 100.0]))
    model[1].weight.data.copy_(torch.tensor([1.0, 2.0, -1.0, 0.5]))
    return model


def linear_maps(model):
    return [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def zeros_of(model):
    return [int((m.weight == 0).sum()) for m in linear_maps(model)]


@pytest.mark.parametrize("epochs", [1, 2, 3, 12, 120])
def test_the_share_rises_to_what_was_asked_and_stays(epochs):
    shares = [share_of(epoch, epochs, 0.9) for epoch in range(1, epochs + 30)]
    assert shares == sorted(shares)
    last = last_pruned_epoch(epochs)
    assert 1 <= last <= epochs
    assert all(s == 0.9 for s in shares[last - 1 :])
    assert all(0 <= s < 0.9 for s in shares[: last - 1])


def test_the_share_falls_off_as_a_cube():
    """Of 20 epochs the fifth is the first that prunes and the twelfth the last: eight equal parts."""
    for epoch in range(1, 21):
        done = min(max(epoch - 4, 0) / 8, 1)
        assert math.isclose(share_of(epoch, 20, 0.8), 0.8 * (1 - (1 - done) ** 3), rel_tol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_a_layer_loses_its_share_of_the_weights_that_are_least_when_deployed(share):
    model = a_model()
    before = folded(model, 1)
    Pruner(model, share, "layer", 1).begin(1)
    for pruned, whole in zip(linear_maps(folded(model, 1)), linear_maps(before), strict=True):
        sizes = [abs(w) for w in whole.weight.reshape(-1).tolist()]
        gone = {i for i, w in enumerate(pruned.weight.reshape(-1).tolist()) if w == 0}
        assert gone == set(sorted(range(len(sizes)), key=sizes.__getitem__)[: int(share * len(sizes))])


def test_all_layers_together_lose_the_least_weights_of_the_network():
    model = a_model()
    before = torch.cat([m.weight.reshape(-1) for m in linear_maps(folded(model, 1))]).abs().tolist()
    Pruner(model, 0.75, "global", 1).begin(1)
    after = torch.cat([m.weight.reshape(-1) for m in linear_maps(folded(model, 1))]).tolist()
    order = sorted(range(len(before)), key=lambda i: before[i])
    assert {i for i, w in enumerate(after) if w == 0} == set(order[: int(0.75 * len(before))])
    assert len(set(zeros_of(model))) == 2, "both layers lost the same number: nothing was compared across layers"


def test_a_layer_never_loses_its_last_weight():
    model = a_model()
    with torch.no_grad():
        model[0].weight *= 1e-9
    Pruner(model, 0.9, "global", 1).begin(1)
    assert zeros_of(model)[0] == 4 * 9 - 1


def test_zeros_stay_when_the_optimiser_moves_them():
    model = a_model()
    pruner = Pruner(model, 0.5, "layer", 1)
    pruner.begin(1)
    zeros = [(m.weight == 0).clone() for m in linear_maps(model)]
    with torch.no_grad():
        for m in linear_maps(model):
            m.weight += 1.0
    pruner.hold()
    for m, zero in zip(linear_maps(model), zeros, strict=True):
        np.testing.assert_array_equal((m.weight == 0).numpy(), zero.numpy())


@pytest.mark.parametrize("model", ["scnn", "cnn"])
@pytest.mark.parametrize("scope", ["layer", "global"])
def test_what_is_kept_is_pruned_and_still_right(tmp_path, model, scope):
    recipe = replace(RECIPE, model=model, epochs=12, prune=0.6, prune_scope=scope)
    finished = fit(recipe, toy_data(), CLASSES, tmp_path, device=CPU)
    trained = load_trained(finished.checkpoint)
    assert trained.recipe == recipe
    maps = linear_maps(deployable(trained))
    sizes = [m.weight.numel() for m in maps]
    zeros = [int((m.weight == 0).sum()) for m in maps]
    if scope == "layer":
        assert zeros == [int(0.6 * size) for size in sizes]
    else:
        assert sum(zeros) == int(0.6 * sum(sizes))
    assert read_checkpoint(finished.checkpoint)["kept_epoch"] >= last_pruned_epoch(12)
    assert finished.accuracy["test"] >= 0.9
    assert [row["pruned"] for row in finished.rows] == sorted(row["pruned"] for row in finished.rows)
    assert math.isclose(finished.rows[-1]["pruned"], sum(zeros) / sum(sizes))


def test_patience_does_not_end_a_run_that_is_still_being_pruned(tmp_path):
    data = toy_data()
    wrong = replace(data, validate=replace(data.validate, labels=data.validate.labels * 0))
    finished = fit(replace(RECIPE, epochs=20, patience=1, prune=0.5), wrong, CLASSES, tmp_path, device=CPU)
    assert len(finished.rows) > last_pruned_epoch(20)
    maps = linear_maps(load_trained(finished.checkpoint).model)
    assert sum(int((m.weight == 0).sum()) for m in maps) == int(0.5 * sum(m.weight.numel() for m in maps))


@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize("stop", [2, 4])
def test_an_interrupted_run_prunes_the_same(tmp_path, scope, stop):
    recipe = replace(RECIPE, prune=0.8, prune_scope=scope)
    data = toy_data()
    fit(recipe, data, CLASSES, tmp_path / "whole", device=CPU)
    with pytest.raises(Interrupted):
        fit(recipe, data, CLASSES, tmp_path / "torn", device=CPU, on_epoch=stop_after(stop))
    fit(recipe, data, CLASSES, tmp_path / "torn", device=CPU)
    assert_same_weights(tmp_path / "whole" / "model.pt", tmp_path / "torn" / "model.pt")


def test_a_prolonged_run_stays_pruned(tmp_path):
    recipe = replace(RECIPE, epochs=2, prune=0.7)
    fit(recipe, toy_data(), CLASSES, tmp_path, device=CPU)
    finished = fit(recipe, toy_data(), CLASSES, tmp_path, device=CPU, more_epochs=2)
    maps = linear_maps(load_trained(finished.checkpoint).model)
    assert sum(int((m.weight == 0).sum()) for m in maps) == int(0.7 * sum(m.weight.numel() for m in maps))


def test_a_recipe_says_what_is_pruned_and_an_old_one_says_nothing():
    recipe = replace(RECIPE, prune=0.5, prune_scope="layer")
    assert recipe_from(recipe_to(recipe), "x") == recipe
    assert not {"prune", "prune_scope"} & set(recipe_to(RECIPE))


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(InputError, match="prune"):
        replace(RECIPE, prune=share)


def test_a_scope_that_is_none_is_refused():
    with pytest.raises(InputError, match="prune_scope 'row'"):
        replace(RECIPE, prune=0.5, prune_scope="row")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("digits --prune-scope layer", "--prune-scope layer: nothing is pruned  fix: say how much: --prune SHARE"),
        ("digits --prune 1", "prune 1.0: must be a share from 0 to below 1"),
        ("esc10 --data . --prune-scope global", "--prune-scope global: nothing is pruned"),
        ("esc10 --data . --prune 1.5", "prune 1.5: must be a share from 0 to below 1"),
        ("esc10 --data . --model vgg --prune 0.5", "prune 0.5: of vgg, which is no network of a chip"),
    ],
)
def test_bad_usage_is_one_message(tmp_path, capsys, words, message):
    assert main(["train", *words.split(), "-o", str(tmp_path / "run")]) == 2
    assert message in capsys.readouterr().err
