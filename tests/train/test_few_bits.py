"""Trained in few bits, the forward pass has the weights of the program, and loses less than bits taken later."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from sim.errors import InputError
from snn2hw.codec.encode import encode
from snn2hw.commands import main
from snn2hw.compiler.compile import compile_source
from snn2hw.compiler.grid import grid_for, to_grid
from snn2hw.compiler.kept import kept_choice
from snn2hw.compiler.options import Options
from snn2hw.compiler.weight_error import RealRows
from snn2hw.models.layout import Layout, Stage
from snn2hw.sources.from_norse import from_norse
from snn2hw.train.checkpoint import build, deployable, load_trained
from snn2hw.train.few_bits import integer_accuracy, program_in_few_bits
from snn2hw.train.fit import fit
from snn2hw.train.network_recipe import NetworkRecipe, encoder_of, recipe_from
from snn2hw.train.on_grid import OnGridConv, OnGridLinear, off_grid, put_on_grid, settle_grids
from snn2hw.train.recipe import recipe_to
from snn2hw.train.stream_fit import fit_stream, stream_model
from snn2hw.train.stream_program import compiled_stream, judged_stream
from snn2hw.train.stream_recipe import StreamRecipe, stream_recipe_from
from tests.train.hard_toy import CLASSES, hard_data
from tests.train.toy import CLASSES as THREE
from tests.train.toy import CPU, RECIPE, Interrupted, assert_same_weights, stop_after, toy_data
from tests.train.toy_stream import stream_clips, stream_recipe

WIDTHS = ("ternary", 2, 3, 4, 8)
HARD = replace(
    RECIPE,
    layout=Layout((Stage(4, 5, 3), Stage(4, 3, 2)), hidden=16, membrane=0.5),
    epochs=12,
    steps=4,
    batch=32,
)


def reduced(mantissas, shared):
    """Return whole weights without what all of one scale have in common: a row's, or, where it is shared, all."""
    rows = np.asarray(mantissas, dtype=np.int64).reshape(len(mantissas), -1)
    common = np.gcd.reduce(rows, axis=None if shared else 1, keepdims=True)
    return rows // np.maximum(common, 1)


def forward_mantissas(model):
    """Return what every map of a network computes with, in order, and whether one scale is for all of its rows."""
    maps = [m for m in model.modules() if isinstance(m, OnGridConv | OnGridLinear)]
    for linear in maps:
        whole = linear.mantissas().detach()
        assert torch.equal(linear.weight_now().detach(), whole / linear.turned)
        assert torch.equal(whole, whole.round())
        span = linear.grid.span
        assert span[0] <= float(whole.min()) <= float(whole.max()) <= span[1]
    return [(linear.mantissas().detach().numpy(), linear is maps[-1]) for linear in maps]


@pytest.mark.parametrize("change", [{}, {"layout": replace(RECIPE.layout, synapse=0.5)}, {"encoder": "lif"}])
@pytest.mark.parametrize("bits", WIDTHS)
def test_the_weights_of_the_forward_pass_are_those_of_the_program(tmp_path, bits, change):
    recipe = replace(RECIPE, weight_bits=bits, epochs=2, **change)
    data = toy_data()
    finished = fit(recipe, data, THREE, tmp_path, device=CPU)
    trained = load_trained(finished.checkpoint)
    program = program_in_few_bits(trained, data).program
    expected = forward_mantissas(trained.model)
    assert len(expected) == len(program.populations)
    for (whole, shared), population in zip(expected, program.populations, strict=True):
        (connection,) = population.inputs
        np.testing.assert_array_equal(reduced(connection.wiring.weight, shared), reduced(whole, shared))
        common = np.gcd.reduce(connection.wiring.weight, axis=None)
        assert common * 2.0**connection.exponent >= 1  # where sums are shifted to the right, nothing is lost


@pytest.mark.parametrize("bits", ["ternary", 3, 8])
@pytest.mark.parametrize("delays", [0, 3])
def test_the_weights_of_a_stream_are_those_of_its_program(tmp_path, bits, delays):
    recipe, clips = stream_recipe(weight_bits=bits, delays=delays), stream_clips()
    model, _ = fit_stream(recipe, clips, None, 2, tmp_path)
    compiled = compiled_stream(model, recipe, clips)
    expected = forward_mantissas(model)
    for (whole, shared), population in zip(expected, compiled.program.populations, strict=True):
        rows = [c.wiring.weight.astype(np.int64) for c in population.inputs]
        assert len({c.exponent for c in population.inputs}) == 1
        if delays and population.name == "hidden":  # every lag has the weights of its own channels, and zeros
            found = np.sum(rows, axis=0)
        else:
            late = sorted(zip(population.inputs, rows, strict=True), key=lambda pair: -pair[0].lag)
            found = np.concatenate([w.reshape(len(w), -1) for _, w in late], axis=1)
            whole = np.moveaxis(whole, 2, 1) if whole.ndim == 4 else whole  # taps, which come as lags, before channels
        np.testing.assert_array_equal(reduced(found, shared), reduced(whole, shared))
    shares = judged_stream(model, compiled, recipe, clips)
    assert set(shares) == {"float", "integer"}


