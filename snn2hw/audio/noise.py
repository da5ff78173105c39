"""Noise by formula, drawn from the generator that is handed in. NumPy only."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["coloured_noise"]


def coloured_noise(n: int, slope: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Return noise of power 1 whose power falls as f^slope: 0 white, -1 pink, -2 brown."""
    spectrum = np.fft.rfft(random.normal(size=n))
    shape = np.maximum(np.arange(spectrum.size), 1.0) ** (slope / 2)
    noise: NDArray[np.float64] = np.fft.irfft(spectrum * shape, n)
    noise /= np.sqrt(np.mean(np.square(noise)))
    return noise
