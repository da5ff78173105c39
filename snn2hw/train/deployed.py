"""What a trained checkpoint becomes: a Source to compile, or the ONNX twin that a program is compared with."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.ann.twin import Twin, write_twin
from snn2hw.audio.corpus import Corpus, parted
from snn2hw.audio.front import images
from snn2hw.sources.from_norse import from_norse
from snn2hw.sources.source import Source
from snn2hw.train.checkpoint import Trained, deployable, load_trained
from snn2hw.train.network_recipe import input_scale
from snn2hw.train.own_network import on_integers
from snn2hw.train.prepare import split_of

__all__ = [
    "CALIBRATION",
    "deployed_source",
    "held_out",
    "reading",
    "source_of_images",
    "twin_checkpoint",
    "write_deployed_twin",
]

CALIBRATION = 200
"""Training clips that set the 8-bit ranges of a twin."""


def deployed_source(path: Path, input_shape: tuple[int, ...] | None = None) -> Source:
    """Read a checkpoint of a network of images and return it as a Source, the normalisation of training folded in."""
    return reading(source_of_images(load_trained(path)), input_shape, str(path))


def reading(source: Source, shape: tuple[int, ...] | None, where: str) -> Source:
    """Return a Source that reads samples of this shape, where one is given; ``where`` is what an error names."""
    if shape is not None and shape != tuple(source.input_shape):
        raise InputError(f"{where}: reads {tuple(source.input_shape)}, not {shape}", "leave --input-shape out")
    return source


def source_of_images(trained: Trained) -> Source:
    """Return a trained network of images as a Source, the normalisation of training folded in."""
    recipe, mel = trained.recipe, trained.recipe.mel
    shape = (1, mel.bands, mel.frames)
    if recipe.own:
        return on_integers(from_norse(trained.model, shape, layout=recipe.called), input_scale(recipe))
    return from_norse(deployable(trained), shape)


def write_deployed_twin(path: Path, corpus: Corpus, folder: Path, calibration: int = CALIBRATION) -> tuple[Twin, int]:
    """Write the CNN of a checkpoint as ONNX into ``folder``; return what was written and the clips it was judged on."""
    trained = twin_checkpoint(path)
    test = parted(corpus, trained.recipe.test_speaker, trained.recipe.test_fold).test
    train = np.setdiff1d(np.arange(len(corpus)), test)
    chosen = train[np.linspace(0, len(train) - 1, min(calibration, len(train))).round().astype(np.int64)]
    seen, ranges = (images(trained.front, [corpus.samples[i] for i in part]) for part in (test, chosen))
    return write_twin(deployable(trained), seen, corpus.labels[test], ranges, folder), len(test)


def held_out(path: Path, corpus: Corpus) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the images and labels that chose the epoch of a CNN: they neither trained it nor judge it."""
    trained = twin_checkpoint(path)
    chosen = split_of(corpus, trained.recipe).validate
    seen = images(trained.front, [corpus.samples[i] for i in chosen])
    return seen.astype(np.float32), corpus.labels[chosen]


def twin_checkpoint(path: Path) -> Trained:
    """Read a checkpoint that must be of a CNN."""
    trained = load_trained(path)
    if trained.recipe.model != "cnn":
        raise InputError(f"{path}: is a spiking network", "train the twin: snn2hw train ... --model cnn")
    return trained