def test_a_channel_whose_sign_the_normalisation_turns_is_stored_as_well(tmp_path):
    recipe, data = replace(RECIPE, weight_bits=2, epochs=1), toy_data()
    trained = load_trained(fit(recipe, data, THREE, tmp_path, device=CPU).checkpoint)
    with torch.no_grad():
        trained.model[1].weight[::2] *= -1
    settle_grids(trained.model)
    program = program_in_few_bits(trained, data).program
    for (whole, shared), population in zip(forward_mantissas(trained.model), program.populations, strict=True):
        found = population.inputs[0].wiring.weight
        np.testing.assert_array_equal(reduced(found, shared), reduced(whole, shared))


@pytest.mark.full
def test_it_loses_less_than_bits_taken_afterwards(tmp_path):
    """Over two seeds and two grids: one pair is 400 clips, and a float's last digit moves it by a point or two."""
    data = hard_data()
    test = (data.test.images, data.test.labels)
    gained = []
    for seed in (0, 1):
        recipe = replace(HARD, seed=seed)
        plain = load_trained(fit(recipe, data, CLASSES, tmp_path / f"plain{seed}", device=CPU).checkpoint)
        calibration = encode(data.pool[0][:128][:, None], encoder_of(recipe))
        source = from_norse(deployable(plain), (1, 32, 32))
        for bits in ("ternary", 2):
            options = Options(weight_bits=bits, steps=recipe.steps, messages=(0, 31))
            later = compile_source(source, "loihi1", calibration, options=options)
            few = replace(recipe, weight_bits=bits)
            taught = load_trained(fit(few, data, CLASSES, tmp_path / f"{bits}{seed}", device=CPU).checkpoint)
            from_the_start = integer_accuracy(program_in_few_bits(taught, data), taught, *test)
            assert abs(from_the_start - taught.accuracy["test"]) <= 0.01
            gained.append(from_the_start - integer_accuracy(later, plain, *test))
    assert np.mean(gained) > 0.01, gained


def test_an_interrupted_run_ends_in_the_same_weights(tmp_path):
    data, recipe = toy_data(), replace(RECIPE, weight_bits=3, prune=0.4, epochs=5)
    fit(recipe, data, THREE, tmp_path / "whole", device=CPU)
    with pytest.raises(Interrupted):
        fit(recipe, data, THREE, tmp_path / "torn", device=CPU, on_epoch=stop_after(3))
    fit(recipe, data, THREE, tmp_path / "torn", device=CPU)
    assert_same_weights(tmp_path / "whole" / "model.pt", tmp_path / "torn" / "model.pt")


def test_a_pruned_weight_is_none_on_the_grid(tmp_path):
    recipe, data = replace(RECIPE, weight_bits=2, prune=0.6), toy_data()
    trained = load_trained(fit(recipe, data, THREE, tmp_path, device=CPU).checkpoint)
    for linear in [m for m in trained.model if isinstance(m, nn.Conv2d | nn.Linear)]:
        assert not linear.mantissas()[linear.weight == 0].any()


def test_a_map_rounds_by_the_grid_of_its_signs_and_passes_the_gradient():
    weight = torch.tensor([[0.5, -0.24, 0.1], [2.0, 1.0, -4.0]])
    model = nn.Sequential(nn.Linear(3, 2, bias=False), nn.BatchNorm1d(2))
    model[0].weight.data = weight.clone()
    put_on_grid(model, 3)
    linear = model[0]
    assert linear.grid == grid_for(weight.numpy(), 3, "loihi")
    assert list(model.state_dict()) == list(nn.Sequential(nn.Linear(3, 2, bias=False), nn.BatchNorm1d(2)).state_dict())
    expected = to_grid(weight.double().numpy() * linear.turned.double().numpy(), linear.grid)
    np.testing.assert_array_equal(linear.mantissas().detach().numpy(), expected)
    linear(torch.eye(3)).sum().backward()
    off = (linear.weight.grad - 1.0).abs().max()  # as if nothing were rounded, but for r / r
    assert off <= torch.finfo(torch.float32).eps
    plain = off_grid(model)
    assert type(plain[0]) is nn.Linear
    assert torch.equal(plain[0].weight, linear.weight_now())
    assert torch.equal(linear.weight.detach(), weight)


GRID = grid_for(np.array([-1.0, 1.0]), 3, "loihi")


def kept(weight, groups=None, cap=1e9, grid=GRID, exponents=range(-8, 8)):
    weight = np.asarray(weight, dtype=np.float64)
    group = np.arange(len(weight)) if groups is None else np.asarray(groups)
    rows = RealRows(weight, np.ones((1, weight.shape[1])), group, int(group.max()) + 1)
    return kept_choice([rows], [grid], [True], np.full(rows.groups, cap), exponents)


def test_weights_on_a_grid_are_found_with_the_least_resolution():
    """Steps of 64, from -4 to 3: rows of 0.1 (1, -3, 2), 0.7 (-4, 2, 0), which is 1.4 (-2, 1, 0), and nothing."""
    found = kept(np.array([[0.1, -0.3, 0.2], [-2.8, 1.4, 0.0], [0.0, 0.0, 0.0]]))
    assert found.exponents == (7,)
    np.testing.assert_allclose(found.scale[:2] / 2**7, [64 / 0.1, 64 / 1.4], rtol=1e-12)


