"""The front end: everything between a sound and the network's integers, as one value that is stored with the model."""

import json
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from sim.border import JSON_BYTES, parse_json, read_bytes
from sim.errors import FileError, InputError
from sim.fields import Fields
from snn2hw.audio.logmel import BandMean, LogMel, Normaliser, decibels, mel_values, quantised
from snn2hw.codec.decode import DECODERS, Decoder
from snn2hw.codec.encode import Encoder, Kind, encode

__all__ = ["FrontEnd", "from_json", "images", "raster", "read_front", "to_json"]

FIX = "train the model again"
MOST_CELLS = 4096
"""Bands of an image, or frames."""
MOST_CLASSES = 10_000
MOST_STEPS = 1 << 20

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
    return json.dumps({"schema": SCHEMA} | asdict(front) | {"mel": mel_values(front.mel)}, indent=1)


def read_front(path: Path | str) -> FrontEnd:
    """Read a front.json file."""
    fix = "give the front.json of a trained model"
    data = read_bytes(path, JSON_BYTES, fix)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise FileError(f"{path}: is no text", fix) from None
    return from_json(text, str(path))


def from_json(text: bytes | str, where: str) -> FrontEnd:
    """Read what ``to_json`` wrote; ``where`` is the file an error names."""
    if not isinstance(text, bytes | str):
        raise FileError(f"{where}: not a front end (no text)", FIX)
    facts = parse_json(text, f"{where}: not a front end", FIX)
    if not isinstance(facts, dict) or facts.pop("schema", None) != SCHEMA:
        raise FileError(f"{where}: not a front end of this version (schema {SCHEMA!r})", FIX)
    read = Fields(f"{where}: not a front end", facts, FIX)
    try:
        front = FrontEnd(
            _mel(read.take("mel"), where),
            _normaliser(read.take("normaliser"), where),
            _encoder(read.take("encoder"), where),
            cast("Decoder", read.text("decoder", DECODERS)),
            read.texts("classes", MOST_CLASSES),
        )
        read.end()
    except InputError as error:  # also what the parts say of themselves
        raise FileError(error.what if where in error.what else f"{where}: {error.what}", error.fix or FIX) from None
    if len(front.normaliser.low_db) != front.mel.bands or front.normaliser.levels != front.encoder.levels:
        raise FileError(f"{where}: not a front end (its parts do not fit together)", FIX)
    return front


def _mel(table: Any, where: str) -> LogMel:
    read = Fields(f"{where}: not a front end: mel", table, FIX, asdict(LogMel()))
    mel = LogMel(
        rate_hz=read.integer("rate_hz", 100, 1_000_000),
        bands=read.integer("bands", 1, MOST_CELLS),
        frames=read.integer("frames", 1, MOST_CELLS),
        window=read.integer("window", 1, 1 << 20),
        lowest_hz=read.number("lowest_hz", 0, 1e6),
        highest_hz=read.number("highest_hz", 0, 1e6),
        floor_db=read.number("floor_db", -1e4, 0),
        mean=cast("BandMean", read.text("mean", get_args(BandMean))),
        ends_db=read.number("ends_db", -1e4, 0),
        pictures=read.truth("pictures"),
    )
    read.end()
    return mel


def _normaliser(table: Any, where: str) -> Normaliser:
    read = Fields(f"{where}: not a front end: normaliser", table, FIX)
    low, high = (read.numbers(name, -1e6, 1e6, MOST_CELLS) for name in ("low_db", "high_db"))
    normaliser = Normaliser(low, high, read.integer("levels", 1, 255))
    read.end()
    return normaliser


def _encoder(table: Any, where: str) -> Encoder:
    read = Fields(f"{where}: not a front end: encoder", table, FIX, _defaults(Encoder))
    encoder = Encoder(
        kind=cast("Kind", read.text("kind", get_args(Kind))),
        steps=read.integer("steps", 1, MOST_STEPS),
        levels=read.integer("levels", 1, 255),
        gain=read.number("gain", 0, 1e6),
        leak=read.number("leak", 0, 1),
        rate=read.number("rate", 0, 1),
        seed=read.integer("seed", 0, (1 << 63) - 1),
    )
    read.end()
    return encoder


def _defaults(kind: type) -> dict[str, Any]:
    return {field.name: field.default for field in fields(kind) if field.default is not MISSING}
