"""A noisy sound into a mask-estimating program's integers, and its mask back onto the sound, frame by frame.

    X[t]  = rfft(w * x[t hop - hop : t hop + hop])       w the square root of a Hann window, hop half of it
    L[t]  = 10 log10(B |X[t]|^2 + floor)                 bands B of `snn2hw.audio.spectra`
    S[t]  = 0.7 S[t-1] + 0.3 L[t]                        smoothed
    p[t]  = max(p[t-1] - fall_db, max_m L[t, m])         how loud it has been
    N[t]  = max(min(N[t-1] + rise_db, S[t]), p[t] - range_db)                minimum tracking: the noise, per band

    q[t]  = clip(round(unit * [(L - p) / 40 + 1,  (L - N) / 20,  (p - N_loud) / 40]), -limit, limit)

N_loud is the mean of N over the quarter of the bands where it is greatest. The program's output v is read as a mask

    g[t, m] = clip(v[t, m] / (opens one), least, 1)      h[t] = max(g[t], release h[t-1] + (1 - release) g[t])
    b[t] = bypass clip((c[t] - 30) / 10, 0, 1)           Y[t, f] = X[t, f] sum_m E[f, m] (b[t] + (1 - b[t]) h[t, m])

with c the last message in decibels, how far speech stands above the noise, and E the bands turned back to bins, rows of
sum 1: a mask closes slowly, and where there is little noise a share of the sound passes as it is. The phase is that of
the noisy sound; w is applied again, halves overlap.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.audio.spectra import Floats, Spectra, warped_bank
from snn2hw.audio.stored_front import StoredFront

__all__ = [
    "ABSENT",
    "CURE",
    "MASK_SCHEMA",
    "MaskFront",
    "Tracker",
    "back_to_bins",
    "laid_over",
    "mask_front_from",
    "mask_front_to",
    "messages_of",
    "overlapped",
    "passed_by",
    "root_window",
]

MASK_SCHEMA = "snn2hw.mask-front/1"
KEPT = 0.7
"""Share of the smoothed spectrum that stays from frame to frame."""
CLEAR = 0.3
"""Of a triangle's height: a bin that no band reaches so far takes the mask of its nearest neighbour that one does."""


CLEAR_FROM_DB, CLEAR_AT_DB = 30.0, 40.0
"""Where the bypass begins to open, and where it is open, in decibels of the last message."""
CLEAR_UNIT_DB = 40.0
"""Decibels of the last message that are 1."""


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
        release: share of a larger mask that is kept from frame to frame.
        bypass: share of the sound that passes whatever the mask is, where speech is clear of noise.
        opens: the answer, over what is a mask of 1, from which on all of a band passes.
    """

    spectra: Spectra = field(default_factory=_usual)
    unit: float = 16.0
    limit: int = 32
    rise_db: float = 0.12
    fall_db: float = 0.02
    range_db: float = 60.0
    least: float = 0.03
    release: float = 0.0
    bypass: float = 0.0
    opens: float = 1.0

    LATER: ClassVar[frozenset[str]] = frozenset({"opens"})
    """Fields that older files do not have: at their default they enter none."""

    def __post_init__(self) -> None:
        spec = self.spectra
        if spec.window != 2 * spec.hop or spec.bins != spec.window or spec.preemphasis:
            what = f"window {spec.window}, hop {spec.hop}, fft {spec.bins}, preemphasis {spec.preemphasis}"
            raise InputError(what, "keep hop = window / 2, fft = window and preemphasis 0")
        if not 0 <= self.least < 1 or self.limit < 1 or not min(self.unit, self.range_db) > 0:
            what = f"least {self.least}, limit {self.limit}, unit {self.unit}, range_db {self.range_db}"
            raise InputError(what, "keep 0 <= least < 1, limit >= 1, unit > 0 and range_db > 0")
        if not 0 <= self.release < 1 or not 0 <= self.bypass <= 1:
            what = f"release {self.release}, bypass {self.bypass}"
            raise InputError(what, "keep 0 <= release < 1 and 0 <= bypass <= 1")
        if not 0 < self.opens <= 1:
            raise InputError(f"opens {self.opens}", "keep 0 < opens <= 1")

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
    clear = (state.peak - loud) / CLEAR_UNIT_DB
    values = np.concatenate([np.clip(level, -0.25, 1.0), np.clip(above, -0.3, 2.0), clear], axis=-1)
    whole: Floats = np.clip(np.rint(values * front.unit), -front.limit, front.limit)
    return whole


def laid_over(answers: Floats, messages: NDArray[Any], front: MaskFront, held: Floats | None) -> tuple[Floats, Floats]:
    """Return the masks of frames (..., T, bands), and the last one as it is held, which the next frames are given.

    Args:
        answers: what the program says, over what is a mask of 1.
        messages: of the same frames, (..., T, features).
        front: how slowly a mask closes, and how much passes it by.
        held: the mask before the first frame, None at the beginning of a sound.
    """
    masks = np.clip(answers / front.opens, front.least, 1.0)
    for t in range(masks.shape[-2]):
        if held is not None:
            masks[..., t, :] = np.maximum(
                masks[..., t, :], front.release * held + (1 - front.release) * masks[..., t, :]
            )
        held = masks[..., t, :].copy()
    passed = passed_by(messages, front)
    assert held is not None
    return passed + (1 - passed) * masks, held


def passed_by(messages: NDArray[Any], front: MaskFront) -> Floats:
    """Return the share of each frame of messages (..., T, features) that passes whatever the mask is, (..., T, 1)."""
    clear_db = messages[..., -1:] / front.unit * CLEAR_UNIT_DB
    opened = np.clip((clear_db - CLEAR_FROM_DB) / (CLEAR_AT_DB - CLEAR_FROM_DB), 0.0, 1.0)
    return np.asarray(front.bypass * opened, np.float64)


def overlapped(frames: Floats, before: Floats) -> tuple[Floats, Floats]:
    """Add windowed frames (n, window) half over half; return the samples that are finished, and the half that waits."""
    hop = before.size
    if not len(frames):
        return np.zeros(0), before
    late = np.concatenate([before[None], frames[:-1, hop:]])
    return (frames[:, :hop] + late).ravel(), frames[-1, hop:]


ABSENT, CURE = "does not say how it denoises", "use a program of `snn2hw train denoise`, or zoo:denoise"
"""What is said of a file without a front end of masks, and what to do."""

_STORED = StoredFront(MASK_SCHEMA, MaskFront, "a front end of masks", ABSENT, CURE, later=MaskFront.LATER)
mask_front_to, mask_front_from = _STORED.values, _STORED.read
