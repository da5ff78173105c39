"""Spectra of any rate and size, one frame at a time: STFT magnitude, log-mel, MFCC and PCEN. NumPy only.

    X[t, f] = rfft(hann * pre(x)[t hop : t hop + window], fft)[f]         pre(x)[n] = x[n] - preemphasis x[n - 1]
    M[t, m] = sum_f B[m, f] |X[t, f]|^2                                   mel power, every triangle of sum 1
    L[t, m] = 10 log10(M[t, m] + floor)                                   decibels
    C[t, k] = sum_m L[t, m] cos(pi k (m + 1/2) / bands)                   cepstrum, orthonormal
    P[t, m] = (M / (eps + E)^alpha + delta)^r - delta^r                   E[t] = (1 - s) E[t - 1] + s M[t]

Every frame is computed by itself, by the same operations however many frames there are: a sound that arrives in pieces
gives the frames of the whole sound, bit for bit.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError

__all__ = [
    "KINDS",
    "Energy",
    "FrameValues",
    "Kind",
    "Spectra",
    "at_rate",
    "bank_of",
    "cepstrum",
    "energy_normalised",
    "frames_of",
    "kind_of",
    "loudest_stretch",
    "power_of",
    "values_in",
    "warped_bank",
    "width_of",
]

Floats = NDArray[np.float64]
Kind = Literal["log-mel", "mfcc", "pcen", "stft"]
KINDS: tuple[Kind, ...] = ("log-mel", "mfcc", "pcen", "stft")
COEFFICIENTS = 13
"""Of MFCC, unless more are asked for."""
HIGHEST_SHARE, HIGHEST_HZ = 0.475, 16000.0
"""Where bands end at another rate: that share of it, and no higher than this."""
LEAST_HZ, MOST_HZ = 4000, 96_000
"""Rates that spectra are brought to."""


@dataclass(frozen=True)
class Spectra:
    """How frames are cut and how their power is read; ``fft`` 0 is the least power of two that holds a window."""

    rate_hz: int = 16000
    window: int = 400
    hop: int = 200
    fft: int = 0
    bands: int = 40
    lowest_hz: float = 60.0
    highest_hz: float = 7600.0
    preemphasis: float = 0.97
    floor: float = 1e-5

    def __post_init__(self) -> None:
        if not 0 <= self.lowest_hz < self.highest_hz <= self.rate_hz / 2:
            what = f"bands from {self.lowest_hz} to {self.highest_hz} Hz at a rate of {self.rate_hz} Hz"
            raise InputError(what, "keep 0 <= lowest_hz < highest_hz <= rate_hz / 2")
        if min(self.window, self.hop, self.bands) < 1 or 0 < self.fft < self.window or self.fft < 0:
            what = f"window {self.window}, hop {self.hop}, fft {self.fft}, bands {self.bands}"
            raise InputError(what, "each counts from 1, and fft holds a window (0: the next power of two)")
        if not self.floor > 0 or not 0 <= self.preemphasis < 1:
            what = f"floor {self.floor}, preemphasis {self.preemphasis}"
            raise InputError(what, "keep floor > 0 and 0 <= preemphasis < 1")

    @property
    def bins(self) -> int:
        """Return how many samples are transformed."""
        return self.fft or 1 << (self.window - 1).bit_length()

    @property
    def step_s(self) -> float:
        """Return the seconds from frame to frame."""
        return self.hop / self.rate_hz

    def count(self, samples: int) -> int:
        """Return the frames of a sound, whole windows only.

        >>> Spectra(rate_hz=16000, window=400, hop=200).count(16000)
        79
        """
        return max(0, (samples - self.window) // self.hop + 1)


def at_rate(spec: Spectra, rate_hz: int) -> Spectra:
    """Return the same frames in seconds at another rate, with bands as high as that has them.

    >>> at_rate(Spectra(), 32000).window
    800
    """
    if rate_hz == spec.rate_hz:
        return spec
    if not LEAST_HZ <= rate_hz <= MOST_HZ:
        raise InputError(f"a rate of {rate_hz} Hz", f"ask for {LEAST_HZ} to {MOST_HZ}")
    return replace(
        spec,
        rate_hz=rate_hz,
        window=round(spec.window * rate_hz / spec.rate_hz),
        hop=round(spec.hop * rate_hz / spec.rate_hz),
        fft=0,
        highest_hz=min(HIGHEST_SHARE * rate_hz, HIGHEST_HZ),
    )


@cache
def warped_bank(spec: Spectra, warp: float = 1.0) -> Floats:
    """Return triangles of equal mel width and sum 1, (bands, bins / 2 + 1); ``warp`` > 1 is a shorter vocal tract.

    Frequencies below 0.85 of the highest are stretched, and those above bend so that the highest stays.
    """
    lowest, highest = (2595.0 * float(np.log10(1.0 + hz / 700.0)) for hz in (spec.lowest_hz, spec.highest_hz))
    edges_mel = np.linspace(lowest, highest, spec.bands + 2)
    plain = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    edges = _warped_hz(plain, spec, warp)
    hz = np.asarray(np.fft.rfftfreq(spec.bins, 1.0 / spec.rate_hz), dtype=np.float64)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bank: Floats = np.maximum(0.0, np.minimum((hz - left) / (centre - left), (right - hz) / (right - centre)))
    for band in np.flatnonzero(bank.sum(axis=1) == 0):  # a triangle between two bins would hear nothing
        bank[band, np.abs(hz - edges[band + 1]).argmin()] = 1.0
    bank /= bank.sum(axis=1, keepdims=True)
    bank.setflags(write=False)
    return bank


def _warped_hz(plain: Floats, spec: Spectra, warp: float) -> Floats:
    top = spec.rate_hz / 2
    knee = 0.85 * spec.highest_hz * min(warp, 1.0) / warp
    return np.where(plain <= knee, plain * warp, top - (top - knee * warp) / (top - knee) * (top - plain))


@cache
def bank_of(spec: Spectra, kind: Kind, warp: float = 1.0) -> Floats:
    """Return what a kind of features sums power by, (values, bins / 2 + 1): the bank, or of "stft" the bins themselves.

    Of a warped bin it is the two that the warp lies between, as a line.
    """
    if kind != "stft":
        return warped_bank(spec, warp)
    hz = np.asarray(np.fft.rfftfreq(spec.bins, 1.0 / spec.rate_hz), dtype=np.float64)
    at = _warped_hz(hz, spec, warp) / (spec.rate_hz / spec.bins)
    rows: Floats = np.maximum(0.0, 1.0 - np.abs(at[:, None] - np.arange(hz.size)))
    rows.setflags(write=False)
    return rows


@cache
def _window(spec: Spectra) -> Floats:
    """Return the periodic Hann window."""
    n = np.arange(spec.window)
    shape: Floats = 0.5 - 0.5 * np.cos(2 * np.pi * n / spec.window)
    return shape


def frames_of(samples: NDArray[np.floating], spec: Spectra, before: float = 0.0) -> Floats:
    """Return the pre-emphasised windows of a sound, (frames, window); ``before`` is the sample that came before it."""
    x = np.asarray(samples, np.float64)
    emphasised = x - spec.preemphasis * np.concatenate([[before], x[:-1]]) if x.size else x
    starts = np.arange(spec.count(x.size)) * spec.hop
    windows: Floats = emphasised[starts[:, None] + np.arange(spec.window)] * _window(spec)
    return windows


def power_of(frame: Floats, spec: Spectra) -> Floats:
    """Return |X|^2 of one windowed frame, (bins / 2 + 1,)."""
    spectrum = np.fft.rfft(frame, spec.bins)
    power: Floats = spectrum.real**2 + spectrum.imag**2
    return power


def loudest_stretch(samples: NDArray[np.floating], spec: Spectra, most: int) -> tuple[Floats, int]:
    """Return the power of at most so many frames of a sound, where it is loudest, and the first of them."""
    held = samples if samples.size >= spec.window else np.pad(samples, (0, spec.window - samples.size))
    rows = np.stack([power_of(frame, spec) for frame in frames_of(held, spec)])
    first = _loudest(rows.sum(1), most)
    return rows[first : first + most], first


def _loudest(energy: NDArray[np.floating], most: int) -> int:
    if len(energy) <= most:
        return 0
    total = np.concatenate([[0.0], np.cumsum(energy)])
    return int((total[most:] - total[:-most]).argmax())


@dataclass
class Energy:
    """The smoothed energy that per-channel energy normalisation divides by; None before the first frame."""

    smooth: float = 0.025
    alpha: float = 0.98
    delta: float = 2.0
    root: float = 0.5
    eps: float = 1e-6
    level: Floats | None = None

    def moved(self, level: Floats, mel: Floats) -> Floats:
        """Return the level after a frame of mel power."""
        after: Floats = (1 - self.smooth) * level + self.smooth * mel
        return after

    def normalised(self, mel: Floats, level: Floats) -> Floats:
        """Return mel power over its level, compressed."""
        ratio = mel / (self.eps + level) ** self.alpha
        result: Floats = (ratio + self.delta) ** self.root - self.delta**self.root
        return result


def energy_normalised(mel: Floats, state: Energy) -> Floats:
    """Return PCEN of one frame of mel power, and move ``state`` on."""
    state.level = mel.copy() if state.level is None else state.moved(state.level, mel)
    return state.normalised(mel, state.level)


@cache
def _cosines(bands: int) -> Floats:
    k, m = np.arange(bands)[:, None], np.arange(bands)
    rows: Floats = np.sqrt(2.0 / bands) * np.cos(np.pi * k * (m + 0.5) / bands)
    rows[0] /= np.sqrt(2.0)
    return rows


def cepstrum(decibels: Floats, coefficients: int) -> Floats:
    """Return the first MFCCs of one frame, or of many, (.., bands)."""
    bands = decibels.shape[-1]
    if not 1 <= coefficients <= bands:
        raise InputError(f"{coefficients} coefficients of {bands} bands", "ask for 1 up to the bands")
    result: Floats = decibels @ _cosines(bands)[:coefficients].T
    return result


def width_of(spec: Spectra, kind: Kind, coefficients: int = COEFFICIENTS) -> int:
    """Return how many values a frame has.

    >>> [width_of(Spectra(), kind) for kind in KINDS]
    [40, 13, 40, 257]
    """
    return {"mfcc": coefficients, "stft": spec.bins // 2 + 1}.get(kind, spec.bands)


class FrameValues:
    """From the power of one frame after the other to the values of one of `KINDS`; PCEN remembers the frames before."""

    def __init__(self, spec: Spectra, kind: Kind = "log-mel", coefficients: int = COEFFICIENTS) -> None:
        if kind not in KINDS:
            raise InputError(f"there are no features {kind!r}", f"choose one of {', '.join(KINDS)}")
        self._spec, self._kind, self._coefficients = spec, kind, coefficients
        self._bank, self._energy = bank_of(spec, kind), Energy()

    def next(self, power: Floats) -> Floats:
        """Return the values of the next frame, of |X|^2 (bins / 2 + 1,)."""
        if self._kind == "stft":
            return np.asarray(np.sqrt(power), dtype=np.float64)
        mel = self._bank @ power
        if self._kind == "pcen":
            return energy_normalised(mel, self._energy)
        loud: Floats = 10.0 * np.log10(mel + self._spec.floor)
        return cepstrum(loud, self._coefficients) if self._kind == "mfcc" else loud


def values_in(
    mel: Floats, inside: NDArray[np.bool_], spec: Spectra, kind: Kind = "log-mel", coefficients: int = COEFFICIENTS
) -> Floats:
    """Return the values of many clips at once, (n, frames, values), of their power summed by `bank_of`.

    A clip's frames are those ``inside``, (n, frames): what PCEN remembers begins with the first of them.
    """
    if kind == "stft":
        return np.asarray(np.sqrt(mel), dtype=np.float64)
    if kind == "pcen":
        return _normalised_in(mel, inside, Energy())
    loud: Floats = 10.0 * np.log10(mel + spec.floor)
    return cepstrum(loud, coefficients) if kind == "mfcc" else loud


def _normalised_in(mel: Floats, inside: NDArray[np.bool_], how: Energy) -> Floats:
    level, begun = np.zeros_like(mel[:, 0]), np.zeros((len(mel), 1), bool)
    result = np.zeros_like(mel)
    for t in range(mel.shape[1]):
        now, here = mel[:, t], inside[:, t, None]
        moved = np.where(begun, how.moved(level, now), now)
        level, begun = np.where(here, moved, level), begun | here
        result[:, t] = how.normalised(now, level)
    return result


def kind_of(
    samples: NDArray[np.floating], spec: Spectra, kind: Kind = "log-mel", coefficients: int = COEFFICIENTS
) -> Floats:
    """Return the features of a whole sound, (frames, values), of one of `KINDS`."""
    values = FrameValues(spec, kind, coefficients)
    rows = [values.next(power_of(frame, spec)) for frame in frames_of(samples, spec)]
    return np.stack(rows) if rows else np.zeros((0, width_of(spec, kind, coefficients)))
