"""The data set that needs no download: ten digits in English or Russian, spoken by many synthetic voices.

It is split by voice, never by take: a test voice has not been heard. It stands in for real speech in demos and smoke
tests; an accuracy on it says nothing about people.
"""

import re

import numpy as np
from numpy.typing import NDArray

from sim.cures import one_of
from sim.errors import InputError
from snn2hw.audio.clip import resample
from snn2hw.audio.corpus import Corpus
from snn2hw.audio.espeak import RATE_HZ, Utterance, speak, voice_variants

__all__ = ["WORDS", "spoken_digits", "trimmed"]

WORDS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "ru": ("ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять"),
}

UNLIKE_SPEECH = re.compile(r"whisper|whisperf|Demonic|croak|UniRobot|anikaRobot|robosoft\d?|klatt6|Tweaky")
"""Variants without a voice, or with a machine's."""

CORPUS_HZ = 8000
TEST_SHARE = 5
"""Every fifth voice is for testing."""


def spoken_digits(language: str = "en", takes: int = 3, seed: int = 0) -> Corpus:
    """Synthesise ``takes`` of every digit by every voice, each at its own rate, pitch and intonation."""
    if language not in WORDS:
        raise InputError(f"no digits in {language!r}", f"choose {one_of(language, WORDS)}")
    voices = [voice for voice in voice_variants() if not UNLIKE_SPEECH.fullmatch(voice)]
    plan = [(voice, digit, take) for voice in voices for digit in range(len(WORDS[language])) for take in range(takes)]
    random = np.random.default_rng(seed)
    manner = random.integers((110, 25, 20), (240, 80, 80), size=(len(plan), 3)).tolist()
    level = random.uniform(0.3, 0.95, len(plan))
    spoken = speak(
        [
            Utterance(WORDS[language][digit], f"{language}+{voice}", *how)
            for (voice, digit, _), how in zip(plan, manner, strict=True)
        ]
    )
    tested = set(voices[TEST_SHARE - 1 :: TEST_SHARE])
    return Corpus(
        name=f"digits-{language}",
        classes=WORDS[language],
        rate_hz=CORPUS_HZ,
        samples=tuple(_clip(word, float(peak)) for word, peak in zip(spoken, level, strict=True)),
        labels=np.array([digit for _, digit, _ in plan]),
        speakers=tuple(voice for voice, _, _ in plan),
        parts=tuple("test" if voice in tested else "train" for voice, _, _ in plan),
        names=tuple(f"{digit}_{voice}_{take}" for voice, digit, take in plan),
    )


def _clip(spoken: NDArray[np.float32], peak: float) -> NDArray[np.float32]:
    """Return a word at the corpus's rate, without silent ends, its loudest sample at ``peak``."""
    samples = resample(trimmed(spoken, RATE_HZ), RATE_HZ, CORPUS_HZ)
    return samples * np.float32(peak / np.abs(samples).max())


def trimmed(samples: NDArray[np.float32], rate_hz: int, quiet_db: float = -40.0) -> NDArray[np.float32]:
    """Cut both ends where 10 ms are ``quiet_db`` below the loudest 10 ms, keeping 10 ms of margin."""
    block = rate_hz // 100
    count = samples.size // block
    if count == 0:
        return samples
    power = np.square(samples[: count * block].reshape(count, block), dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (quiet_db / 10))
    if not loud.size:
        return samples
    return samples[max(0, loud[0] - 1) * block : (loud[-1] + 2) * block]
