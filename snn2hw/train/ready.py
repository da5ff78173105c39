"""A checkpoint as every verb takes it: its network as a Source, what it is fed, what its program is for.

Networks of images have a front end, streams and denoisers the front of their recipe, published pairs a scale of their
input. What does not spike is refused where a Source is asked for, with what can be done with it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.border import bordered
from sim.errors import UnsupportedError
from sim.program import Program
from snn2hw.audio.front import to_json
from snn2hw.codec.encode import highest
from snn2hw.compiler.options import Bits
from snn2hw.purpose import UNKNOWN, Purpose, purpose_of_front
from snn2hw.sources.source import Source
from snn2hw.train.checkpoint import load_trained, read_checkpoint
from snn2hw.train.denoising.program import (
    certified_steps_of_denoiser,
    denoising,
    output_of_one,
    source_of_denoiser,
)
from snn2hw.train.denoising.recipe import SPIKING
from snn2hw.train.deployed import source_of_images
from snn2hw.train.pair_program import pair_messages, pair_purpose, source_of_pair
from snn2hw.train.run_model import RunModel, read_run_model
from snn2hw.train.stream_program import certified_steps, listening, output_unit, source_of_stream, stream_purpose

__all__ = ["Ready", "read_ready"]

Messages = NDArray[np.integer]


def _nothing(_program: Program, _messages: Messages | None) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, eq=False, kw_only=True)
class Ready:
    """What a checkpoint is to a verb that takes a MODEL.

    Args:
        source: makes the Source; a network that does not spike is refused there.
        steps: of the longest sample that a certificate has to cover.
        messages: the least and the greatest that it is fed.
        bits: in which it was trained, where its weights lie on a grid.
        purpose: what a program of it is for.
        beside: what else a program file of it says, measured on rasters (B, T, ..) where there are any.
    """

    source: Callable[[], Source]
    steps: int
    messages: tuple[int, int]
    bits: Bits | None = None
    purpose: Purpose = UNKNOWN
    beside: Callable[[Program, Messages | None], dict[str, Any]] = _nothing


@bordered("not a checkpoint of this version", "train the model again")
def read_ready(path: Path) -> Ready:
    """Read the checkpoint of a finished run, of whatever kind."""
    values = read_checkpoint(path)
    if "kind" not in values:
        return _images(path)
    trained = read_run_model(path)
    match trained.kind:
        case "stream":
            return _stream(trained, str(path))
        case "denoiser":
            return _denoiser(trained, str(path))
        case "published pair":
            return _pair(trained, str(path))


def _images(path: Path) -> Ready:
    trained = load_trained(path)
    encoder = trained.front.encoder
    return Ready(
        source=lambda: source_of_images(trained),
        steps=encoder.steps,
        messages=(0, highest(encoder)),
        bits=trained.recipe.weight_bits,
        purpose=purpose_of_front(to_json(trained.front), trained.task),
    )


def _stream(trained: RunModel, where: str) -> Ready:
    model, recipe, classes = trained.model, trained.recipe, trained.classes

    def source() -> Source:
        if recipe.model == "ann":
            fix = f"train the spiking network from it, which is compiled: snn2hw train ... --stream --start {where}"
            raise _no_spikes(where, "a twin of ReLUs", fix)
        if recipe.model not in ("snn", "xylo"):
            fix = f"train a stream that learns from it, which is compiled: snn2hw train ... --stream --teacher {where}"
            raise _no_spikes(where, f"{recipe.model}, which hears a whole sound", fix)
        return source_of_stream(model, recipe)

    def beside(program: Program, messages: Messages | None) -> dict[str, Any]:
        if messages is None or recipe.model == "xylo":
            return listening(recipe, classes, None)
        frames = messages.reshape(*messages.shape[:2], -1)
        return listening(recipe, classes, output_unit(model, program, recipe, frames))

    return Ready(
        source=source,
        steps=certified_steps(recipe),
        messages=recipe.front.messages,
        bits=recipe.weight_bits,
        purpose=stream_purpose(recipe, classes),
        beside=beside,
    )


def _denoiser(trained: RunModel, where: str) -> Ready:
    model, recipe, limit = trained.model, trained.recipe, trained.recipe.front.limit

    def source() -> Source:
        if not recipe.spiking:
            spiking = "scnn" if recipe.model == "ann" else recipe.model + SPIKING
            fix = f"train the spiking one, which is compiled: snn2hw train denoise --model {spiking}"
            raise _no_spikes(where, f"the denoiser {recipe.model}", fix)
        return source_of_denoiser(model, recipe)

    def beside(program: Program, messages: Messages | None) -> dict[str, Any]:
        if messages is None:
            return {}
        return denoising(recipe, output_of_one(model, program, recipe, messages))

    return Ready(source=source, steps=certified_steps_of_denoiser(recipe), messages=(-limit, limit), beside=beside)


def _pair(trained: RunModel, where: str) -> Ready:
    recipe = trained.recipe

    def source() -> Source:
        if recipe.model == "ann":
            fix = (
                f"convert it: snn2hw convert {where} --data X.npz -o NET.nir, or train its spiking network with --start"
            )
            raise _no_spikes(where, f"{recipe.network}'s twin of ReLUs", fix)
        return source_of_pair(trained.model, recipe, trained.shape)

    purpose = pair_purpose(recipe, trained.classes)
    return Ready(
        source=source,
        steps=recipe.steps,
        messages=pair_messages(recipe),
        bits=recipe.weight_bits,
        purpose=purpose,
    )


def _no_spikes(where: str, what: str, fix: str) -> UnsupportedError:
    return UnsupportedError(f"{where}: does not spike: it is {what}", fix)
