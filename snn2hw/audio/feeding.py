"""What a network is fed of clips: by the front end in a front.json, or by what a program file says of itself."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.audio.front import FrontEnd, from_json, raster, read_front, to_json
from snn2hw.audio.hear import Ear, ear_of
from snn2hw.audio.mel_stream import heard
from snn2hw.audio.spectra import loudest_stretch
from snn2hw.codec.decode import Decoder
from snn2hw.purpose import purpose_in, purpose_of_front

__all__ = ["Feeding", "feeding_of"]

Clips = Sequence[NDArray[np.float32]]


@dataclass(frozen=True)
class Feeding:
    """A front end, whatever its kind.

    Args:
        raster: makes rasters (n, T, ...) of clips.
        rate_hz: of the clips.
        classes: what the network tells apart.
        decoder: how its output becomes one answer.
        identity: of the front end, as a raster carries it.
        kind: of the input, in a word.
    """

    raster: Callable[[Clips], NDArray[np.integer]]
    rate_hz: int
    classes: tuple[str, ...]
    decoder: Decoder
    identity: str | None
    kind: str


def feeding_of(where: str) -> Feeding:
    """Return how the network of a front.json, or of a program file or ``zoo:NAME`` that says its front end, is fed."""
    from exporters.program_file import read_program_file
    from snn2hw.zoo import located

    path = located(where)
    if Path(path).suffix != ".nir":
        return _images(read_front(path))
    found = read_program_file(path)
    purpose = purpose_in(found.attachments, where)
    if "listen" in found.attachments:
        ear = ear_of(found, where)
        decoder: Decoder = "mean" if purpose.decoder is None else purpose.decoder
        make = partial(_streamed, ear)
        return Feeding(
            raster=make,
            rate_hz=ear.front.spectra.rate_hz,
            classes=ear.classes,
            decoder=decoder,
            identity=purpose.identity,
            kind="streaming",
        )
    if purpose.front is None:
        what = f"{where}: does not say which front end feeds it"
        raise InputError(what, "give the front.json of its model, or a program that classifies sounds")
    return _images(from_json(json.dumps(purpose.front), where))


def _images(front: FrontEnd) -> Feeding:
    identity = purpose_of_front(to_json(front)).identity
    make = partial(raster, front)
    return Feeding(
        raster=make,
        rate_hz=front.mel.rate_hz,
        classes=front.classes,
        decoder=front.decoder,
        identity=identity,
        kind=front.encoder.kind,
    )


def _streamed(ear: Ear, clips: Clips) -> NDArray[np.int16]:
    """Return the messages of clips as they stream, silence behind their ends; of a longer one, its loudest stretch."""
    spec, front = ear.front.spectra, ear.front
    said = np.zeros((len(clips), ear.frames, 1, 1, front.width), np.int16)
    for row, samples in zip(said, clips, strict=True):
        _, first = loudest_stretch(samples, spec, ear.frames)
        start = first * spec.hop
        messages = heard(samples[start : start + spec.window + (ear.frames - 1) * spec.hop], front)
        row[: len(messages), 0, 0] = messages[: ear.frames]
    return said
