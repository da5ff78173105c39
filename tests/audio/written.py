"""A file of noise wherever a layout wants a sound."""

from pathlib import Path

import numpy as np
import soundfile

__all__ = ["write"]


def write(path: Path, seed: int = 0, rate_hz: int = 16000, seconds: float = 0.25) -> None:
    """Write a sound, and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.5, 0.5, int(rate_hz * seconds)), rate_hz)
