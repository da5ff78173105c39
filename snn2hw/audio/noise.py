"""Noise by formula, drawn from the generator that is handed in, and mixtures at a ratio. NumPy only.

x = s + g n        g = sqrt(sum s^2 / sum n^2 / 10^(SNR / 10))
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Samples", "added", "coloured_noise", "in_noise", "stretch"]

Samples = NDArray[np.float32]
PINK = -1.0


def coloured_noise(n: int, slope: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Return noise of power 1 whose power falls as f^slope: 0 white, -1 pink, -2 brown."""
    spectrum = np.fft.rfft(random.normal(size=n))
    shape = np.maximum(np.arange(spectrum.size), 1.0) ** (slope / 2)
    noise: NDArray[np.float64] = np.fft.irfft(spectrum * shape, n)
    noise /= np.sqrt(np.mean(np.square(noise)))
    return noise


def added(clean: Samples, noise: Samples, snr_db: float) -> Samples:
    """Return the mixture of both, as long as the speech; silence on either side leaves the speech as it is."""
    signal, power = (float(np.square(x, dtype=np.float64).sum()) for x in (clean, noise))
    if not signal or not power:
        return clean
    gain = np.sqrt(signal / power / 10.0 ** (snr_db / 10.0))
    return np.asarray(clean + np.float32(gain) * noise, np.float32)


def stretch(sounds: Sequence[Samples], n: int, random: np.random.Generator, *, repeat: bool = True) -> Samples:
    """Return a random stretch of a random sound; one that is too short is repeated, or ends in silence."""
    sound = sounds[int(random.integers(len(sounds)))]
    if repeat:
        return np.resize(np.roll(sound, -int(random.integers(sound.size))), n)
    start = int(random.integers(max(1, sound.size - n + 1)))
    part = sound[start : start + n]
    return np.pad(part, (0, n - part.size))


def in_noise(clips: Sequence[Samples], snr_db: float, sounds: Sequence[Samples], seed: int) -> list[Samples]:
    """Return every clip in noise: a stretch of one of the sounds, or pink noise where there are none.

    What a clip is mixed with depends on ``seed`` and its place among the clips alone.
    """
    found = []
    for i, clip in enumerate(clips):
        random = np.random.default_rng((seed, i))
        noise = stretch(sounds, clip.size, random) if sounds else coloured_noise(clip.size, PINK, random)
        found.append(added(clip, np.asarray(noise, np.float32), snr_db))
    return found
