"""The front end: everything between a sound and the network's integers, as one value that is stored with the model."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import FileError
from snn2hw.audio.logmel import LogMel, Normaliser, decibels, quantised
from snn2hw.codec.decode import Decoder
from snn2hw.codec.encode import Encoder, encode

__all__ = ["FrontEnd", "from_json", "images", "raster", "to_json"]

SCHEMA = "snn2hw.front/1"


@dataclass(frozen=True)
class FrontEnd:
    """Log-mel image, its normalisation, the encoder, and how the readout is read: enough to run a model on a sound."""

    mel: LogMel
    normaliser: Normaliser
    encoder: Encoder
    decoder: Decoder
    classes: tuple[str, ...]


def images(front: FrontEnd, clips: Iterable[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Return one image of integers per clip, (n, 1, bands, frames)."""
    loudness = np.stack([decibels(samples, front.mel) for samples in clips])
    return quantised(loudness, front.normaliser)[:, None]


def raster(front: FrontEnd, clips: Iterable[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Return what the network is fed for every clip, (n, T, 1, bands, frames)."""
    return encode(images(front, clips), front.encoder)


def to_json(front: FrontEnd) -> str:
    """Return the front end as JSON text."""
    return json.dumps({"schema": SCHEMA} | asdict(front), indent=1)


def from_json(text: str, where: str) -> FrontEnd:
    """Read what ``to_json`` wrote; ``where`` is the file an error names."""
    try:
        facts: dict[str, Any] = json.loads(text)
        if facts.pop("schema", None) != SCHEMA:
            raise FileError(f"{where}: not a front end of this version (schema {SCHEMA!r})", "train the model again")
        scale = facts["normaliser"]
        return FrontEnd(
            LogMel(**facts["mel"]),
            Normaliser(tuple(scale["low_db"]), tuple(scale["high_db"]), scale["levels"]),
            Encoder(**facts["encoder"]),
            facts["decoder"],
            tuple(facts["classes"]),
        )
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise FileError(f"{where}: not a front end ({error})", "train the model again") from None
