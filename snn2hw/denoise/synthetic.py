"""Voices of eSpeak NG and noises by formula: a denoiser can be trained, run and judged with no download.

An accuracy on it says nothing about people. The parts share no voice and no noise's random numbers.
"""

import numpy as np

from snn2hw.audio.clip import resample, trimmed
from snn2hw.audio.digits import WORDS, speaking_voices
from snn2hw.audio.espeak import RATE_HZ, Utterance, speak
from snn2hw.audio.noise import Samples, coloured_noise
from snn2hw.denoise.mixing import NoisySpeech, SpeechAndNoise, fixed_pairs

__all__ = ["synthetic_noisy"]

VOICES = 24
SENTENCE = 7
"""Words of an utterance."""
NOISE_S = 6.0


def synthetic_noisy(rate_hz: int, seed: int = 0) -> NoisySpeech:
    """Return utterances of many voices, and noises of every kind that `coloured_noise` makes."""
    voices = speaking_voices()[:VOICES]
    random = np.random.default_rng(seed)
    words = WORDS["en"]
    said = [" ".join(words[int(k)] for k in random.integers(0, len(words), SENTENCE)) for _ in range(2 * len(voices))]
    spoken = speak([Utterance(text, f"en+{voices[k // 2]}", rate=150) for k, text in enumerate(said)])
    clean = [_levelled(resample(trimmed(sound, RATE_HZ), RATE_HZ, rate_hz), 0.05) for sound in spoken]
    parts = []
    for part in range(3):
        mine = tuple(sound for k, sound in enumerate(clean) if max(0, k // 2 % 6 - 3) == part)  # of six voices: 4, 1, 1
        parts.append(SpeechAndNoise(mine, tuple(_noises(rate_hz, np.random.default_rng((seed, part))))))
    train, judged, test = parts
    return NoisySpeech(
        name="synthetic voices",
        rate_hz=rate_hz,
        train=train,
        validate=fixed_pairs(judged, rate_hz, 2, 2),
        test=fixed_pairs(test, rate_hz, 2, 1),
    )


def _noises(rate_hz: int, random: np.random.Generator) -> list[Samples]:
    n = round(NOISE_S * rate_hz)
    still = [coloured_noise(n, slope, random) for slope in (0.0, -1.0, -2.0, 1.0)]
    t = np.arange(n) / rate_hz
    hum = sum(np.sin(2 * np.pi * 50 * k * t + random.uniform(0, 2 * np.pi)) / k for k in range(1, 12))
    swell = coloured_noise(n, -1.0, random) * (0.1 + np.square(np.sin(2 * np.pi * 0.7 * t + random.uniform(0, 6))))
    clicks = coloured_noise(n, 0.0, random) * (random.random(n) < 20 / rate_hz)
    crackle = np.convolve(clicks, np.exp(-np.arange(400) / 60))[:n]
    return [_levelled(np.asarray(noise, np.float32), 0.03) for noise in (*still, hum, swell, crackle)]


def _levelled(sound: Samples, rms: float) -> Samples:
    power = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    return np.asarray(sound * np.float32(rms / max(power, 1e-9)), np.float32)
