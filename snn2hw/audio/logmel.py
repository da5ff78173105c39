"""Log-mel images of small integers: what a network on the integer machine hears. NumPy only.

    P[m, t]  = sum_f  B[m, f] * |rfft(hann * frame_t)[f]|^2          mel power
    D[m, t]  = 10 log10(P[m, t] / max P)                             decibels below the clip's loudest cell
    Q[m, t]  = round(levels * clip((D - low[m]) / (high[m] - low[m]), 0, 1))

The frames are spread evenly over the clip, so a word fills the image however fast it was spoken. ``low`` and ``high``
are percentiles per mel band over the training clips and travel with the model. With ``mean`` "utterance" the mean of
each band over the clip is taken off D; with ``ends_db`` the clip's ends so far below its loudest 10 ms are cut first.
With ``pictures`` a clip is a picture of a spectrogram, (bands, frames) from 0 to 1, and D = floor_db (1 - picture).
"""

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.audio.clip import trimmed

__all__ = [
    "BandMean",
    "LogMel",
    "Normaliser",
    "decibels",
    "fit_normaliser",
    "less_mean",
    "mel_bank",
    "mel_values",
    "quantised",
]

BandMean = Literal["none", "utterance"]


@dataclass(frozen=True)
class LogMel:
    """How an image is made."""

    rate_hz: int = 8000
    bands: int = 32
    frames: int = 32
    window: int = 256
    lowest_hz: float = 60.0
    highest_hz: float = 3800.0
    floor_db: float = -70.0
    mean: BandMean = "none"
    ends_db: float = 0.0
    pictures: bool = False

    LATER: ClassVar[frozenset[str]] = frozenset({"mean", "ends_db", "pictures"})
    """Fields that older files do not have: at their default they enter no file, so that one image has one form."""

    def __post_init__(self) -> None:
        if not 0 <= self.lowest_hz < self.highest_hz <= self.rate_hz / 2:
            raise InputError(
                f"log-mel bands from {self.lowest_hz} to {self.highest_hz} Hz at a rate of {self.rate_hz} Hz",
                "keep 0 <= lowest_hz < highest_hz <= rate_hz / 2",
            )
        if min(self.bands, self.frames, self.window) < 1 or self.floor_db >= 0:
            raise InputError("log-mel needs bands, frames and window >= 1 and floor_db < 0")
        if self.mean not in get_args(BandMean) or not self.ends_db <= 0:
            raise InputError(f"log-mel: mean {self.mean!r}, ends_db {self.ends_db}", "none or utterance; 0 or below")
        if self.pictures and self.ends_db:
            raise InputError(f"ends_db {self.ends_db}: a picture has no silent ends", "leave it out")


def mel_values(mel: LogMel) -> dict[str, Any]:
    """Return the fields as files hold them."""
    usual = asdict(LogMel())
    return {name: value for name, value in asdict(mel).items() if name not in LogMel.LATER or value != usual[name]}


@dataclass(frozen=True)
class Normaliser:
    """Decibels at which a band's value is 0 and ``levels``."""

    low_db: tuple[float, ...]
    high_db: tuple[float, ...]
    levels: int

    def __post_init__(self) -> None:
        if not 1 <= self.levels <= 255:
            raise InputError(f"{self.levels} levels", "choose 1..255: images are stored in bytes")
        if len(self.low_db) != len(self.high_db) or any(a >= b for a, b in zip(self.low_db, self.high_db, strict=True)):
            raise InputError("normaliser: every band needs low_db < high_db")


def _mel(hz: float) -> float:
    return 2595.0 * float(np.log10(1.0 + hz / 700.0))


