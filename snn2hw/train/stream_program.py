"""A trained streaming network as an integer program: compiled, judged beside its floats, written with its purpose."""

from dataclasses import replace
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
from snn2hw.files.rasters import write_raster
from snn2hw.models.xylo import answer_code
from snn2hw.purpose import Purpose, front_identity, purpose_attachment
from snn2hw.train.on_grid import off_grid
from snn2hw.train.stream_data import Spoken
from snn2hw.train.stream_fit import answers_to, plain_messages
from snn2hw.train.stream_recipe import StreamRecipe
from snn2hw.train.stream_source import stream_source
from snn2hw.train.xylo_net import XyloNet, xylo_source

__all__ = ["Share", "compiled_stream", "judged_stream", "output_unit", "rasters_of", "write_raster_of", "write_stream"]

CALIBRATION = 128
"""Clips that the compiler measures the network on."""

CERTIFIED_S = 60.0
"""Seconds of sound that a certificate covers."""


def compiled_stream(model: nn.Module, recipe: StreamRecipe, learnt: Spoken) -> Compiled:
    """Return the program of 8 bits, or of those it was trained in; the training clips calibrate it."""
    front = recipe.front
    unit, origin = front.step_db / recipe.unit_db, f"{recipe.task}, streaming"
    source = (
        xylo_source(model, unit, origin)
        if isinstance(model, XyloNet)
        else stream_source(off_grid(model), recipe.layout, front.width, unit, origin)
    )
    chosen = np.unique(np.linspace(0, len(learnt.labels) - 1, CALIBRATION).astype(int))
    steps = round(CERTIFIED_S / front.spectra.step_s)
    options = Options(bias="register", messages=front.messages, steps=steps)
    if recipe.weight_bits is not None:
        options = replace(options, weight_bits=recipe.weight_bits, method="kept")
    return compile_source(
        source, target_of(recipe), rasters_of(plain_messages(learnt.part(chosen), recipe)), options=options
    )


def target_of(recipe: StreamRecipe) -> str:
    """Return the chip that a kind of network is trained for."""
    return "xylo2" if recipe.model == "xylo" else "loihi1"


def rasters_of(messages: NDArray[np.integer]) -> NDArray[np.int16]:
    """Return messages (n, frames, bands) in the shape of a program's input."""
    return messages[:, :, None, None, :].astype(np.int16)  # n t 1 1 bands


def _program_answers(model: nn.Module, compiled: Compiled, messages: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the mean answer of the program to every clip, (n, classes)."""
    means: NDArray[np.float64] = run(compiled.program, rasters_of(messages), record=()).output.mean(axis=1)
    return means @ model.code.numpy().T if isinstance(model, XyloNet) else means


def output_unit(model: nn.Module, compiled: Compiled, recipe: StreamRecipe, learnt: Spoken) -> float:
    """Return how much of the program's output stands for 1 of the network's answer: the least squares of both."""
    messages = plain_messages(learnt.part(np.arange(min(CALIBRATION, len(learnt.labels)))), recipe)
    floats = answers_to(model, recipe, messages)
    integers = _program_answers(model, compiled, messages)
    unit = float((integers * floats).sum()) / max(float((floats * floats).sum()), 1e-9)
    return unit if unit > 0 else 1.0  # a network that is silent has no unit


def judged_stream(model: nn.Module, compiled: Compiled, recipe: StreamRecipe, clips: Spoken) -> dict[str, Share]:
    """Return how many clips the network of floats and the program get right."""
    messages = plain_messages(clips, recipe)
    floats = answers_to(model, recipe, messages).argmax(1)
    integers = _program_answers(model, compiled, messages).argmax(1)
    count = len(clips.labels)
    return {
        name: Share(int((found == clips.labels).sum()), count)
        for name, found in (("float", floats), ("integer", integers))
    }


def write_stream(compiled: Compiled, recipe: StreamRecipe, classes: tuple[str, ...], unit: float, path: Path) -> None:
    """Write the program file with its certificate, what it is for, and how it listens.

    ``unit`` is what 1 of the network's answer has become in the program's output. Where a class is a pattern of
    outputs, the purpose names no classes, for no output stands for one, and the attachment
    ``patterns`` says which outputs stand for each.
    """
    plain = compiled.program.output.size == len(classes)
    front = front_to(recipe.front)
    purpose = Purpose(front, classes, "mean", recipe.task) if plain else Purpose(front, task=recipe.task)
    attachments: dict[str, Any] = {
        "certificate": compiled.certificate.to_json(),
        **purpose_attachment(purpose),
    }
    if not plain:
        attachments["patterns"] = {"classes": list(classes), "code": answer_code(len(classes)).tolist()}
    if recipe.model != "xylo":  # a Xylo program is not run in pieces
        attachments["listen"] = {
            "frames": recipe.frames,
            "window": recipe.frames,
            "unit": unit / recipe.temperature,
            "background": [name for name in classes if name.startswith("_")],
        }
    write_program(compiled.program, path, attachments=attachments)


def write_raster_of(clips: Spoken, recipe: StreamRecipe, classes: tuple[str, ...], path: Path) -> None:
    """Write clips as the program is fed them, with their labels: the input of `snn2hw verify` and others."""
    identity = front_identity(front_to(recipe.front))
    raster = rasters_of(plain_messages(clips, recipe)).astype(np.int8)
    write_raster(path, raster, clips.labels, front=identity, classes=classes)
