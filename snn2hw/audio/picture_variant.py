"""Variants of a picture of a spectrogram: what `snn2hw.audio.augment` does to a sound, done to its image.

Faster or slower and with moved ends along the frames, through another vocal tract along the bands, and in noise.
"""

import numpy as np
from numpy.typing import NDArray

from snn2hw.audio.augment import Augmentation

__all__ = ["picture_variant"]


def picture_variant(
    loud: NDArray[np.float32], floor_db: float, how: Augmentation, random: np.random.Generator
) -> NDArray[np.float32]:
    """Return one variant of an image in decibels, (bands, frames); what lies outside it is at ``floor_db``.

    Frame t is heard at ((t + 1/2) / n (1 + head + tail) - head) of the clip, head and tail up to ``ends``, and at a
    speed; band m at (m + 1/2) warp. Both are lines between cells.
    """
    speed, warp = (float(np.exp(random.uniform(-most, most))) for most in (how.speed, how.warp))
    head, tail = (float(random.uniform(-how.ends / 2, how.ends)) for _ in range(2))
    bands, frames = loud.shape
    across = (np.arange(frames) + 0.5) * (1 + head + tail) - head * frames
    across = (across - frames / 2) * speed + frames / 2 - 0.5
    up = (np.arange(bands) + 0.5) * warp - 0.5
    varied = _between(_between(loud.T, across, floor_db).T, up, floor_db)
    if random.random() < how.noisy:
        noise_db = -float(random.uniform(*how.noise_db))
        grain = random.exponential(size=varied.shape)
        varied = 10.0 * np.log10(10.0 ** (varied / 10.0) + grain * 10.0 ** (noise_db / 10.0))
    return np.clip(varied, floor_db, 0.0).astype(np.float32)


def _between(rows: NDArray[np.floating], at: NDArray[np.floating], outside: float) -> NDArray[np.float64]:
    """Return rows at places between them, as a line; half a row beyond an end it is that end, further ``outside``."""
    last = len(rows) - 1
    inside = (at >= -0.5) & (at <= last + 0.5)
    place = np.clip(at, 0.0, last)
    first = np.floor(place).astype(np.int64)
    share = (place - first)[:, None]
    line = rows[first] * (1 - share) + rows[np.minimum(first + 1, last)] * share
    return np.where(inside[:, None], line, outside)
