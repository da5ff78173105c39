"""From a corpus to the clips a streaming network learns from, and the usual recipe of every task. No torch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.audio.corpus import Corpus, Split, holdout, parted
from snn2hw.audio.disturb import Disturbance
from snn2hw.audio.mel_stream import MelFront
from snn2hw.audio.spectra import Spectra, bank_of, frames_of, loudest_stretch, power_of, values_in
from snn2hw.models.stream import STREAMS
from snn2hw.models.xylo import BANDS, EVENTS
from snn2hw.train.memory import refuse_clips
from snn2hw.train.stream_recipe import WHOLE, Kind, StreamRecipe

__all__ = [
    "RATED",
    "STREAMED",
    "Spoken",
    "background_power",
    "centred",
    "frames_in",
    "spoken",
    "spoken_clip",
    "stream_recipe_for",
    "stream_split",
]

SOUND_TASKS = ("esc", "esc10", "esc50", "urbansound8k")
"""Corpora of sounds that are no speech."""
RATED = ("folder", "csv", *SOUND_TASKS)
"""Corpora whose sounds are heard at any rate that is asked for."""
STREAMED = ("keywords", "keywords-ru", "speech-commands", *SOUND_TASKS, "audiomnist", "timit")
"""Corpora that only the streaming network is trained on."""

BELOW_DB = 15.0
"""How far under the mean of its band a sound begins to make events."""

SPREAD = 10
"""Messages that are one standard deviation of features without a unit: about what decibels of bands have."""

SPOKEN_16K = Spectra()
SPOKEN_8K = Spectra(rate_hz=8000, window=200, hop=100, highest_hz=3900.0)
SOUNDS = Spectra(rate_hz=22050, window=1024, hop=1024, bands=48, lowest_hz=50.0, highest_hz=10500.0)


@dataclass(frozen=True, eq=False)
class Spoken:
    """Clips as power spectra (n, frames, bins), the frames each of them has, and its class."""

    power: NDArray[np.float32]
    lengths: NDArray[np.int64]
    labels: NDArray[np.int64]

    def part(self, chosen: NDArray[np.integer]) -> "Spoken":
        """Return some of the clips."""
        return Spoken(self.power[chosen], self.lengths[chosen], self.labels[chosen])


def stream_recipe_for(task: str, model: str = "snn") -> StreamRecipe:
    """Return what is usual for a corpus and a kind of network; those that answer once hear whole utterances."""
    usual = replace(_usual_for(task), model=cast("Kind", model))
    if model == "xylo":
        return _for_xylo(usual)
    if model not in WHOLE:
        return usual
    return replace(usual, front=replace(usual.front, mean="utterance"), mixup=0.3, epochs=45, rate=3e-3)


def _for_xylo(usual: StreamRecipe) -> StreamRecipe:
    """Return what differs on a Xylo chip: 16 bands, 0 to 15 events of 3 dB in each, and variants that are milder."""
    spectra = replace(usual.front.spectra, bands=BANDS)
    front = replace(usual.front, spectra=spectra, step_db=3.0, limit=EVENTS, events=True, mean="none")
    how = Disturbance(speed=0.1, shift=6, warp=0.06, tilt_db=1.5, gain_db=2.0, noise=0.0, mask_bands=1, mask_frames=4)
    return replace(usual, front=front, how=how, temperature=8.0, rate=8e-3, decay=1e-3, epochs=24)


def _usual_for(task: str) -> StreamRecipe:
    if task in SOUND_TASKS:
        how = Disturbance(
            speed=0.15, shift=20, warp=0.12, tilt_db=2.0, gain_db=3.0, noise=0.0, mask_bands=8, mask_frames=16
        )
        front = MelFront(SOUNDS, prior=54, memory=216)
        layout = STREAMS["medium-slow"]
        return StreamRecipe(
            task=task, layout=layout, front=front, how=how, frames=107, epochs=40, batch=32, rate=4e-3, validation=0.0
        )
    if task == "timit":  # a phone lasts a few frames
        how = Disturbance(
            speed=0.1, shift=1, warp=0.1, tilt_db=2.0, gain_db=3.0, noise=0.0, mask_bands=4, mask_frames=1
        )
        return StreamRecipe(task=task, front=MelFront(SPOKEN_16K, mean="none"), how=how, frames=16, epochs=20)
    how = Disturbance(gain_db=3.0, noise=0.0)
    if task in ("keywords", "keywords-ru", "speech-commands", "audiomnist"):
        front = MelFront(replace(SPOKEN_16K, floor=1e-6))
        return StreamRecipe(task=task, front=front, how=how, frames=79, epochs=40, rate=4e-3)
    front, layout = MelFront(SPOKEN_8K, prior=16), STREAMS["small"]
    return StreamRecipe(task=task, layout=layout, front=front, how=how, frames=80, epochs=30, validation=0.0)


def frames_in(spec: Spectra, seconds: float) -> int:
    """Return the whole frames of so many seconds.

    >>> frames_in(Spectra(), 1.0)
    79
    """
    if not 0 < seconds * spec.rate_hz < float("inf"):
        raise InputError(f"seconds {seconds:g}", "give a number of seconds above 0")
    count = spec.count(round(seconds * spec.rate_hz))
    if not count:
        what = f"seconds {seconds:g}: no frame of {spec.window} samples, {1000 * spec.window / spec.rate_hz:.3g} ms"
        raise InputError(what, "ask for more")
    refuse_clips(1, count * (spec.bins // 2 + 1))
    return count


def stream_split(corpus: Corpus, recipe: StreamRecipe, *, speaker: str = "", fold: str = "") -> Split:
    """Return the official parts, or one speaker or fold left out; where there is no validation part, a share."""
    return holdout(corpus, parted(corpus, speaker, fold), recipe.validation, recipe.seed)


def spoken(corpus: Corpus, recipe: StreamRecipe) -> Spoken:
    """Return the spectra of all clips; of one that is longer than ``frames``, its loudest stretch."""
    spec, most = recipe.front.spectra, recipe.frames
    if corpus.pictures:
        raise InputError(f"{corpus.name}: pictures, and a stream hears sounds", "leave --stream out")
    if corpus.rate_hz != spec.rate_hz:
        raise InputError(f"corpus at {corpus.rate_hz} Hz, features at {spec.rate_hz} Hz", "read it at that rate")
    refuse_clips(len(corpus), most * (spec.bins // 2 + 1))
    power = np.zeros((len(corpus), most, spec.bins // 2 + 1), np.float32)
    lengths = np.zeros(len(corpus), np.int64)
    for i, samples in enumerate(corpus.samples):
        rows, _ = loudest_stretch(samples, spec, most)
        power[i, : len(rows)], lengths[i] = rows, len(rows)
    return Spoken(power, lengths, corpus.labels)


def spoken_clip(samples: NDArray[np.float32], recipe: StreamRecipe) -> tuple[Spoken, int]:
    """Return one sound as `spoken` makes it of a corpus, its class 0, and the frame of the sound that it begins at."""
    spec, most = recipe.front.spectra, recipe.frames
    rows, first = loudest_stretch(samples, spec, most)
    power = np.zeros((1, most, rows.shape[1]), np.float32)
    power[0, : len(rows)] = rows
    return Spoken(power, np.array([len(rows)]), np.zeros(1, np.int64)), first


def background_power(sounds: Sequence[NDArray[np.floating]], spec: Spectra) -> NDArray[np.float32]:
    """Return the power of the frames of sounds, one sound behind the other, (frames, bins)."""
    rows = [power_of(frame, spec) for sound in sounds for frame in frames_of(sound, spec)]
    if not rows:
        raise InputError("backgrounds: none is as long as a window", "give longer sounds")
    return np.asarray(rows, np.float32)


def centred(recipe: StreamRecipe, learnt: Spoken) -> StreamRecipe:
    """Return the recipe with the mean of the training clips, per band, as where the running mean begins.

    Where messages are events, they count from `BELOW_DB` under that mean. Of features that are no decibels of bands a
    message is a share of how far they spread over the training clips, `SPREAD` to a standard deviation.
    """
    front = recipe.front
    mel = np.matmul(learnt.power.astype(np.float64), bank_of(front.spectra, front.features).T)
    inside = np.arange(learnt.power.shape[1]) < learnt.lengths[:, None]
    values = values_in(mel, inside, front.spectra, front.features, front.coefficients)[inside]
    below, centre = BELOW_DB if front.events else 0.0, values.mean(0)
    if front.features == "log-mel":
        return replace(recipe, front=replace(front, centre_db=tuple(np.round(centre - below, 2).tolist())))
    step = float(f"{max(float((values - centre).std()), 1e-6) / SPREAD:.3g}")
    moved = replace(front, centre_db=tuple(np.round(centre, 6).tolist()), step_db=step)
    return replace(recipe, front=moved, unit_db=recipe.unit_db * step)
