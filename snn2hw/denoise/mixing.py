"""Clean speech and noise, and mixtures of both at a ratio that is asked for."""

from dataclasses import dataclass, field

import numpy as np

from sim.errors import InputError
from snn2hw.audio.noise import Samples, added, stretch

__all__ = ["SNRS_DB", "Mixing", "NoisySpeech", "Pair", "SpeechAndNoise", "drawn", "fixed_pairs"]

SNRS_DB = (0, 5, 10, 15, 20, 30, 40)
"""Ratios at which a denoiser is judged."""
PAIR_S = 3.0
TWO_NOISES = 0.25
"""Share of the training mixtures in which two noises sound."""


@dataclass(frozen=True, eq=False)
class SpeechAndNoise:
    """Clean utterances and noises at one rate, of one part of a corpus."""

    clean: tuple[Samples, ...] = ()
    noise: tuple[Samples, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.clean and self.noise)


@dataclass(frozen=True, eq=False)
class Pair:
    """One mixture and the speech in it; ``snr_db`` is nan where nobody says it."""

    name: str
    noisy: Samples
    clean: Samples
    snr_db: float


@dataclass(frozen=True, eq=False, kw_only=True)
class NoisySpeech:
    """What a denoiser is trained on, and the pairs that it is judged on."""

    name: str
    rate_hz: int
    train: SpeechAndNoise
    validate: tuple[Pair, ...]
    test: tuple[Pair, ...]
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Mixing:
    """How training mixtures are drawn.

    Args:
        seconds: how long each is.
        snr_db: range of the ratio.
        clean: share without any noise.
        level_db: range of the level of the whole.
        tilt_db: standard deviation of a tilt of the noise's spectrum, from end to end.
    """

    seconds: float = 2.0
    snr_db: tuple[float, float] = (-5.0, 45.0)
    clean: float = 0.15
    level_db: tuple[float, float] = (-12.0, 4.0)
    tilt_db: float = 6.0

    def __post_init__(self) -> None:
        lowest, highest = self.snr_db
        if not self.seconds > 0 or not -100 <= lowest <= highest <= 100 or not 0 <= self.clean <= 1:
            what = f"seconds {self.seconds}, snr_db {self.snr_db}, clean {self.clean}"
            raise InputError(what, "keep seconds > 0, a range from low to high, and a share from 0 to 1")


def drawn(
    material: SpeechAndNoise, how: Mixing, rate_hz: int, count: int, random: np.random.Generator
) -> tuple[Samples, Samples]:
    """Return mixtures and the speech in them, both (count, samples)."""
    n = round(how.seconds * rate_hz)
    noisy, clean = np.zeros((count, n), np.float32), np.zeros((count, n), np.float32)
    for i in range(count):
        speech = stretch(material.clean, n, random, repeat=False)
        noise = _tilted(stretch(material.noise, n, random), how.tilt_db, random)
        if random.random() < TWO_NOISES:
            noise = added(noise, stretch(material.noise, n, random), float(random.uniform(-6.0, 12.0)))
        snr_db = float(random.uniform(*how.snr_db))
        mixture = speech if random.random() < how.clean else added(speech, noise, snr_db)
        level = np.float32(10.0 ** (random.uniform(*how.level_db) / 20.0))
        noisy[i], clean[i] = level * mixture, level * speech
    return noisy, clean


def _tilted(sound: Samples, tilt_db: float, random: np.random.Generator) -> Samples:
    """Return the sound with a straight line in decibels laid over its spectrum."""
    slope = float(random.normal()) * tilt_db
    spectrum = np.fft.rfft(sound)
    line = 10.0 ** (np.linspace(-slope / 2, slope / 2, spectrum.size, dtype=np.float32) / 20.0)
    return np.asarray(np.fft.irfft(spectrum * line, sound.size), np.float32)


def fixed_pairs(material: SpeechAndNoise, rate_hz: int, each: int, seed: int) -> tuple[Pair, ...]:
    """Return ``each`` pairs at every ratio of `SNRS_DB`, the same for the same seed; none without material."""
    if not material:
        return ()
    random = np.random.default_rng(seed)
    n = round(PAIR_S * rate_hz)
    pairs = []
    for k in range(each):
        for snr_db in SNRS_DB:
            clean = stretch(material.clean, n, random, repeat=False)
            noisy = added(clean, stretch(material.noise, n, random), snr_db)
            level = np.float32(min(1.0, 0.99 / max(float(np.abs(noisy).max()), 1e-9)))
            pairs.append(Pair(f"{snr_db}dB-{k}", level * noisy, level * clean, float(snr_db)))
    return tuple(pairs)
