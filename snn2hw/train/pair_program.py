"""A trained spiking network of a published pair as an integer program: what it is fed, compiled, judged.

q = round(levels x)        the same integers at every step; levels is 127 for a wave, 63 for a picture up to 2
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import nn

from sim.engines import run
from sim.program import Program
from snn2hw.codec.share import Share
from snn2hw.compiler.compile import Compiled, compile_source
from snn2hw.compiler.options import Options
from snn2hw.purpose import Purpose
from snn2hw.sources.from_norse import from_norse
from snn2hw.sources.source import Source
from snn2hw.train.on_grid import off_grid
from snn2hw.train.own_network import on_integers
from snn2hw.train.pair_fit import LOUDEST, PairClips
from snn2hw.train.pair_recipe import PairRecipe
from snn2hw.train.pairs import WAVES, settled

__all__ = [
    "calibration_of_pair",
    "compiled_pair",
    "judged_pair",
    "pair_integers",
    "pair_levels",
    "pair_messages",
    "pair_purpose",
    "pair_raster",
    "source_of_pair",
]

WAVE_LEVELS, PICTURE_LEVELS = 127, 63
"""What 1 is as a message: both ends of a message stay within a byte."""
CALIBRATION = 64
"""Clips that the compiler measures the network on."""


def source_of_pair(model: nn.Module, recipe: PairRecipe, shape: tuple[int, ...]) -> Source:
    """Return the spiking network as a Source that reads integers."""
    return on_integers(from_norse(settled(off_grid(model)), shape), pair_levels(recipe))


def pair_purpose(recipe: PairRecipe, classes: tuple[str, ...]) -> Purpose:
    """Return what a program is for; its front end has no name in files."""
    return Purpose(classes=classes, decoder="mean", task=recipe.task)


def pair_messages(recipe: PairRecipe) -> tuple[int, int]:
    """Return the least and the greatest message."""
    levels = pair_levels(recipe)
    return (-levels, levels) if recipe.network in WAVES else (0, round(LOUDEST * levels))


def pair_integers(inputs: NDArray[np.float32], recipe: PairRecipe) -> NDArray[np.int8]:
    """Return clips (n, *shape) in whole numbers."""
    return np.rint(inputs * pair_levels(recipe)).astype(np.int8)


def pair_raster(inputs: NDArray[np.float32], recipe: PairRecipe) -> NDArray[np.int8]:
    """Return what a program is fed of clips (n, *shape): the same integers at every step, (n, T, *shape)."""
    return np.repeat(pair_integers(inputs, recipe)[:, None], recipe.steps, axis=1)


def calibration_of_pair(learnt: PairClips) -> PairClips:
    """Return the training clips that the compiler measures the network on."""
    chosen = np.unique(np.linspace(0, len(learnt[1]) - 1, CALIBRATION).astype(int))
    return learnt[0][chosen], learnt[1][chosen]


def compiled_pair(model: nn.Module, recipe: PairRecipe, learnt: PairClips, target: str = "loihi1") -> Compiled:
    """Return the program, of 8 bits or of those it was trained in, or the compiler's refusal.

    Training clips calibrate it.
    """
    inputs, _ = calibration_of_pair(learnt)
    options = Options(messages=pair_messages(recipe), steps=recipe.steps)
    if recipe.weight_bits is not None:
        options = replace(options, weight_bits=recipe.weight_bits, method="kept")
    source = source_of_pair(model, recipe, inputs.shape[1:])
    return compile_source(source, target, pair_raster(inputs, recipe), options=options)


def judged_pair(program: Program, recipe: PairRecipe, clips: PairClips) -> Share:
    """Return how many clips the program gets right by its mean answer."""
    inputs, labels = clips
    raster = pair_raster(inputs, recipe)
    output = run(program, raster.reshape(*raster.shape[:2], *program.input.shape), record=()).output
    return Share(int((output.mean(axis=1).reshape(len(labels), -1).argmax(1) == labels).sum()), len(labels))


def pair_levels(recipe: PairRecipe) -> int:
    """Return what 1 at the input is as a message."""
    return WAVE_LEVELS if recipe.network in WAVES else PICTURE_LEVELS
