"""Sounds that a program was fed: read, named, and turned into what its own front end makes of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.page.material import Sounding

__all__ = ["raster_of", "read_sound"]


def read_sound(path: Path, front: Mapping[str, Any], classes: tuple[str, ...]) -> Sounding:
    """Read a sound at the rate of a front end; a file called ``CLASS_anything.wav`` says its class."""
    from snn2hw.audio.clip import read_clip

    clip = read_clip(path, _rate_of(front, str(path)))
    said = next((name for name in (path.stem, path.stem.split("_")[0]) if name in classes), None)
    return Sounding(path.stem, clip.samples, clip.rate_hz, said)


def raster_of(sound: Sounding, front: Mapping[str, Any], shape: tuple[int, ...]) -> NDArray[np.integer]:
    """Return what a program with inputs of ``shape`` is fed of a sound: (T, *shape)."""
    made = _images_of(sound, front) if _is_image(front) else _stream_of(sound, front)
    if made[0].size != int(np.prod(shape)):
        raise InputError(f"{sound.name}: its front end makes {made[0].size} values a step", "compile the program again")
    return made.reshape(len(made), *shape)


def _is_image(front: Mapping[str, Any]) -> bool:
    from snn2hw.audio.front import SCHEMA

    return front.get("schema") == SCHEMA


def _rate_of(front: Mapping[str, Any], where: str) -> int:
    rate = front.get("mel" if _is_image(front) else "spectra", {}).get("rate_hz")
    if type(rate) is not int:
        raise InputError(f"{where}: the program's front end has no rate", "compile the program again")
    return rate


def _images_of(sound: Sounding, front: Mapping[str, Any]) -> NDArray[np.integer]:
    from snn2hw.audio.front import from_json, raster

    read = from_json(json.dumps(dict(front)), "the program's front end")
    return np.asarray(raster(read, [sound.samples])[0], dtype=np.uint8)


def _stream_of(sound: Sounding, front: Mapping[str, Any]) -> NDArray[np.integer]:
    from snn2hw.audio.mel_stream import front_from, heard

    messages: NDArray[np.integer] = heard(sound.samples, front_from(front, "the program's front end"))
    return np.asarray(messages, dtype=np.int16)
