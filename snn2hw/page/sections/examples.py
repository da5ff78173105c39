"""What does it answer? A few samples: the picture that was fed, the sound where there is one, the scores."""

import base64
import io
import wave
from math import prod

import numpy as np
from numpy.typing import NDArray

from snn2hw.codec.decode import decode
from snn2hw.page.dossier import BarChart, Example, Mark, NotRun, PictureChart, Section, View
from snn2hw.page.material import Material, Sounding
from snn2hw.page.observed import Seen

__all__ = ["examples_section", "wav_of"]

MOST_SIDE = 128
"""Cells of a picture in each direction; of larger ones the greatest value of each block is drawn."""
MOST_SCORES = 12
LONGEST_S = 4.0
"""Seconds of a sound that the page holds."""
SOUND_HZ = 16_000
"""The highest rate of a sound that the page holds."""


def examples_section(material: Material) -> Section:
    """Return the samples that were drawn."""
    title, question = "Examples", "What does it answer?"
    if not material.seen:
        how = f"snn2hw report {material.program_file} X.npz -o report.html"
        missing = NotRun("Samples of the input", "No input was given.", how)
        return Section("examples", title, question, missing=(missing,))
    examples = tuple(_example(material, i, seen) for i, seen in enumerate(material.seen))
    heard = any(example.sound for example in examples)
    how = f"snn2hw report {material.program_file} SOUND.wav -o report.html"
    carried = "" if material.purpose.front is not None else " It takes a program that carries its front end."
    why = f"Only a raster was given, which cannot be turned back into sound.{carried}"
    no_sound = NotRun("Samples to listen to", why, how)
    said = [f"The first {len(examples)} samples, as the program was fed them and as it answered."]
    if not material.classes:
        said.append("What its outputs stand for is not on record: they are called by their numbers.")
    return Section(
        "examples", title, question, said=tuple(said), missing=() if heard else (no_sound,), examples=examples
    )


def _example(material: Material, index: int, seen: Seen) -> Example:
    scores = decode(seen.output[None].astype(np.float64), material.decoder)[0]
    names = material.classes or tuple(f"output {i}" for i in range(len(scores)))
    answer = names[int(scores.argmax())] if len(scores) > 1 else None
    label = material.labels[index] if index < len(material.labels) else None
    sound = material.sounds[index] if index < len(material.sounds) else None
    best = np.argsort(-scores, kind="stable")[:MOST_SCORES]
    marks = tuple(
        Mark(names[i], float(scores[i]), "answer" if names[i] == answer else "others") for i in sorted(best.tolist())
    )
    chart = BarChart(
        id=f"examples.scores.{index}",
        title=f"Scores, by {material.decoder} of the output over time",
        said=f"Highest: {answer}." if answer else "",
        form="number",
        marks=marks,
        groups=("answer", "others"),
    )
    return Example(
        id=f"examples.{index}",
        title=seen.name,
        label=label,
        answer=answer,
        right=None if label is None or answer is None else label == answer,
        picture=_picture(material, index, seen),
        scores=chart,
        sound=None if sound is None else wav_of(sound),
        seconds=None if sound is None else len(sound.samples) / sound.rate_hz,
    )


def _picture(material: Material, index: int, seen: Seen) -> PictureChart:
    plane, x_label, y_label = _plane(seen.raster)
    if material.purpose.front is not None:
        x_label, y_label = "frame", "band"
    small = _reduced(plane)
    height, width = small.shape
    data = {"width": width, "height": height, "values": [round(float(v), 3) for v in small.reshape(-1)]}
    return PictureChart(
        id=f"examples.picture.{index}",
        title=f"Input: {x_label} by {y_label}",
        said=f"{plane.shape[1]} by {plane.shape[0]} values from {plane.min():g} to {plane.max():g}.",
        x_label=x_label,
        y_label=y_label,
        views=(View({}, data),),
    )


def _plane(raster: NDArray[np.integer]) -> tuple[NDArray[np.float64], str, str]:
    """Return a raster (T, *shape) as one plane: channels over steps, or an image summed over channels and steps."""
    steps, *shape = raster.shape
    sides = [n for n in shape if n > 1]
    if len(sides) <= 1:
        return raster.reshape(steps, prod(shape)).T.astype(np.float64), "step", "channel"
    image = raster.reshape(steps, -1, *sides[-2:]).astype(np.float64).sum(axis=1).mean(axis=0)
    return image, "column", "row"


def _reduced(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the plane, or of each block of a large one the value that is farthest from 0."""
    down, across = (-(-n // MOST_SIDE) for n in plane.shape)
    if down == across == 1:
        return plane
    padded = np.pad(plane, ((0, -plane.shape[0] % down), (0, -plane.shape[1] % across)))
    blocks = padded.reshape(padded.shape[0] // down, down, -1, across)
    greatest, least = blocks.max(axis=(1, 3)), blocks.min(axis=(1, 3))
    farthest: NDArray[np.float64] = np.where(greatest >= -least, greatest, least)
    return farthest


def wav_of(sound: Sounding) -> str:
    """Return a sound as a WAV file of 16 bit in base64: its first seconds, at no more than `SOUND_HZ`."""
    every = -(-sound.rate_hz // SOUND_HZ)
    kept = sound.samples[: round(LONGEST_S * sound.rate_hz)]
    usable = len(kept) - len(kept) % every
    thinned = kept[:usable].reshape(-1, every).mean(axis=1)
    made = io.BytesIO()
    with wave.open(made, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(sound.rate_hz // every)
        out.writeframes((np.clip(thinned, -1, 1) * 32767).round().astype("<i2").tobytes())
    return base64.b64encode(made.getvalue()).decode("ascii")
