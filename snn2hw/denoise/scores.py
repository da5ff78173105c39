"""How near an estimate comes to clean speech: SI-SNR here, PESQ and STOI by their libraries.

SI-SNR(e, s) = 10 log10( |a s|^2 / |e - a s|^2 )      a = <e, s> / <s, s>, both without their means
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.cures import install
from sim.errors import InputError, MissingToolError

__all__ = ["pesq_of", "si_snr", "stoi_of"]

TINY = 1e-12


def si_snr(estimate: NDArray[np.floating], clean: NDArray[np.floating]) -> float:
    """Return the scale-invariant ratio of signal to noise in decibels.

    >>> s = np.sin(np.arange(1000.0)); n = np.sin(np.arange(1000.0) * 3)
    >>> round(si_snr(5 * (s + 0.1 * n), s), 1)
    20.0
    """
    if estimate.shape != clean.shape:
        raise InputError(f"an estimate of {estimate.shape} samples for {clean.shape}", "give both the same length")
    e, s = (x.astype(np.float64) - x.astype(np.float64).mean() for x in (estimate, clean))
    target = (e @ s) / (s @ s + TINY) * s
    rest = e - target
    return float(10.0 * np.log10((target @ target + TINY) / (rest @ rest + TINY)))


def pesq_of(estimate: NDArray[np.floating], clean: NDArray[np.floating], rate_hz: int) -> float:
    """Return wideband PESQ (narrowband at 8 kHz): what a listener would say, 1 to 4.6."""
    score = _library("pesq", "pesq")
    return float(
        score(rate_hz, clean.astype(np.float32), estimate.astype(np.float32), "nb" if rate_hz == 8000 else "wb")
    )


def stoi_of(estimate: NDArray[np.floating], clean: NDArray[np.floating], rate_hz: int) -> float:
    """Return STOI: how much of it would be understood, 0 to 1."""
    return float(_library("pystoi", "stoi")(clean, estimate, rate_hz))


def _library(package: str, function: str) -> Any:
    from importlib import import_module

    try:
        return getattr(import_module(package), function)
    except ImportError:
        raise MissingToolError(f"this score is computed by {package}", install(package)) from None
