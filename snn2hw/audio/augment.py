"""Other voices, other rooms: variants of a training clip, and holes cut into its image.

A variant is the clip played faster or slower (time and pitch move together), with its ends cut or padded, in noise, and
heard through a stretched mel axis (another vocal tract). Every number is drawn from the generator that is handed in.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn2hw.audio.clip import resample
from snn2hw.audio.logmel import LogMel, decibels

__all__ = ["Augmentation", "masked", "shifted", "variant"]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Ranges that variants are drawn from; all zero leaves the clip as it is."""

    speed: float = 0.18
    warp: float = 0.14
    ends: float = 0.10
    noisy: float = 0.5
    noise_db: tuple[float, float] = (10.0, 40.0)
    mask: int = 5
    shift: int = 2


def variant(
    samples: NDArray[np.float32], spec: LogMel, how: Augmentation, random: np.random.Generator
) -> NDArray[np.float32]:
    """Return the log-mel image, in decibels, of one variant of the clip."""
    speed = float(np.exp(random.uniform(-how.speed, how.speed)))
    warp = float(np.exp(random.uniform(-how.warp, how.warp)))
    heard = resample(samples, spec.rate_hz * speed, spec.rate_hz)
    heard = _moved_ends(heard, how.ends, random)
    if random.random() < how.noisy:
        power = float(np.mean(heard.astype(np.float64) ** 2)) / 10.0 ** (random.uniform(*how.noise_db) / 10.0)
        heard = heard + random.normal(0.0, np.sqrt(power), heard.size).astype(np.float32)
    return decibels(heard, spec, warp)


def _moved_ends(samples: NDArray[np.float32], most: float, random: np.random.Generator) -> NDArray[np.float32]:
    """Cut up to half of ``most`` of the clip off either end, or pad that end with silence by up to ``most``."""
    head, tail = (round(samples.size * random.uniform(-most / 2, most)) for _ in range(2))
    kept = samples[max(0, -head) : samples.size - max(0, -tail)]
    return np.pad(kept, (max(0, head), max(0, tail)))


def masked(images: NDArray[np.uint8], widest: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Silence one band of frequencies and one stretch of time in every image (SpecAugment), (n, bands, frames)."""
    count, bands, frames = images.shape
    keep = np.ones(images.shape, dtype=bool)
    for axis, size in ((1, bands), (2, frames)):
        start = random.integers(0, size, (count, 1))
        width = random.integers(0, widest + 1, (count, 1))
        place = np.arange(size)
        hole = (place >= start) & (place < start + width)
        keep &= ~(hole[:, :, None] if axis == 1 else hole[:, None, :])
    return np.where(keep, images, np.uint8(0))


def shifted(images: NDArray[np.uint8], furthest: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Move every image in time by up to ``furthest`` frames; what comes in is silence."""
    steps = random.integers(-furthest, furthest + 1, (len(images), 1))
    source = np.arange(images.shape[2]) - steps
    inside = (source >= 0) & (source < images.shape[2])
    moved = np.take_along_axis(images, np.clip(source, 0, images.shape[2] - 1)[:, None, :], axis=2)
    return np.where(inside[:, None, :], moved, np.uint8(0))
