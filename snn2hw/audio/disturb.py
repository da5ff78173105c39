"""Variants of training clips, drawn bit for bit from the generator that is handed in. NumPy only.

On samples: `mixed` adds a background at a signal-to-noise ratio, `louder` changes the level. On power spectra, where
training draws a new variant of every clip in every epoch: `disturbed`.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.audio.spectra import Kind, Spectra, bank_of

__all__ = ["Disturbance", "disturbed", "holes", "louder", "mixed", "transposed", "varied"]

WARPS = 29
"""Steps of the vocal tract's range; each has a filter bank of its own."""


@dataclass(frozen=True)
class Disturbance:
    """Ranges that variants are drawn from; all zero leaves a clip as it is.

    Args:
        speed: e-folds a clip may be faster or slower.
        shift: frames it may come earlier or later.
        warp: e-folds the vocal tract may be shorter or longer (VTLP).
        tilt_db: standard deviation of each of four smooth curves over the bands (EQ).
        gain_db: standard deviation of the level.
        noise: share of clips that get noise of a random colour.
        noise_db: its range below the clip's loudest cell.
        mask_bands: widest hole in the bands; two are cut (SpecAugment).
        mask_frames: longest hole in time; two are cut.
        pitch: semitones a clip may be higher or lower, as long as it was; 0 draws nothing.
        background: share of clips that a recorded background is mixed with, where there is one; 0 draws nothing.
        background_db: range of the ratio of a clip to its background.
    """

    speed: float = 0.2
    shift: int = 8
    warp: float = 0.15
    tilt_db: float = 3.0
    gain_db: float = 6.0
    noise: float = 0.3
    noise_db: tuple[float, float] = (15.0, 45.0)
    mask_bands: int = 6
    mask_frames: int = 10
    pitch: float = 0.0
    background: float = 0.0
    background_db: tuple[float, float] = (0.0, 20.0)

    LATER: ClassVar[frozenset[str]] = frozenset({"pitch", "background", "background_db"})
    """Fields that older recipes do not have: at their default they enter none."""

    def __post_init__(self) -> None:
        if not 0 <= self.pitch <= 24:
            raise InputError(f"pitch {self.pitch}: not from 0 to 24 semitones", "0 leaves it as it is")
        if not 0 <= self.background <= 1:
            raise InputError(f"background {self.background}: must be a share from 0 to 1", "0 mixes none in")
        lowest, highest = self.background_db
        if not -100 <= lowest <= highest <= 100:
            what = f"background_db {lowest:g} to {highest:g}"
            raise InputError(what, "go from a low ratio to a high one, from -100 to 100 dB")


def louder(samples: NDArray[np.float32], gain_db: float) -> NDArray[np.float32]:
    """Return the sound at another level."""
    factor = np.float32(10.0 ** (gain_db / 20.0))
    return np.asarray(samples * factor, dtype=np.float32)


