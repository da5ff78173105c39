"""The data set that needs no download: ten digits in English or Russian, spoken by many synthetic voices.

It is split by voice, never by take: a test voice has not been heard. It stands in for real speech in demos and smoke
tests; an accuracy on it says nothing about people.
"""

import re

import numpy as np
from numpy.typing import NDArray

from sim.cures import one_of
from sim.errors import InputError
from snn2hw.audio.clip import resample, trimmed
from snn2hw.audio.corpus import Corpus
from snn2hw.audio.espeak import RATE_HZ, Utterance, speak, voice_variants

__all__ = ["ACCENTS", "WORDS", "speaking_voices", "spoken_digits"]

WORDS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "ru": ("ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять"),
}

ACCENTS = ("en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-us-nyc")
"""English as it is spoken in several places."""

UNLIKE_SPEECH = re.compile(r"whisper|whisperf|Demonic|croak|UniRobot|anikaRobot|robosoft\d?|klatt6|Tweaky")
"""Variants without a voice, or with a machine's."""

CORPUS_HZ = 8000
TEST_SHARE = 5
"""Every fifth voice is for testing."""


def speaking_voices() -> list[str]:
    """Return the voice variants that speak, not whisper or croak, and say the same thing twice."""
    return [voice for voice in voice_variants() if not UNLIKE_SPEECH.fullmatch(voice)]


def spoken_digits(
    language: str = "en", takes: int = 3, seed: int = 0, *, accents: tuple[str, ...] = (), rate_hz: int = CORPUS_HZ
) -> Corpus:
    """Synthesise ``takes`` of every digit by every voice, each at its own rate, pitch and intonation.

    Of ``accents`` of the language every voice speaks as many as there are takes, one after the other.
    """
    if language not in WORDS:
        raise InputError(f"no digits in {language!r}", f"choose {one_of(language, WORDS)}")
    voices = speaking_voices()
    plan = [(voice, digit, take) for voice in voices for digit in range(len(WORDS[language])) for take in range(takes)]
    random = np.random.default_rng(seed)
    manner = random.integers((110, 25, 20), (240, 80, 80), size=(len(plan), 3)).tolist()
    level = random.uniform(0.3, 0.95, len(plan))
    heard = tuple(_accent(accents or (language,), voices.index(voice) + take) for voice, _, take in plan)
    spoken = speak(
        [
            Utterance(WORDS[language][digit], f"{accent}+{voice}", *how)
            for (voice, digit, _), accent, how in zip(plan, heard, manner, strict=True)
        ]
    )
    tested = set(voices[TEST_SHARE - 1 :: TEST_SHARE])
    return Corpus(
        name=f"digits-{language}" + ("-accents" if accents else ""),
        classes=WORDS[language],
        rate_hz=rate_hz,
        samples=tuple(_clip(word, float(peak), rate_hz) for word, peak in zip(spoken, level, strict=True)),
        labels=np.array([digit for _, digit, _ in plan]),
        speakers=tuple(voice for voice, _, _ in plan),
        parts=tuple("test" if voice in tested else "train" for voice, _, _ in plan),
        names=tuple(f"{digit}_{voice}_{take}" for voice, digit, take in plan),
        columns={"accent": heard} if accents else {},
    )


def _accent(accents: tuple[str, ...], number: int) -> str:
    return accents[number % len(accents)]


def _clip(spoken: NDArray[np.float32], peak: float, rate_hz: int) -> NDArray[np.float32]:
    """Return a word at the rate of its corpus, without silent ends, its loudest sample at ``peak``."""
    samples = resample(trimmed(spoken, RATE_HZ), RATE_HZ, rate_hz)
    return samples * np.float32(peak / np.abs(samples).max())
