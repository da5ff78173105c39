"""A checkpoint knows what it is fed: compiled without data it is certified for just that."""

import numpy as np
import pytest
import torch

from exporters.program_file import read_program_file
from snn2hw.audio.front import FrontEnd, to_json
from snn2hw.audio.logmel import LogMel, fit_normaliser
from snn2hw.cli import main
from snn2hw.models.layout import Layout, Stage
from snn2hw.rasters import write_raster
from snn2hw.train.checkpoint import build, write_checkpoint
from snn2hw.train.feed import encoder_of
from snn2hw.train.recipe import Recipe, recipe_to


@pytest.mark.parametrize(("encoder", "highest"), [("direct", 31), ("lif", 1)])
def test_without_data_a_checkpoint_is_certified_for_what_its_front_end_sends(tmp_path, capsys, encoder, highest):
    torch.manual_seed(0)
    mel = LogMel()
    recipe = Recipe(layout=Layout((Stage(2, 3, 2),), hidden=4), encoder=encoder, steps=5)
    scale = fit_normaliser(np.random.default_rng(0).normal(size=(3, mel.bands, mel.frames)), recipe.levels)
    front = FrontEnd(mel, scale, encoder_of(recipe), recipe.decoder, ("no", "yes"))
    values = {"recipe": recipe_to(recipe), "weights": build(recipe, 2).state_dict(), "front": to_json(front)}
    write_checkpoint(tmp_path / "model.pt", values | {"accuracy": {"test": 0.5}})
    assert main(["compile", str(tmp_path / "model.pt"), "-o", str(tmp_path / "p.nir")]) == 0
    said = capsys.readouterr().out
    assert f"no --data: nothing was calibrated, input taken as 0..{highest}\n" in said
    certificate = read_program_file(tmp_path / "p.nir").attachments["certificate"]
    assert (certificate["messages"], certificate["steps"]) == ([0, highest], 5)
    write_raster(tmp_path / "x.npz", np.full((1, 5, 1, mel.bands, mel.frames), highest, np.uint8))
    assert main(["run", str(tmp_path / "p.nir"), "--input", str(tmp_path / "x.npz")]) == 0
