"""How near an estimate comes to clean speech: SI-SNR here, PESQ and STOI by their libraries.

SI-SNR(e, s) = 10 log10( |a s|^2 / |e - a s|^2 )      a = <e, s> / <s, s>, both without their means
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.cures import install
from sim.errors import InputError, MissingToolError

__all__ = ["judged", "pesq_of", "si_snr", "stoi_of"]

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
    if rate_hz not in (8000, 16000):
        raise InputError(f"PESQ at {rate_hz} Hz: is defined at 8000 and 16000", "denoise at one of them")
    kind = "nb" if rate_hz == 8000 else "wb"
    try:
        return float(score(rate_hz, clean.astype(np.float32), estimate.astype(np.float32), kind))
    except Exception as error:  # the library's own kinds: no utterance, too short
        reason = error.args[0] if error.args else type(error).__name__
        said = reason.decode() if isinstance(reason, bytes) else reason
        raise InputError(f"PESQ of this sound: {said}", "give a sound with speech in it") from None


def stoi_of(estimate: NDArray[np.floating], clean: NDArray[np.floating], rate_hz: int) -> float:
    """Return STOI: how much of it would be understood, 0 to 1."""
    score = _library("pystoi", "stoi")
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # it warns and says 1e-5 where there is too little speech
        try:
            return float(score(clean, estimate, rate_hz))
        except (RuntimeWarning, ValueError) as error:
            what = f"STOI of this sound: {str(error).partition('.')[0]}"
            raise InputError(what, "give a longer sound with speech in it") from None


def judged(estimate: NDArray[np.floating], clean: NDArray[np.floating], rate_hz: int) -> dict[str, float | str]:
    """Return each score of an estimate, or why there is none: a library that is not installed, no speech in a sound."""
    found: dict[str, float | str] = {"si_snr_db": si_snr(estimate, clean)}
    for name, score in (("pesq", pesq_of), ("stoi", stoi_of)):
        try:
            found[name] = score(estimate, clean, rate_hz)
        except MissingToolError as missing:
            found[name] = missing.fix or missing.what
        except InputError as error:
            found[name] = error.what
    return found


def _library(package: str, function: str) -> Any:
    from importlib import import_module

    try:
        return getattr(import_module(package), function)
    except ImportError:
        raise MissingToolError(f"this score is computed by {package}", install(package)) from None
