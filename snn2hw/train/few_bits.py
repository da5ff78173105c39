"""What a network that was trained in few bits is as an integer program of these bits: compiled, run, judged."""

import numpy as np
from numpy.typing import NDArray

from sim.engines import run
from snn2hw.audio.features import Features
from snn2hw.codec.decode import decode
from snn2hw.codec.encode import encode, highest
from snn2hw.compiler.compile import Compiled, compile_source
from snn2hw.compiler.options import Options
from snn2hw.sources.from_norse import from_norse
from snn2hw.train.checkpoint import Trained, deployable
from snn2hw.train.network_recipe import encoder_of

__all__ = ["integer_accuracy", "program_in_few_bits"]

CALIBRATION = 128
"""Training images that the compiler measures the network on."""

AT_ONCE = 256
"""Images that are run in one pass."""


def program_in_few_bits(trained: Trained, data: Features) -> Compiled:
    """Return the program for Loihi 1, its weights the ones that the forward pass had, calibrated on training images."""
    recipe, encoder = trained.recipe, encoder_of(trained.recipe)
    assert recipe.weight_bits is not None
    learnt = data.pool[0]
    chosen = np.unique(np.linspace(0, len(learnt) - 1, CALIBRATION).astype(int))
    options = Options(weight_bits=recipe.weight_bits, method="kept", steps=recipe.steps, messages=(0, highest(encoder)))
    source = from_norse(deployable(trained), (1, recipe.mel.bands, recipe.mel.frames))
    return compile_source(source, "loihi1", encode(learnt[chosen][:, None], encoder), options=options)


def integer_accuracy(
    compiled: Compiled, trained: Trained, images: NDArray[np.uint8], labels: NDArray[np.integer]
) -> float:
    """Return the share of images that the program gets right."""
    encoder = encoder_of(trained.recipe)
    right = 0
    for start in range(0, len(images), AT_ONCE):
        raster = encode(images[start : start + AT_ONCE][:, None], encoder, start)
        output = run(compiled.program, raster, record=()).output
        answers = decode(output, trained.recipe.decoder).reshape(len(output), -1)
        right += int((answers.argmax(axis=1) == labels[start : start + AT_ONCE]).sum())
    return right / len(labels)
