"""A sound into a network's integers, frame by frame as it arrives: features less a running mean per band.

    m[t] = m[t - 1] + (L[t] - m[t - 1]) / min(prior + t + 1, memory)      m[-1]: the mean of the training clips
    q[t] = clip(round((L[t] - m[t]) / step_db), -limit, limit)            from 0 on where messages are events

L are the decibels of `snn2hw.audio.spectra`, or what other ``features`` are chosen: then a band is one of their values,
and ``step_db`` is in units of theirs. The mean is a filter of first order that starts quick and settles at
``memory`` frames, so nothing of the future is needed. With ``mean`` "utterance" m is the mean over the whole clip, and
with "none" it is that of the training clips throughout.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.audio.spectra import (
    COEFFICIENTS,
    KINDS,
    Floats,
    FrameValues,
    Kind,
    Spectra,
    frames_of,
    power_of,
    width_of,
)
from snn2hw.audio.stored_front import StoredFront

__all__ = ["FRONT_SCHEMA", "MelFront", "MelStream", "counted", "front_from", "front_to", "heard", "less_mean"]

FRONT_SCHEMA = "snn2hw.mel-front/1"
Mean = Literal["running", "utterance", "none"]


@dataclass(frozen=True)
class MelFront:
    """Everything between samples and the integers of a streaming network; stored with its program.

    Args:
        spectra: how frames are made.
        centre_db: the running mean before the first frame, per band.
        prior: frames that ``centre_db`` counts for.
        memory: frames the mean looks back at most.
        step_db: decibels per unit of a message, or units of other features.
        limit: greatest message.
        mean: what is taken off.
        events: only what lies above the mean is sent, as a number of events: for chips without negative messages.
        features: what is heard of a frame.
        coefficients: how many of MFCC.
    """

    spectra: Spectra = field(default_factory=Spectra)
    centre_db: tuple[float, ...] = ()
    prior: int = 16
    memory: int = 200
    step_db: float = 1.0
    limit: int = 63
    mean: Mean = "running"
    events: bool = False
    features: Kind = "log-mel"
    coefficients: int = COEFFICIENTS

    LATER: ClassVar[frozenset[str]] = frozenset({"features", "coefficients"})
    """Fields that older recipes do not have: at their default they enter none."""

    def __post_init__(self) -> None:
        if self.features not in KINDS:
            raise InputError(f"there are no features {self.features!r}", f"choose one of {', '.join(KINDS)}")
        if not 1 <= self.coefficients <= self.spectra.bands:
            what = f"{self.coefficients} coefficients of {self.spectra.bands} bands"
            raise InputError(what, "ask for 1 up to the bands")
        if self.centre_db and len(self.centre_db) != self.width:
            what = f"{len(self.centre_db)} means for {self.width} bands"
            raise InputError(what, "give one per band")
        if min(self.prior, self.limit) < 1 or self.memory < self.prior or not self.step_db > 0:
            what = f"prior {self.prior}, memory {self.memory}, limit {self.limit}, step_db {self.step_db}"
            raise InputError(what, "keep 1 <= prior <= memory, limit >= 1 and step_db > 0")
        if self.mean not in ("running", "utterance", "none"):
            raise InputError(f"mean {self.mean!r}", "choose running, utterance or none")

    @property
    def messages(self) -> tuple[int, int]:
        """Return the least and the greatest message."""
        return (0 if self.events else -self.limit), self.limit

    @property
    def width(self) -> int:
        """Return how many messages a frame has."""
        return width_of(self.spectra, self.features, self.coefficients)

    @property
    def centre(self) -> Floats:
        """Return the mean before the first frame."""
        return np.array(self.centre_db or [0.0] * self.width)


def less_mean(decibels: Floats, front: MelFront, valid: NDArray[np.bool_] | None = None) -> Floats:
    """Take the mean off, (..., frames, bands); frames that are not ``valid`` (..., frames) come out as 0."""
    known = np.ones(decibels.shape[:-1], bool) if valid is None else valid
    if front.mean == "none":
        return np.where(known[..., None], decibels - front.centre, 0.0)
    if front.mean == "utterance":
        weight = known[..., None].astype(np.float64)
        mean = (decibels * weight).sum(-2, keepdims=True) / np.maximum(weight.sum(-2, keepdims=True), 1.0)
        return np.where(known[..., None], decibels - mean, 0.0)
    level = np.broadcast_to(front.centre, decibels[..., 0, :].shape)
    result = np.zeros_like(decibels)
    seen = np.zeros((*known.shape[:-1], 1))
    for t in range(decibels.shape[-2]):
        here = known[..., t, None]
        moved = level + (decibels[..., t, :] - level) / np.minimum(front.prior + seen + 1.0, front.memory)
        level = np.where(here, moved, level)
        seen = seen + here
        result[..., t, :] = np.where(here, decibels[..., t, :] - level, 0.0)
    return result


def counted(values: Floats, front: MelFront) -> Floats:
    """Round decibels above the mean to messages, still as floats."""
    whole: Floats = np.clip(np.rint(values / front.step_db), *front.messages)
    return whole


def _messages(values: Floats, front: MelFront) -> NDArray[np.int8]:
    return counted(values, front).astype(np.int8)


class MelStream:
    """A sound in pieces of any size; `push` returns the messages of the frames that each piece completes."""

    def __init__(self, front: MelFront) -> None:
        if front.mean == "utterance":
            raise InputError("the mean of an utterance is not known before its end", "train with a running mean")
        self.front = front
        self._rest = np.zeros(0)
        self._before = 0.0
        self._level, self._seen = front.centre, 0
        self._values = _values(front)

    def push(self, samples: NDArray[np.floating]) -> NDArray[np.int8]:
        """Return (frames, bands); samples that fill no window yet are kept for the next call."""
        spec = self.front.spectra
        held = np.concatenate([self._rest, np.asarray(samples, np.float64)])
        rows = [self._message(self._values.next(power_of(f, spec))) for f in frames_of(held, spec, self._before)]
        used = min(len(rows) * spec.hop, held.size)
        if used:
            self._before, self._rest = float(held[used - 1]), held[used:]
        else:
            self._rest = held
        return np.stack(rows) if rows else np.zeros((0, self.front.width), np.int8)

    def _message(self, decibels: Floats) -> NDArray[np.int8]:
        front = self.front
        if front.mean == "running":
            self._level = self._level + (decibels - self._level) / min(front.prior + self._seen + 1.0, front.memory)
            self._seen += 1
        return _messages(decibels - self._level, front)


def heard(samples: NDArray[np.floating], front: MelFront) -> NDArray[np.int8]:
    """Return the messages of a whole sound, (frames, bands)."""
    if front.mean != "utterance":
        return MelStream(front).push(samples)
    spec, values = front.spectra, _values(front)
    rows = [values.next(power_of(frame, spec)) for frame in frames_of(samples, spec)]
    return _messages(less_mean(np.array(rows).reshape(-1, front.width), front), front)


def _values(front: MelFront) -> FrameValues:
    return FrameValues(front.spectra, front.features, front.coefficients)


def _made(centre_db: Iterable[float], **facts: Any) -> MelFront:
    return MelFront(centre_db=tuple(map(float, centre_db)), **facts)


_STORED = StoredFront(
    schema=FRONT_SCHEMA,
    make=_made,
    kind="a front end",
    absent="holds no front end of a stream",
    fix="use a program that was made with its front end",
    later=MelFront.LATER | {"events"},
)
front_to, front_from = _STORED.values, _STORED.read