def mixed(
    samples: NDArray[np.float32], background: NDArray[np.float32], snr_db: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """Add a random stretch of a background, repeated where it is too short, ``snr_db`` below the sound.

    A sound or a background of no power comes back as it is.
    """
    signal = float(np.mean(samples.astype(np.float64) ** 2)) if samples.size else 0.0
    if not signal or not background.size:
        return samples
    start = int(random.integers(background.size))
    stretch = np.resize(np.roll(background, -start), samples.size).astype(np.float64)
    power = float(np.mean(stretch**2))
    if not power:
        return samples
    scale = np.sqrt(signal / power / 10.0 ** (snr_db / 10.0))
    return np.asarray(samples + scale * stretch, dtype=np.float32)


def disturbed(
    power: NDArray[np.float32],
    lengths: NDArray[np.int64],
    spec: Spectra,
    how: Disturbance,
    random: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return variants of clips in decibels, (n, frames, bands), and which of their frames lie in the clip."""
    mel, inside = varied(power, lengths, spec, how, random)
    return 10.0 * np.log10(mel + spec.floor), inside


def varied(
    power: NDArray[np.float32],
    lengths: NDArray[np.int64],
    spec: Spectra,
    how: Disturbance,
    random: np.random.Generator,
    kind: Kind = "log-mel",
    backgrounds: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the power of variants of clips, (n, frames, values), and which of their frames lie in the clip.

    Args:
        power: |X|^2 of the clips, (n, frames, bins), of which clip i has ``lengths[i]``.
        lengths: frames of each clip.
        spec: how the spectra were made.
        how: the ranges.
        random: draws all of it.
        kind: the features that are made of it, which say what power is summed by.
        backgrounds: |X|^2 of the frames of all recorded backgrounds, one behind the other, (frames, bins).
    """
    if how.pitch:
        power = transposed(power, random.uniform(-how.pitch, how.pitch, len(power)))
    mel = _warped(power, spec, how.warp, random, kind)
    count, frames, wide = mel.shape
    loudest = mel.max(axis=(1, 2), keepdims=True)
    place = np.linspace(-1.0, 1.0, wide)
    curves = np.stack([place, np.cos(np.pi * place), np.sin(np.pi * place), np.cos(2 * np.pi * place)])
    tilt = (random.normal(size=(count, 4)) * how.tilt_db) @ curves + random.normal(size=(count, 1)) * how.gain_db
    mel = mel * 10.0 ** (tilt[:, None, :] / 10.0)
    mel, inside = _moved(mel, lengths, how, random)
    if how.background and backgrounds is not None:
        mel = mel + _behind(mel, inside, how, random, backgrounds, bank_of(spec, kind))
    snr = random.uniform(*how.noise_db, (count, 1, 1))
    colour = 10.0 ** (random.normal(size=(count, 1, 1)) * 0.5 * place)
    grain = 0.5 + 0.5 * random.exponential(size=(count, frames, wide))
    noisy = random.random((count, 1, 1)) < how.noise
    return mel + noisy * loudest * 10.0 ** (-snr / 10.0) * colour * grain, inside


def _behind(
    mel: NDArray[np.float64],
    inside: NDArray[np.bool_],
    how: Disturbance,
    random: np.random.Generator,
    backgrounds: NDArray[np.float32],
    bank: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return what is behind each clip: a stretch of the backgrounds at a ratio of powers, or nothing."""
    count, frames, _ = mel.shape
    first = random.integers(len(backgrounds), size=(count, 1))
    ratio_db = random.uniform(*how.background_db, count)
    mixed = random.random(count) < how.background
    found: NDArray[np.float64] = (backgrounds[(first + np.arange(frames)) % len(backgrounds)] @ bank.T).astype(float)
    signal, noise = ((x.sum(axis=2) * inside).sum(axis=1) for x in (mel, found))
    heard = mixed & (noise > 0)
    gain = np.where(heard, signal / np.where(heard, noise, 1.0) / 10.0 ** (ratio_db / 10.0), 0.0)
    return gain[:, None, None] * found


def transposed(power: NDArray[np.float32], semitones: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return clips higher by so many semitones, each as long and with as much power as it had; (n, frames, bins).

    What was at f is at f r, r = 2^(semitones / 12), between bins as a line and over r; what leaves the top is gone.
    """
    bins = power.shape[-1]
    result = np.zeros_like(power)
    for clip, place, higher in zip(power, result, semitones, strict=True):
        ratio = 2.0 ** (higher / 12.0)
        at = np.arange(bins) / ratio
        first = np.minimum(np.floor(at).astype(np.int64), bins - 1)
        share = (at - first).astype(np.float32)
        after = np.where(first + 1 < bins, clip[:, np.minimum(first + 1, bins - 1)], np.float32(0))
        line = clip[:, first] * (1 - share) + after * share
        place[:] = np.where(at <= bins - 1, line, np.float32(0)) / np.float32(ratio)
    return result


def _warped(
    power: NDArray[np.float32], spec: Spectra, most: float, random: np.random.Generator, kind: Kind
) -> NDArray[np.float64]:
    """Return summed power, every clip through a vocal tract of its own."""
    steps = random.integers(-(WARPS // 2), WARPS // 2 + 1, len(power))
    banks = np.stack([bank_of(spec, kind, float(np.exp(most * 2 * k / (WARPS - 1)))) for k in steps])
    mel: NDArray[np.float64] = np.matmul(power, banks.transpose(0, 2, 1).astype(np.float32)).astype(np.float64)
    return mel


def _moved(
    mel: NDArray[np.float64], lengths: NDArray[np.int64], how: Disturbance, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Play every clip faster or slower about its middle, and earlier or later, between its frames as a line."""
    count, frames, _ = mel.shape
    speed = np.exp(random.uniform(-how.speed, how.speed, (count, 1)))
    moved = random.uniform(-how.shift, how.shift, (count, 1))
    long = lengths[:, None]
    start = (long - long / speed) / 2 + moved
    at = (np.arange(frames) - start) * speed
    inside = (at >= 0) & (at <= long - 1)
    first = np.clip(np.floor(at), 0, np.maximum(long - 2, 0)).astype(np.int64)
    share = np.clip(at - first, 0, 1)[..., None]
    rows = np.arange(count)[:, None]
    result = mel[rows, first] * (1 - share) + mel[rows, np.minimum(first + 1, frames - 1)] * share
    return result * inside[..., None], inside


def holes(values: NDArray[np.float64], how: Disturbance, random: np.random.Generator) -> NDArray[np.float64]:
    """Cut two bands of frequencies and two stretches of time out of every clip, (n, frames, bands): they become 0."""
    count, frames, bands = values.shape
    keep = np.ones(values.shape, bool)
    for axis, size, widest in ((2, bands, how.mask_bands), (1, frames, how.mask_frames)):
        for _ in range(2):
            start = random.integers(0, size, (count, 1))
            width = random.integers(0, widest + 1, (count, 1))
            place = np.arange(size)
            hole = (place >= start) & (place < start + width)
            keep &= ~(hole[:, None, :] if axis == 2 else hole[:, :, None])
    return np.where(keep, values, 0.0)
