"""A checkpoint knows what it is fed: it is certified for that, and for what the data hold beyond it."""

import numpy as np
import pytest
import torch

from exporters.program_file import read_program_file
from snn2hw.audio.front import FrontEnd, to_json
from snn2hw.audio.logmel import LogMel, fit_normaliser
from snn2hw.commands import main
from snn2hw.files.rasters import write_raster
from snn2hw.models.layout import Layout, Stage
from snn2hw.train.checkpoint import build, write_checkpoint
from snn2hw.train.network_recipe import NetworkRecipe, encoder_of
from snn2hw.train.recipe import recipe_to

SIDE = LogMel().bands


def _checkpoint(path, encoder="direct"):
    torch.manual_seed(0)
    mel = LogMel()
    recipe = NetworkRecipe(layout=Layout((Stage(2, 3, 2),), hidden=4), encoder=encoder, steps=5)
    scale = fit_normaliser(np.random.default_rng(0).normal(size=(3, mel.bands, mel.frames)), recipe.levels)
    front = FrontEnd(mel, scale, encoder_of(recipe), recipe.decoder, ("no", "yes"))
    values = {"recipe": recipe_to(recipe), "weights": build(recipe, 2).state_dict(), "front": to_json(front)}
    write_checkpoint(path, values | {"accuracy": {"test": 0.5}})


def _data(path, highest, steps=5):
    random = np.random.default_rng(0)
    spikes = random.integers(0, highest, (8, steps, 1, SIDE, SIDE), endpoint=True).astype(np.uint8)
    spikes[0, 0, 0, 0, 0] = highest
    write_raster(path, spikes, np.arange(8) % 2)


def _certified(path):
    certificate = read_program_file(path).attachments["certificate"]
    return certificate["messages"], certificate["steps"]


@pytest.mark.parametrize(("encoder", "highest"), [("direct", 31), ("lif", 1)])
def test_without_data_a_checkpoint_is_certified_for_what_its_front_end_sends(tmp_path, capsys, encoder, highest):
    _checkpoint(tmp_path / "model.pt", encoder)
    assert main(["compile", str(tmp_path / "model.pt"), "-o", str(tmp_path / "p.nir")]) == 0
    said = capsys.readouterr().out
    assert f"no --data: nothing was calibrated, input taken as 0..{highest}\n" in said
    assert _certified(tmp_path / "p.nir") == ([0, highest], 5)
    write_raster(tmp_path / "x.npz", np.full((1, 5, 1, SIDE, SIDE), highest, np.uint8))
    assert main(["run", str(tmp_path / "p.nir"), "--input", str(tmp_path / "x.npz")]) == 0


@pytest.mark.parametrize(
    ("highest", "steps", "options", "certified"),
    [
        (20, 5, [], ([0, 31], 5)),  # the data miss the highest level
        (31, 5, [], ([0, 31], 5)),
        (40, 3, [], ([0, 40], 5)),  # they go beyond it, in shorter samples
        (20, 9, [], ([0, 31], 9)),
        (20, 5, ["--steps", "70"], ([0, 31], 70)),
    ],
)
def test_with_data_it_is_certified_for_both(tmp_path, highest, steps, options, certified):
    _checkpoint(tmp_path / "model.pt")
    _data(tmp_path / "x.npz", highest, steps)
    words = [str(tmp_path / "model.pt"), "--data", str(tmp_path / "x.npz"), "-o", str(tmp_path / "p.nir"), *options]
    assert main(["compile", *words]) == 0
    assert _certified(tmp_path / "p.nir") == certified
    assert main(["certify", str(tmp_path / "p.nir")]) == 0


@pytest.mark.parametrize("data", [[], ["--data", "x.npz"]])
def test_a_certificate_of_no_steps_is_refused(tmp_path, monkeypatch, capsys, data):
    monkeypatch.chdir(tmp_path)
    _checkpoint(tmp_path / "model.pt")
    _data(tmp_path / "x.npz", 31)
    assert main(["compile", "model.pt", *data, "--steps", "0", "-o", "p.nir"]) == 2
    assert "steps is 0" in capsys.readouterr().err


def test_a_tuned_program_is_certified_for_both(tmp_path):
    _checkpoint(tmp_path / "model.pt")
    _data(tmp_path / "x.npz", 20)
    words = [str(tmp_path / "model.pt"), "--data", str(tmp_path / "x.npz"), "-o", str(tmp_path / "p.nir")]
    assert main(["tune", *words, "--epochs", "1", "--validation", "0.3", "--device", "cpu"]) == 0
    assert _certified(tmp_path / "p.nir") == ([0, 31], 5)
    assert main(["certify", str(tmp_path / "p.nir")]) == 0
