"""A trained streaming network as an integer program: compiled, judged beside its floats, written with its purpose."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from exporters.program_file import write_program
from sim.engines import run
from snn2hw.audio.mel_stream import front_to
from snn2hw.codec.share import Share
from snn2hw.compiler.compile import Compiled, compile_source
from snn2hw.compiler.options import Options
from snn2hw.purpose import Purpose, purpose_attachment
from snn2hw.train.stream_data import Spoken
from snn2hw.train.stream_fit import answers_to, plain_messages
from snn2hw.train.stream_recipe import StreamRecipe
from snn2hw.train.stream_source import stream_source

__all__ = ["Share", "compiled_stream", "judged_stream", "output_unit", "write_stream"]

CALIBRATION = 128
"""Clips that the compiler measures the network on."""

CERTIFIED_S = 60.0
"""Seconds of sound that a certificate covers."""


def compiled_stream(model: nn.Module, recipe: StreamRecipe, learnt: Spoken, target: str = "loihi1") -> Compiled:
    """Return the 8-bit program; the training clips calibrate it."""
    front = recipe.front
    source = stream_source(
        model, recipe.layout, front.spectra.bands, front.step_db / recipe.unit_db, f"{recipe.task}, streaming"
    )
    chosen = np.unique(np.linspace(0, len(learnt.labels) - 1, CALIBRATION).astype(int))
    steps = round(CERTIFIED_S / front.spectra.step_s)
    options = Options(bias="register", messages=(-front.limit, front.limit), steps=steps)
    return compile_source(source, target, _rasters(plain_messages(learnt.part(chosen), recipe)), options=options)


def _rasters(messages: NDArray[np.integer]) -> NDArray[np.int16]:
    return messages[:, :, None, None, :].astype(np.int16)  # n t 1 1 bands


def output_unit(model: nn.Module, compiled: Compiled, recipe: StreamRecipe, learnt: Spoken) -> float:
    """Return how much of the program's output stands for 1 of the network's answer: the least squares of both."""
    messages = plain_messages(learnt.part(np.arange(min(CALIBRATION, len(learnt.labels)))), recipe)
    floats = answers_to(model, recipe, messages)
    integers = run(compiled.program, _rasters(messages), record=()).output.mean(axis=1)
    unit = float((integers * floats).sum()) / max(float((floats * floats).sum()), 1e-9)
    return unit if unit > 0 else 1.0  # a network that is silent has no unit


def judged_stream(model: nn.Module, compiled: Compiled, recipe: StreamRecipe, clips: Spoken) -> dict[str, Share]:
    """Return how many clips the network of floats and the program get right."""
    messages = plain_messages(clips, recipe)
    floats = answers_to(model, recipe, messages).argmax(1)
    integers = run(compiled.program, _rasters(messages), record=()).output.mean(axis=1).argmax(1)
    count = len(clips.labels)
    return {
        name: Share(int((found == clips.labels).sum()), count)
        for name, found in (("float", floats), ("integer", integers))
    }


def write_stream(compiled: Compiled, recipe: StreamRecipe, classes: tuple[str, ...], unit: float, path: Path) -> None:
    """Write the program file with its certificate, what it is for, and how it listens.

    ``unit`` is what 1 of the network's answer has become in the program's output.
    """
    purpose = Purpose(front_to(recipe.front), classes, "mean", recipe.task)
    attachments: dict[str, Any] = {
        "certificate": compiled.certificate.to_json(),
        **purpose_attachment(purpose),
        "listen": {
            "frames": recipe.frames,
            "window": recipe.frames,
            "unit": unit / recipe.temperature,
            "background": [name for name in classes if name.startswith("_")],
        },
    }
    write_program(compiled.program, path, attachments=attachments)
