"""Published pairs trained in few bits: the forward pass has the weights of the program, whatever stands between."""

import json

import numpy as np
import pytest
import torch

from exporters.program_file import read_program_file
from sim.engines import run
from sim.errors import InputError
from snn2hw.commands import main
from snn2hw.train.in_time import is_spiking
from snn2hw.train.learnt_leak import LearntLeak
from snn2hw.train.on_grid import OnGridConv, OnGridLinear, OnGridWave, off_grid, settle_grids
from snn2hw.train.pair_fit import fit_pair, pair_clips, pair_model
from snn2hw.train.pair_program import compiled_pair, pair_raster
from snn2hw.train.pair_recipe import PairRecipe, pair_recipe_from
from snn2hw.train.pairs import PAIRS
from snn2hw.train.recipe import recipe_to
from tests.train.test_few_bits import reduced
from tests.train.toy_pair import pair_recipe

MAPS = {"m5": 5, "piczak": 5, "hjh": 3, "tcy": 1, "esc-vgg": 9, "extractor": 13}


def recipe_of(network, **more):
    return pair_recipe(network, steps=2, **more)


def lively(recipe, shape):
    """Return an untrained network whose normalisations lift some channels and turn others."""
    torch.manual_seed(1)
    model = pair_model(recipe, shape, 2).eval()
    for norm in [m for m in model if isinstance(m, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d)]:
        torch.nn.init.uniform_(norm.weight, 0.5, 2)
        norm.weight.data[::3] *= -1
        torch.nn.init.uniform_(norm.bias, 1, 3)
    settle_grids(model)
    return model


def learnt_maps(model):
    """Return what every map of a network computes with, and the population that hears it."""
    parts = list(model)
    neurons = [k for k, part in enumerate(parts) if isinstance(part, LearntLeak) or is_spiking(part)]
    for k, part in enumerate(parts):
        if isinstance(part, OnGridConv | OnGridLinear | OnGridWave):
            heard = next((str(n) for n in neurons if n > k), "readout")
            yield part.mantissas().detach().numpy(), heard


def assert_kept(model, program):
    """Assert that a program has the mantissas of the forward pass, at every place where a mean is taken before it."""
    populations = {p.name: p for p in program.populations}
    for whole, heard in learnt_maps(model):
        connection, *_ = populations[heard].inputs
        found = connection.wiring.weight.astype(np.int64).reshape(len(whole), -1)
        rows = whole.reshape(len(whole), -1)
        rows = np.repeat(rows, found.shape[1] // rows.shape[1], axis=1)
        shared = heard == "readout"
        np.testing.assert_array_equal(reduced(found, shared), reduced(rows, shared))


@pytest.mark.parametrize("bits", ["ternary", 3])
@pytest.mark.parametrize("network", MAPS)
def test_the_weights_of_a_pair_are_those_of_its_program(network, bits, short_corpus):
    recipe = recipe_of(network, weight_bits=bits)
    clips = pair_clips(short_corpus, recipe)
    model = lively(recipe, clips[0].shape[1:])
    assert len(list(learnt_maps(model))) == MAPS[network]
    compiled = compiled_pair(model, recipe, clips)
    assert_kept(model, compiled.program)
    fed = pair_raster(clips[0][:2], recipe)
    fed = fed.reshape(*fed.shape[:2], *compiled.program.input.shape)
    one, two = (run(compiled.program, fed, engine=engine) for engine in ("reference", "fast"))
    for name, spikes in one.spikes.items():
        np.testing.assert_array_equal(two.spikes[name], spikes)
    np.testing.assert_array_equal(two.output, one.output)


@pytest.mark.parametrize("learnt", [{}, {"learnt": True, "learnt_threshold": True}], ids=str)
def test_trained_in_few_bits_it_keeps_them(learnt, short_corpus, tmp_path):
    recipe = recipe_of("m5", weight_bits=2, **learnt)
    clips = pair_clips(short_corpus, recipe)
    model, _ = fit_pair(recipe, clips, clips, 2, tmp_path / "run")
    assert_kept(model, compiled_pair(model, recipe, clips).program)
    plain = off_grid(model)
    assert next(type(m) for m in plain if hasattr(m, "weight")) is torch.nn.Conv1d
    x = torch.from_numpy(clips[0][:2])
    for one, two in zip(model, plain, strict=True):
        if hasattr(one, "mantissas"):
            assert torch.equal(one.weight_now(), two.weight)
    assert torch.equal(model[0](x), plain[0](x))


def test_the_model_of_a_run_in_few_bits_is_its_program(short_tones, tmp_path):
    words = ["train", "folder", "--data", str(short_tones), "-o", str(tmp_path / "run"), "--batch", "16"]
    words += ["--epochs", "1", "--model", "hjh-snn", "--width", "0.5", "--steps", "2", "--weight-bits", "ternary"]
    assert main(words) == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert "refused" not in summary
    model, data = str(tmp_path / "run" / "model.pt"), str(tmp_path / "run" / "calibration.npz")
    assert main(["compile", model, "--data", data, "-o", str(tmp_path / "p.nir")]) == 0
    assert read_program_file(tmp_path / "p.nir").program.digest == summary["digest"]


def test_what_has_no_program_is_not_trained_in_few_bits():
    for more in ({"network": "hjh-hybrid"}, {"network": "hjh", "model": "ann", "steps": 1}):
        with pytest.raises(InputError, match="only our spiking networks are trained in few bits"):
            PairRecipe(**more, weight_bits=3)
    with pytest.raises(InputError, match="weight_bits 9"):
        PairRecipe(weight_bits=9)


def test_a_recipe_without_bits_and_teacher_has_the_form_it_always_had():
    assert not {"weight_bits", "teacher"} & recipe_to(PairRecipe()).keys()
    recipe = PairRecipe(weight_bits="ternary", teacher="a" * 64)
    assert pair_recipe_from(recipe_to(recipe), "here") == recipe
    assert set(MAPS) == {name for name, layout in PAIRS.items() if not layout.hybrid}
