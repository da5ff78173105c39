"""A run's checkpoint and a sound: what the network hears of it, what it says, and what speaks for that."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.cures import one_of
from sim.errors import InputError
from snn2hw.audio.clip import read_clip
from snn2hw.audio.front import images
from snn2hw.audio.mel_stream import MelFront
from snn2hw.audio.picture import is_picture, read_picture
from snn2hw.train.checkpoint import load_trained, read_checkpoint
from snn2hw.train.relevance import image_answer, image_relevance, read_stream, relevance
from snn2hw.train.stream_data import spoken_clip
from snn2hw.train.stream_fit import answers_to, plain_messages
from snn2hw.train.summary import classes_in

__all__ = ["Look", "look"]

OTHERS = {"network": "a published pair", "mixing": "a denoiser"}
"""What other checkpoints are of, by a field that their recipes alone have."""
LOOKED_AT = "give the model.pt of a streaming network, or of a network of images (scnn, cnn)"
BANDS = {"log-mel": "band", "pcen": "band", "mfcc": "coefficient", "stft": "bin"}
NAMES = {"pcen": "PCEN", "mfcc": "MFCC", "stft": "STFT magnitude"}


@dataclass(frozen=True, eq=False)
class Look:
    """What a network hears (frames or columns, bands), of that what speaks for a class, and how both are drawn."""

    heard: str
    looked_at: str
    shown: NDArray[np.floating]
    found: NDArray[np.floating]
    start: float
    step: float
    """Where the first frame begins, and how far it is to the next, in the unit of ``along``."""
    shows: str
    along: str
    across: str


def look(path: Path, sound: Path, label: str = "", method: str = "gradient") -> Look:
    """Look at what is classified: of a stream the loudest stretch and silence behind it, of an image all of it."""
    values = read_checkpoint(path)
    recipe = values.get("recipe")
    if not isinstance(recipe, Mapping):
        raise InputError(f"{path}: holds no recipe of a network", LOOKED_AT)
    for field, kind in OTHERS.items():
        if field in recipe:
            raise InputError(f"{path}: is {kind}, of which nothing is drawn", LOOKED_AT)
    return _at_image(path, sound, label, method) if "mel" in recipe else _at_stream(path, sound, label, method)


def _at_stream(path: Path, sound: Path, label: str, method: str) -> Look:
    classes = classes_in(path.parent)
    _refuse_unknown(label, classes, path)
    model, recipe = read_stream(path, len(classes))
    clip, first = spoken_clip(read_clip(sound, recipe.front.spectra.rate_hz).samples, recipe)
    messages = plain_messages(clip, recipe)
    best = int(answers_to(model, recipe, messages)[0].argmax())
    chosen = classes.index(label) if label else best
    found = relevance(model, recipe, messages[0], chosen, method)
    front, step_s = recipe.front, recipe.front.spectra.step_s
    shows = _shown_of(front)
    place: dict[str, Any] = {"start": first * step_s, "step": step_s, "shows": shows, "along": "s"}
    shown = messages[0] * front.step_db
    return Look(classes[best], classes[chosen], shown, found, **place, across=BANDS[front.features])


def _shown_of(front: MelFront) -> str:
    """Return in words what a stream's messages are."""
    if front.events:
        return "dB over where events begin"
    return "dB over the mean" if front.features == "log-mel" else f"{NAMES[front.features]} less its mean"


def _at_image(path: Path, sound: Path, label: str, method: str) -> Look:
    trained = load_trained(path)
    recipe, classes = trained.recipe, trained.front.classes
    _refuse_unknown(label, classes, path)
    samples = (read_picture if is_picture(sound) else read_clip)(sound, recipe.mel.rate_hz).samples
    image = images(trained.front, [samples])[0, 0]
    best = int(image_answer(trained.model, recipe, image).argmax())
    chosen = classes.index(label) if label else best
    found = image_relevance(trained.model, recipe, image, chosen, method)
    place: dict[str, Any] = {"start": 0.0, "step": 1.0, "along": "frame, evenly over the clip", "across": "band"}
    shows = f"levels of {recipe.levels}"
    return Look(classes[best], classes[chosen], image.T.astype(np.float32), found.T, **place, shows=shows)


def _refuse_unknown(label: str, classes: tuple[str, ...], path: Path) -> None:
    if label and label not in classes:
        raise InputError(f"--label {label}: no class of {path}", f"choose {one_of(label, classes)}")
