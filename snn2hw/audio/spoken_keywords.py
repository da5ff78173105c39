"""Twelve classes of keyword spotting that need no download: ten commands, other words, and noise by formula.

Every clip lasts a second: a word of a synthetic voice somewhere in faint noise, or such noise alone, so that neither
the length of a clip nor the level of its noise says its class. It is split by voice, and the same to the sample every
time. It stands in for recorded commands in demos and smoke tests; an accuracy on it says nothing about people.
"""

import numpy as np
from numpy.typing import NDArray

from sim.cures import one_of
from sim.errors import InputError
from snn2hw.audio.clip import resample, trimmed
from snn2hw.audio.corpus import Corpus
from snn2hw.audio.digits import TEST_SHARE, WORDS, speaking_voices
from snn2hw.audio.espeak import RATE_HZ, Utterance, speak
from snn2hw.audio.noise import coloured_noise
from snn2hw.audio.speech_commands import KEYWORDS, SILENCE, UNKNOWN

__all__ = ["COMMANDS", "OTHERS", "QUIET_DB", "in_a_second", "spoken_keywords"]

COMMANDS = {
    "en": KEYWORDS[:10],
    "ru": ("да", "нет", "вверх", "вниз", "влево", "вправо", "включи", "выключи", "стоп", "вперёд"),
}
"""The words that are told apart, by language."""
OTHERS = {
    "en": (*WORDS["en"], "bed", "bird", "cat", "dog", "happy", "house", "marvin", "sheila", "tree", "wow"),
    "ru": (*WORDS["ru"], "дом", "кошка", "собака", "дерево", "птица", "кровать", "книга", "окно", "вода", "весело"),
}
"""The words that are none of them."""

VALIDATE_SHARE = 10
QUIET_DB = (-60.0, -34.0)
"""Range of the noise's level, below full scale."""
SLOPES = (-2.0, 0.5)
"""Range of its colour."""


def spoken_keywords(language: str, rate_hz: int, takes: int = 3, seed: int = 0) -> Corpus:
    """Synthesise ``takes`` clips of every class by every voice, each word at its own rate, pitch and intonation.

    Every fifth voice is for testing, and one of ten for validation.
    """
    if language not in COMMANDS:
        raise InputError(f"no keywords in {language!r}", f"choose {one_of(language, COMMANDS)}")
    voices, classes = speaking_voices(), (*COMMANDS[language], UNKNOWN, SILENCE)
    plan = [
        (number, voice, label, take)
        for number, voice in enumerate(voices)
        for label in range(len(classes))
        for take in range(takes)
    ]
    others = OTHERS[language]
    words = [
        classes[label] if label < len(classes) - 2 else others[(number * takes + take) % len(others)]
        for number, _, label, take in plan
    ]
    random = np.random.default_rng(seed)
    manner = random.integers((140, 25, 20), (240, 80, 80), size=(len(plan), 3)).tolist()
    level = random.uniform(0.3, 0.9, len(plan))
    noise_db = random.uniform(*QUIET_DB, len(plan))
    heard = [k for k, (_, _, label, _) in enumerate(plan) if classes[label] != SILENCE]
    said = iter(speak([Utterance(words[k], f"{language}+{plan[k][1]}", *manner[k]) for k in heard]))
    parts = {voice: _part(number) for number, voice in enumerate(voices)}
    samples = []
    for k, (_, _, label, _) in enumerate(plan):
        word = np.zeros(0, np.float32) if classes[label] == SILENCE else next(said)
        own = np.random.default_rng((seed, k))
        samples.append(in_a_second(word, rate_hz, float(level[k]), float(noise_db[k]), own))
    return Corpus(
        name=f"keywords-{language}",
        classes=classes,
        rate_hz=rate_hz,
        samples=tuple(samples),
        labels=np.array([label for _, _, label, _ in plan]),
        speakers=tuple(voice for _, voice, _, _ in plan),
        parts=tuple(parts[voice] for _, voice, _, _ in plan),
        names=tuple(
            f"{'silence' if classes[label] == SILENCE else words[k]}_{voice}_{take}"
            for k, (_, voice, label, take) in enumerate(plan)
        ),
    )


def _part(voice: int) -> str:
    if voice % TEST_SHARE == TEST_SHARE - 1:
        return "test"
    return "validate" if voice % VALIDATE_SHARE == 0 else "train"


def in_a_second(
    word: NDArray[np.float32], rate_hz: int, peak: float, noise_db: float | None, random: np.random.Generator
) -> NDArray[np.float32]:
    """Return a second of noise (None: none) that holds a word, without its silent ends, at a random place.

    A word of more than a second loses its end; one of no samples leaves the noise alone.
    """
    clip = np.zeros(rate_hz, np.float32)
    if word.size:
        spoken = resample(trimmed(word, RATE_HZ), RATE_HZ, rate_hz)[:rate_hz]
        spoken = spoken * np.float32(peak / np.abs(spoken).max())
        first = int(random.integers(rate_hz - spoken.size + 1))
        clip[first : first + spoken.size] = spoken
    if noise_db is None:
        return clip
    noise = coloured_noise(rate_hz, float(random.uniform(*SLOPES)), random) * 10.0 ** (noise_db / 20.0)
    heard: NDArray[np.float32] = np.clip(clip + noise.astype(np.float32), -1.0, 1.0)
    return heard
