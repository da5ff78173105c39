"""Sizes are looked at before memory is asked for."""

import resource
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from sim.errors import FileError, InputError
from snn2hw.commands import main
from snn2hw.models.layout import HARDWARE, LAYOUTS, weight_shapes
from snn2hw.models.scnn import scnn
from snn2hw.train.checkpoint import build, load_trained, read_checkpoint, write_checkpoint
from snn2hw.train.fit import fit
from snn2hw.train.memory import demand_of, memory_here, refuse_clips, refuse_too_large
from snn2hw.train.network_recipe import NetworkRecipe
from snn2hw.train.recipe import recipe_to
from tests.train.toy import CLASSES, CPU, RECIPE, toy_data


@pytest.mark.parametrize("options", [["--steps", "1000000"], ["--steps", "1000000", "--encoder", "lif"]])
def test_a_training_that_is_too_large_is_refused_with_the_figure(tmp_path, capsys, options):
    assert main(["train", "digits", "-o", str(tmp_path / "run"), *options]) == 2
    said = capsys.readouterr().err
    assert "this training takes at least 2." in said
    assert " TB of memory (one batch: 2." in said
    assert "lower steps, batch, variants" in said
    assert not (tmp_path / "run").exists()


def test_images_and_the_raster_of_the_test_part_count_too():
    recipe = NetworkRecipe(batch=1, steps=1000)
    assert demand_of(recipe, 10, clips=100, tested=20).images == 13 * 100 * 1024 + 20 * 1000 * 1024
    with pytest.raises(InputError, match="at least 200 GB of memory"):
        refuse_too_large(replace(recipe, steps=100), "cuda", tested=10**6 * 1953 // 1000, limit=10**9)


def test_clips_that_memory_cannot_hold_are_refused_with_the_figure():
    refuse_clips(10, 250, limit=10_000)
    with pytest.raises(
        InputError, match="clips, 10 of 251 numbers each, take at least 10 kB of memory, and 10 kB are here"
    ):
        refuse_clips(10, 251, limit=10_000)


def test_the_estimate_is_below_what_a_batch_takes_and_not_far():
    code = """
import re, torch
from pathlib import Path
from snn2hw.train.answers import forward, logits
from snn2hw.train.checkpoint import build
from snn2hw.train.network_recipe import NetworkRecipe
torch.set_num_threads(1)
recipe = NetworkRecipe(batch=64, steps=%d)
model = build(recipe, 10)
logits(forward(model, torch.rand(1, 64, 1, 32, 32), recipe), recipe).sum().backward()
print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) * 1024)
"""
    few, many = (int(subprocess.check_output([sys.executable, "-W", "ignore", "-c", code % n])) for n in (2, 130))
    estimate = [demand_of(NetworkRecipe(batch=64, steps=n), 10).batch for n in (2, 130)]
    assert 0.5 < (estimate[1] - estimate[0]) / (many - few) <= 1.0


def test_what_fits_is_not_refused():
    assert memory_here() > 10**8
    for layout in LAYOUTS.values():
        refuse_too_large(NetworkRecipe(layout=layout), "cpu", classes=10, clips=3000, tested=300, limit=8 * 10**9)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_shapes_of_weights_are_those_of_the_module(layout):
    shapes = tuple(tuple(p.shape) for p in scnn(layout, 32, 10).parameters() if p.dim() > 1)
    assert weight_shapes(layout, 32, 10) == shapes


def _forged(path, hidden, spread=None):
    """Write a checkpoint whose recipe wants more hidden neurons than it holds; ``spread`` repeats one value."""
    fit(replace(RECIPE, epochs=1), toy_data(), CLASSES, path.parent, device=CPU)
    values = read_checkpoint(path)
    values["recipe"]["layout"]["hidden"] = hidden
    if spread is not None:
        for name, tensor in values["weights"].items():
            if 24 in tensor.shape:
                wide = [hidden if n == 24 else n for n in tensor.shape]
                values["weights"][name] = torch.zeros(1).expand(wide)
    write_checkpoint(path, values)


@pytest.mark.parametrize("spread", [None, 0.0])
def test_a_small_checkpoint_of_a_huge_network_is_refused_before_it_is_built(tmp_path, spread):
    path = tmp_path / "model.pt"
    _forged(path, 20_000_000, spread)
    assert path.stat().st_size < 10**5
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FileError, match=r"model\.pt: weights of another network: its recipe wants .*20000000x294"):
        load_trained(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.parametrize("gone", ["recipe", "front", "weights"])
def test_a_checkpoint_that_lacks_a_part_is_refused(tmp_path, gone):
    recipe = NetworkRecipe(layout=HARDWARE)
    values = {"recipe": recipe_to(recipe), "weights": build(recipe, 2).state_dict(), "front": "{}", "accuracy": {}}
    write_checkpoint(tmp_path / "x.pt", {k: v for k, v in values.items() if k != gone})
    with pytest.raises(FileError, match=rf"x\.pt: not a checkpoint of a network \(no {gone}\)"):
        load_trained(tmp_path / "x.pt")


def test_a_checkpoint_is_read_without_the_loop_that_made_it():
    code = "import sys, snn2hw.train.checkpoint; print(sorted(m for m in sys.modules if 'snn2hw.train.' in m))"
    loaded = subprocess.check_output([sys.executable, "-W", "ignore", "-c", code], text=True)
    assert "checkpoint" in loaded
    assert not any(name in loaded for name in ("loop", "fit", "run_state", "scan", "tuning"))