def test_a_scale_is_lowered_by_powers_of_two_alone():
    whole = kept([[0.1, -0.3, 0.2]])
    lower = kept([[0.1, -0.3, 0.2]], cap=700.0)
    assert lower.exponents == (0,)
    assert whole.scale[0] == lower.scale[0] * 2**7


@pytest.mark.parametrize(
    ("weight", "cap", "said"),
    [
        ([[0.1, 0.234, -0.3]], 1e9, "1 of 1 scales: the weights lie on no grid of so few bits"),
        ([[0.1, -0.5, 0.2]], 1e9, "lie on no grid"),
        ([[0.1, -0.3, 0.2]], 1.0, "no scale holds weights on this grid"),
    ],
)
def test_what_lies_on_no_grid_is_refused(weight, cap, said):
    with pytest.raises(InputError, match=said):
        kept(weight, cap=cap)


@pytest.mark.parametrize("recipe", [NetworkRecipe(), StreamRecipe()])
def test_older_recipes_have_the_form_they_had(recipe):
    assert "weight_bits" not in recipe_to(recipe)
    read = recipe_from if isinstance(recipe, NetworkRecipe) else stream_recipe_from
    for bits in ("ternary", 4):
        few = replace(recipe, weight_bits=bits)
        assert read(json.loads(json.dumps(recipe_to(few))), "x") == few


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weight_bits": 1}, "give 2 to 8, or ternary"),
        ({"weight_bits": 9}, "give 2 to 8, or ternary"),
        ({"weight_bits": "mixed"}, "give 2 to 8, or ternary"),
        ({"weight_bits": 3, "model": "cnn"}, "only our spiking networks are trained in few bits"),
        ({"weight_bits": 3, "model": "a.b:c"}, "only our spiking networks are trained in few bits"),
    ],
)
def test_bits_that_mean_nothing_are_refused(change, said):
    with pytest.raises(InputError, match=said):
        NetworkRecipe(**change)


@pytest.mark.parametrize("model", ["ann", "xylo", "vgg", "lstm"])
def test_streams_that_become_no_such_program_refuse_bits(model):
    with pytest.raises(InputError, match="only our spiking networks are trained in few bits"):
        StreamRecipe(model=model, weight_bits=3)


def test_from_the_shell_the_summary_and_the_program_are_of_that_width(words, tmp_path, capsys):
    run, given = tmp_path / "run", ["folder", "--data", str(words)]
    how = ["--steps", "4", "--epochs", "4", "--variants", "0", "--batch", "8", "--validation", "0.2"]
    assert main(["train", *given, *how, "--weight-bits", "3", "-o", str(run)]) == 0
    summary = json.loads((run / "summary.json").read_text())
    assert summary["recipe"]["weight_bits"] == 3
    assert "as a program of 3-bit weights: " in capsys.readouterr().out
    calibration = tmp_path / "c.npz"
    front_words = ["--front", str(run / "front.json"), "--part", "train", "-o", str(calibration)]
    assert main(["encode", *given, *front_words]) == 0
    words_ = ["compile", str(run / "model.pt"), "--data", str(calibration), "-o", str(tmp_path / "p.nir")]
    assert main(words_) == 0
    assert "trained in 3 bits: its weights are kept as they are" in capsys.readouterr().out
    assert main([*words_, "--weight-bits", "4"]) == 2
    assert "was trained in 3 bits" in capsys.readouterr().err
    assert main(["run", str(tmp_path / "p.nir"), "--input", str(run / "test.npz"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["right"] == summary["accuracy"]["integer"] * 10


@pytest.mark.parametrize(
    "options",
    [
        ["digits", "--model", "cnn", "--weight-bits", "3"],
        ["digits", "--model", "m5-ann", "--weight-bits", "3"],
        ["digits", "--model", "hjh-hybrid", "--weight-bits", "3"],
        ["denoise", "--weight-bits", "3"],
        ["digits", "--stream", "--model", "vgg", "--weight-bits", "3"],
        ["digits", "--stream", "--target", "xylo2", "--weight-bits", "3"],
        ["digits", "--weight-bits", "1"],
        ["digits", "--weight-bits", "few"],
    ],
)
def test_where_bits_mean_nothing_the_option_is_refused(tmp_path, capsys, options):
    assert main(["train", *options, "-o", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "weight" in said
    assert "fix: " in said
    assert not (tmp_path / "run").exists()


def test_a_network_in_few_bits_is_built_with_the_weights_of_the_seed():
    torch.manual_seed(0)
    plain = build(RECIPE, 3).state_dict()
    torch.manual_seed(0)
    few = build(replace(RECIPE, weight_bits=2), 3).state_dict()
    assert plain.keys() == few.keys()
    assert all(torch.equal(plain[name], few[name]) for name in plain)
    assert isinstance(stream_model(stream_recipe(weight_bits=2), 2).readout, OnGridLinear)
