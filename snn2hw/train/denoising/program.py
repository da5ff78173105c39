"""A trained denoiser as an integer program: compiled, judged beside its floats, written with how it denoises."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from exporters.program_file import write_program
from sim.engines import run
from sim.program import Program
from snn2hw.compiler.compile import Compiled, compile_source
from snn2hw.compiler.options import Options
from snn2hw.denoise.mask_front import mask_front_to
from snn2hw.denoise.mixing import SpeechAndNoise, drawn
from snn2hw.denoise.stream import ATTACHMENT
from snn2hw.sources.source import Source
from snn2hw.train.denoising.band_source import crced_source, crnn_source
from snn2hw.train.denoising.recipe import DenoiseRecipe
from snn2hw.train.denoising.sounds import heard_frames, messages_in
from snn2hw.train.denoising.source import mask_source

__all__ = [
    "calibration_of_denoiser",
    "certified_steps_of_denoiser",
    "compiled_denoiser",
    "denoising",
    "output_of_one",
    "source_of_denoiser",
    "write_denoiser",
]

CALIBRATION, OF_MANY = 96, 16
"""Mixtures that the compiler measures the network on, and one of many neurons: every potential is held in memory."""
COMPARED = 32
"""Of them, on which the program's mask is compared with the network's."""
CERTIFIED_S = 60.0
"""Seconds of sound that a certificate covers."""


def compiled_denoiser(
    model: nn.Module, recipe: DenoiseRecipe, learnt: SpeechAndNoise, target: str = "loihi1"
) -> Compiled:
    """Return the 8-bit program; mixtures of the training part calibrate it."""
    front, steps = recipe.front, certified_steps_of_denoiser(recipe)
    options = Options(bias="register", messages=(-front.limit, front.limit), steps=steps)
    return compile_source(
        source_of_denoiser(model, recipe), target, calibration_of_denoiser(recipe, learnt), options=options
    )


def source_of_denoiser(model: nn.Module, recipe: DenoiseRecipe) -> Source:
    """Return a spiking denoiser as a Source that reads messages."""
    unit, origin = recipe.front.unit, "denoise, streaming"
    match recipe.shape:
        case "cr-ced":
            return crced_source(model, unit, origin)
        case "crnn":
            return crnn_source(model, recipe.layout, unit, origin)
        case _:
            return mask_source(model, recipe.layout, unit, origin)


def certified_steps_of_denoiser(recipe: DenoiseRecipe) -> int:
    """Return the steps that a certificate covers."""
    return round(CERTIFIED_S / recipe.front.spectra.step_s)


def calibration_of_denoiser(recipe: DenoiseRecipe, learnt: SpeechAndNoise) -> NDArray[np.int16]:
    """Return messages of mixtures as the network reads them, the same at every call."""
    random = np.random.default_rng((recipe.seed, 0))
    count = OF_MANY if recipe.shape == "cr-ced" else CALIBRATION
    noisy, _ = drawn(learnt, recipe.mixing, recipe.front.spectra.rate_hz, count, random)
    scaled = messages_in(heard_frames(noisy, recipe.front), recipe.front).numpy()
    messages = np.rint(scaled * recipe.front.unit).astype(np.int16)
    return messages if recipe.shape == "dense" else messages[..., None, None]


def output_of_one(model: Any, program: Program, recipe: DenoiseRecipe, messages: NDArray[np.integer]) -> float:
    """Return how much of the program's output is a mask of 1: the least squares of both readouts, on some messages."""
    import torch

    messages = messages[:COMPARED]
    with torch.no_grad():
        scaled = (messages / recipe.front.unit).astype(np.float32).reshape(*messages.shape[:2], -1)
        floats = model.eval()(torch.from_numpy(scaled)).numpy()
    integers = run(program, messages, record=()).output
    unit = float((integers * floats).sum()) / max(float((floats * floats).sum()), 1e-9)
    return unit if unit > 0 else 1.0


def write_denoiser(
    compiled: Compiled, recipe: DenoiseRecipe, one: float, path: Path, notes: Sequence[str] = ()
) -> None:
    """Write the program file with its certificate and how it denoises."""
    attachments: dict[str, Any] = {
        "certificate": compiled.certificate.to_json(),
        **denoising(recipe, one, notes),
    }
    write_program(compiled.program, path, attachments=attachments)


def denoising(recipe: DenoiseRecipe, one: float, notes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the attachment by which a program file says how it denoises."""
    return {ATTACHMENT: {"front": mask_front_to(recipe.front), "one": one, "notes": list(notes)}}
