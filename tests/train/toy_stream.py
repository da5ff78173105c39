"""Two classes of sounds as power spectra, and the recipe of a stream that is small enough for them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from snn2hw.models.stream import StreamLayout
from snn2hw.train.stream_data import Spoken, stream_recipe_for
from snn2hw.train.stream_fit import fit_stream
from snn2hw.train.stream_recipe import StreamRecipe
from tests.train.toy import Interrupted, stop_after

__all__ = ["LAYOUT", "stream_clips", "stream_recipe", "torn_and_whole"]

LAYOUT = StreamLayout(channels=(4, 6), hidden=12, spread=(1, 1, 1))


def stream_recipe(**change) -> StreamRecipe:
    """Return the recipe of one epoch over `stream_clips`, with what is changed of it."""
    return replace(stream_recipe_for("fsdd"), **{"layout": LAYOUT, "epochs": 1, "batch": 8, "frames": 20} | change)


def stream_clips() -> Spoken:
    """Return 24 clips of noise, every other one of them louder below."""
    random = np.random.default_rng(0)
    bins = stream_recipe().front.spectra.bins // 2 + 1
    labels = np.arange(24) % 2
    power = random.exponential(1e-4, (24, 20, bins)).astype(np.float32)
    power[labels == 1, :, : bins // 2] *= 30
    return Spoken(power, np.full(24, 20), labels)


def torn_and_whole(recipe: StreamRecipe, folder: Path) -> tuple[nn.Module, nn.Module]:
    """Return what a run stopped after two epochs ends in, and an undisturbed one, which is the same bit for bit."""
    clips = stream_clips()
    whole, _ = fit_stream(recipe, clips, None, 2, folder / "whole")
    with pytest.raises(Interrupted):
        fit_stream(recipe, clips, None, 2, folder / "torn", on_epoch=stop_after(2))
    torn, _ = fit_stream(recipe, clips, None, 2, folder / "torn")
    wanted, found = whole.state_dict(), torn.state_dict()
    assert all(torch.equal(wanted[name], found[name]) for name in wanted)
    return torn, whole
