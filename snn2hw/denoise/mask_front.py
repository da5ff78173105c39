"""A noisy sound into a mask-estimating program's integers, and its mask back onto the sound, frame by frame.

    X[t]  = rfft(w * x[t hop - hop : t hop + hop])       w the square root of a Hann window, hop half of it
    L[t]  = 10 log10(B |X[t]|^2 + floor)                 bands B of `snn2hw.audio.spectra`
    S[t]  = 0.7 S[t-1] + 0.3 L[t]                        smoothed
    p[t]  = max(p[t-1] - fall_db, max_m L[t, m])         how loud it has been
    N[t]  = max(min(N[t-1] + rise_db, S[t]), p[t] - range_db)                minimum tracking: the noise, per band

    q[t]  = clip(round(unit * [(L - p) / 40 + 1,  (L - N) / 20,  (p - N_loud) / 40]), -limit, limit)

N_loud is the mean of N over the quarter of the bands where it is greatest. The program's output v is read as a mask

    g[t, m] = clip(v[t, m] / one, least, 1)              Y[t, f] = X[t, f] sum_m E[f, m] g[t, m]

with E the bands turned back to bins, rows of sum 1. The phase is the noisy one's; w is applied again, halves overlap.
"""

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

import numpy as np

from sim.errors import FileError, InputError
from snn2hw.audio.spectra import Floats, Spectra, warped_bank

__all__ = [
    "MASK_SCHEMA",
    "MaskFront",
    "Tracker",
    "back_to_bins",
    "mask_front_from",
    "mask_front_to",
    "messages_of",
    "overlapped",
    "root_window",
]

MASK_SCHEMA = "snn2hw.mask-front/1"
KEPT = 0.7
"""Share of the smoothed spectrum that stays from frame to frame."""
CLEAR = 0.3
"""Of a triangle's height: a bin that no band reaches so far takes the mask of its nearest neighbour that one does."""


def _usual() -> Spectra:
    return Spectra(
        window=512, hop=256, fft=512, bands=64, lowest_hz=40.0, highest_hz=7900.0, preemphasis=0.0, floor=1e-8
    )


@dataclass(frozen=True)
class MaskFront:
    """Everything between samples and the integers of a mask-estimating network; stored with its program.

    Args:
        spectra: rate, window and bands; the hop is half of the window, and the samples are not emphasised.
        unit: what 1 is as a message.
        limit: greatest message.
        rise_db: how fast the noise floor may rise, per frame.
        fall_db: how fast the peak is forgotten, per frame.
        range_db: how far below the peak a floor may lie.
        least: the smallest mask.
    """

    spectra: Spectra = field(default_factory=_usual)
    unit: float = 16.0
    limit: int = 32
    rise_db: float = 0.12
    fall_db: float = 0.02
    range_db: float = 60.0
    least: float = 0.03

    def __post_init__(self) -> None:
        spec = self.spectra
        if spec.window != 2 * spec.hop or spec.bins != spec.window or spec.preemphasis:
            what = f"window {spec.window}, hop {spec.hop}, fft {spec.bins}, preemphasis {spec.preemphasis}"
            raise InputError(what, "keep hop = window / 2, fft = window and preemphasis 0")
        if not 0 <= self.least < 1 or self.limit < 1 or not min(self.unit, self.range_db) > 0:
            what = f"least {self.least}, limit {self.limit}, unit {self.unit}, range_db {self.range_db}"
            raise InputError(what, "keep 0 <= least < 1, limit >= 1, unit > 0 and range_db > 0")

    @property
    def features(self) -> int:
        """Return how many messages a frame is."""
        return 2 * self.spectra.bands + 1


@cache
def root_window(spec: Spectra) -> Floats:
    """Return the square root of the periodic Hann window: its square, moved by half of it, adds up to 1."""
    n = np.arange(spec.window)
    root: Floats = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * n / spec.window))
    root.setflags(write=False)
    return root


@cache
def back_to_bins(spec: Spectra) -> Floats:
    """Return what brings a mask of bands to the bins, (bins / 2 + 1, bands), rows of sum 1."""
    bank = warped_bank(spec)
    height = (bank / bank.max(axis=1, keepdims=True)).T
    reached = np.flatnonzero(height.sum(axis=1) > CLEAR)
    nearest = reached[np.abs(np.arange(len(height))[:, None] - reached).argmin(axis=1)]
    rows: Floats = height[nearest] / height[nearest].sum(axis=1, keepdims=True)
    rows.setflags(write=False)
    return rows


@dataclass
class Tracker:
    """What the features remember of earlier frames, for one sound or for many, (..., bands); None before the first."""

    smooth: Floats | None = None
    noise: Floats | None = None
    peak: Floats | None = None


def messages_of(decibels: Floats, front: MaskFront, state: Tracker) -> Floats:
    """Return the messages of one frame (..., features), as whole numbers, from its bands; move ``state`` on."""
    loudest = decibels.max(axis=-1, keepdims=True)
    state.peak = loudest if state.peak is None else np.maximum(state.peak - front.fall_db, loudest)
    state.smooth = decibels if state.smooth is None else KEPT * state.smooth + (1 - KEPT) * decibels
    risen = state.smooth if state.noise is None else np.minimum(state.noise + front.rise_db, state.smooth)
    state.noise = np.maximum(risen, state.peak - front.range_db)
    quarter = max(1, decibels.shape[-1] // 4)
    loud = np.sort(state.noise, axis=-1)[..., -quarter:].mean(axis=-1, keepdims=True)
    level, above = (decibels - state.peak) / 40.0 + 1.0, (decibels - state.noise) / 20.0
    clear = (state.peak - loud) / 40.0
    values = np.concatenate([np.clip(level, -0.25, 1.0), np.clip(above, -0.3, 2.0), clear], axis=-1)
    whole: Floats = np.clip(np.rint(values * front.unit), -front.limit, front.limit)
    return whole


def overlapped(frames: Floats, before: Floats) -> tuple[Floats, Floats]:
    """Add windowed frames (n, window) half over half; return the samples that are finished, and the half that waits."""
    hop = before.size
    if not len(frames):
        return np.zeros(0), before
    late = np.concatenate([before[None], frames[:-1, hop:]])
    return (frames[:, :hop] + late).ravel(), frames[-1, hop:]


def mask_front_to(front: MaskFront) -> dict[str, Any]:
    """Return the front end as JSON values."""
    values: dict[str, Any] = json.loads(json.dumps({"schema": MASK_SCHEMA} | asdict(front)))
    return values


def mask_front_from(values: Any, where: str) -> MaskFront:
    """Read what `mask_front_to` wrote; ``where`` is the file an error names."""
    fix = "use a program of `snn2hw train denoise`, or zoo:denoise"
    try:
        facts = dict(values)
        if facts.pop("schema", None) != MASK_SCHEMA:
            raise FileError(f"{where}: does not say how it denoises ({MASK_SCHEMA!r})", fix)
        facts["spectra"] = Spectra(**facts["spectra"])
        return MaskFront(**facts)
    except (TypeError, ValueError, KeyError) as error:
        raise FileError(f"{where}: not a front end of masks ({error})", fix) from None
