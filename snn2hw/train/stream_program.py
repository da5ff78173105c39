"""A trained streaming network as an integer program: compiled, judged beside its floats, written with its purpose."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from exporters.program_file import write_program
from sim.engines import run
from sim.program import Program
from snn2hw.audio.mel_stream import front_to
from snn2hw.codec.share import Share
from snn2hw.compiler.compile import Compiled, compile_source
from snn2hw.compiler.options import Options
from snn2hw.files.rasters import write_raster
from snn2hw.models.xylo import answer_code
from snn2hw.purpose import Purpose, front_identity, purpose_attachment
from snn2hw.sources.source import Source
from snn2hw.train.on_grid import off_grid
from snn2hw.train.stream_data import Spoken
from snn2hw.train.stream_fit import answers_to, plain_messages
from snn2hw.train.stream_recipe import StreamRecipe
from snn2hw.train.stream_source import stream_source
from snn2hw.train.xylo_net import XyloNet, xylo_source

__all__ = [
    "Share",
    "calibration_of",
    "certified_steps",
    "compiled_stream",
    "judged_stream",
    "listening",
    "output_unit",
    "rasters_of",
    "source_of_stream",
    "stream_purpose",
    "write_raster_of",
    "write_stream",
]

CALIBRATION = 128
"""Clips that the compiler measures the network on."""

CERTIFIED_S = 60.0
"""Seconds of sound that a certificate covers."""


def compiled_stream(model: nn.Module, recipe: StreamRecipe, learnt: Spoken) -> Compiled:
    """Return the program of 8 bits, or of those it was trained in; the training clips calibrate it."""
    front = recipe.front
    options = Options(bias="register", messages=front.messages, steps=certified_steps(recipe))
    if recipe.weight_bits is not None:
        options = replace(options, weight_bits=recipe.weight_bits, method="kept")
    rasters = rasters_of(plain_messages(calibration_of(learnt), recipe))
    return compile_source(source_of_stream(model, recipe), target_of(recipe), rasters, options=options)


def source_of_stream(model: nn.Module, recipe: StreamRecipe) -> Source:
    """Return a spiking network, or one for Xylo, as a Source that reads messages."""
    unit, origin = recipe.front.step_db / recipe.unit_db, f"{recipe.task}, streaming"
    if isinstance(model, XyloNet):
        return xylo_source(model, unit, origin)
    return stream_source(off_grid(model), recipe.layout, recipe.front.width, unit, origin)


def certified_steps(recipe: StreamRecipe) -> int:
    """Return the steps that a certificate covers."""
    return round(CERTIFIED_S / recipe.front.spectra.step_s)


def calibration_of(learnt: Spoken) -> Spoken:
    """Return the training clips that the compiler measures the network on."""
    return learnt.part(np.unique(np.linspace(0, len(learnt.labels) - 1, CALIBRATION).astype(int)))


def target_of(recipe: StreamRecipe) -> str:
    """Return the chip that a kind of network is trained for."""
    return "xylo2" if recipe.model == "xylo" else "loihi1"


def rasters_of(messages: NDArray[np.integer]) -> NDArray[np.int16]:
    """Return messages (n, frames, bands) in the shape of a program's input."""
    return messages[:, :, None, None, :].astype(np.int16)  # n t 1 1 bands


def _program_answers(model: nn.Module, program: Program, messages: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the mean answer of the program to every clip, (n, classes)."""
    means: NDArray[np.float64] = run(program, rasters_of(messages), record=()).output.mean(axis=1)
    return means @ model.code.numpy().T if isinstance(model, XyloNet) else means


def output_unit(model: nn.Module, program: Program, recipe: StreamRecipe, messages: NDArray[np.integer]) -> float:
    """Return how much of the program's output stands for 1 of the network's answer: the least squares of both.

    They are compared on the first clips of messages (n, frames, bands).
    """
    messages = messages[:CALIBRATION]
    floats = answers_to(model, recipe, messages)
    integers = _program_answers(model, program, messages)
    unit = float((integers * floats).sum()) / max(float((floats * floats).sum()), 1e-9)
    return unit if unit > 0 else 1.0  # a network that is silent has no unit


def judged_stream(model: nn.Module, compiled: Compiled, recipe: StreamRecipe, clips: Spoken) -> dict[str, Share]:
    """Return how many clips the network of floats and the program get right."""
    messages = plain_messages(clips, recipe)
    floats = answers_to(model, recipe, messages).argmax(1)
    integers = _program_answers(model, compiled.program, messages).argmax(1)
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
    attachments: dict[str, Any] = {
        "certificate": compiled.certificate.to_json(),
        **purpose_attachment(stream_purpose(recipe, classes)),
        **listening(recipe, classes, unit),
    }
    write_program(compiled.program, path, attachments=attachments)


def stream_purpose(recipe: StreamRecipe, classes: tuple[str, ...]) -> Purpose:
    """Return what a program is for; it names no classes where a class is a pattern of outputs."""
    front = front_to(recipe.front)
    plain = _code(recipe, classes) is None
    return Purpose(front, classes, "mean", recipe.task) if plain else Purpose(front, task=recipe.task)


def listening(recipe: StreamRecipe, classes: tuple[str, ...], unit: float | None) -> dict[str, Any]:
    """Return what a program file says beside its purpose: patterns of classes, and how it listens.

    Where nobody measured the ``unit`` (None), and on a Xylo chip, whose programs are not run in pieces, it does not.
    """
    code = _code(recipe, classes)
    said: dict[str, Any] = {} if code is None else {"patterns": {"classes": list(classes), "code": code.tolist()}}
    if recipe.model != "xylo" and unit is not None:
        said["listen"] = {
            "frames": recipe.frames,
            "window": recipe.frames,
            "unit": unit / recipe.temperature,
            "background": [name for name in classes if name.startswith("_")],
        }
    return said


def _code(recipe: StreamRecipe, classes: tuple[str, ...]) -> NDArray[np.int64] | None:
    """Return which outputs stand for every class, where that is not one for each."""
    code = answer_code(len(classes)) if recipe.model == "xylo" else None
    return None if code is None or code.shape[1] == len(classes) else code


def write_raster_of(clips: Spoken, recipe: StreamRecipe, classes: tuple[str, ...], path: Path) -> None:
    """Write clips as the program is fed them, with their labels: the input of `snn2hw verify` and others."""
    identity = front_identity(front_to(recipe.front))
    raster = rasters_of(plain_messages(clips, recipe)).astype(np.int8)
    write_raster(path, raster, clips.labels, front=identity, classes=classes)