@cache
def mel_bank(spec: LogMel, warp: float = 1.0) -> NDArray[np.float64]:
    """Triangles of equal mel width, (bands, window // 2 + 1); ``warp`` > 1 moves every centre up."""
    edges_mel = np.linspace(_mel(spec.lowest_hz), _mel(spec.highest_hz), spec.bands + 2)
    edges_hz = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0) * warp
    bins_hz = np.asarray(np.fft.rfftfreq(spec.window, 1.0 / spec.rate_hz), dtype=np.float64)
    left, centre, right = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    rise, fall = (bins_hz - left) / (centre - left), (right - bins_hz) / (right - centre)
    bank: NDArray[np.float64] = np.maximum(0.0, np.minimum(rise, fall))
    _bridge_gaps(bank, edges_hz[1:-1], bins_hz)
    bank.setflags(write=False)
    return bank


def _bridge_gaps(bank: NDArray[np.float64], centre_hz: NDArray[np.float64], bins_hz: NDArray[np.float64]) -> None:
    """Give a triangle between two bins (low bands, short windows) the nearest bin, or it would hear nothing."""
    for band in np.flatnonzero(bank.sum(axis=1) == 0):
        bank[band, np.abs(bins_hz - centre_hz[band]).argmin()] = 1.0


def decibels(samples: NDArray[np.float32], spec: LogMel, warp: float = 1.0) -> NDArray[np.float32]:
    """Return the clip's log-mel image, (bands, frames), relative to its loudest cell."""
    if spec.pictures or samples.ndim != 1:
        return less_mean(_of_picture(samples, spec), spec)
    if spec.ends_db:
        samples = trimmed(samples, spec.rate_hz, spec.ends_db)
    padded = np.zeros(max(samples.size, spec.window), dtype=np.float64)
    padded[: samples.size] = samples
    starts = np.rint(np.linspace(0, padded.size - spec.window, spec.frames)).astype(np.int64)
    frames = padded[starts[:, None] + np.arange(spec.window)]  # t n
    power = np.abs(np.fft.rfft(frames * np.hanning(spec.window))) ** 2  # t f
    mel = mel_bank(spec, warp) @ power.T  # m t
    loudest = mel.max()
    if not loudest > 0:
        raise InputError("clip: no power in any mel band", "it is silent, or lies outside the bands")
    loud = 10.0 * np.log10(np.maximum(mel / loudest, 10.0 ** (spec.floor_db / 10.0)))
    return less_mean(loud, spec)


def _of_picture(picture: NDArray[np.float32], spec: LogMel) -> NDArray[np.floating]:
    if not spec.pictures or picture.shape != (spec.bands, spec.frames):
        what = f"a clip of shape {picture.shape}, the front end hears {'pictures' if spec.pictures else 'sounds'}"
        raise InputError(what, "give what the model was trained on")
    return np.asarray(spec.floor_db * (1.0 - picture), dtype=np.float64)


def less_mean(loud: NDArray[np.floating], spec: LogMel) -> NDArray[np.float32]:
    """Take the mean of every band off an image, where the front end does."""
    if spec.mean == "utterance":
        loud = loud - loud.mean(axis=1, keepdims=True)
    return np.asarray(loud, dtype=np.float32)


def fit_normaliser(images: NDArray[np.float32], levels: int, low: float = 10.0, high: float = 99.0) -> Normaliser:
    """Percentiles of every band over the training images, (n, bands, frames)."""
    bands = images.transpose(1, 0, 2).reshape(images.shape[1], -1)
    low_db, high_db = np.percentile(bands, [low, high], axis=1)
    return Normaliser(tuple(low_db.tolist()), tuple(np.maximum(high_db, low_db + 1).tolist()), levels)


def quantised(images: NDArray[np.float32], normaliser: Normaliser) -> NDArray[np.uint8]:
    """Return integers 0..levels, (..., bands, frames)."""
    low = np.array(normaliser.low_db, dtype=np.float32)[:, None]
    high = np.array(normaliser.high_db, dtype=np.float32)[:, None]
    share = np.clip((images - low) / (high - low), 0, 1)
    return np.asarray(np.rint(normaliser.levels * share), dtype=np.uint8)
