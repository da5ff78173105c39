"""The learning rate over a course of epochs, as a function of where one is in it: nothing of it is stored."""

import math
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Moment", "RateSchedule", "cosine", "one_cycle"]


class Moment(NamedTuple):
    """Batch number ``batch`` of ``batches`` in ``epoch`` of ``epochs``, both counted from 0 within the course."""

    epoch: int
    batch: int
    epochs: int
    batches: int


RateSchedule = Callable[[float, Moment], tuple[float, float | None]]
"""From the peak and a moment to the rate, and to Adam's first beta (None: it stays)."""

WARM_UP = 0.15
"""Share of the steps until the rate is at its peak."""
START, END = 25.0, 1e4
"""A cycle starts at peak / START and ends at peak / (START END)."""
CALM, QUICK = 0.95, 0.85
"""Adam's first beta where the rate is low, and where it is at its peak."""


def one_cycle(peak: float, at: Moment) -> tuple[float, float | None]:
    """Return torch's ``OneCycleLR`` with its usual numbers: up as a cosine, then down to almost nothing."""
    step, steps = at.epoch * at.batches + at.batch, at.epochs * at.batches
    top, last = WARM_UP * steps - 1, steps - 1
    low = peak / START
    if step <= top:
        done = step / top
        return _between(low, peak, done), _between(CALM, QUICK, done)
    done = (step - top) / (last - top)
    return _between(peak, low / END, done), _between(QUICK, CALM, done)


def cosine(peak: float, at: Moment) -> tuple[float, float | None]:
    """Fall from the peak to zero as a cosine."""
    done = (at.epoch + at.batch / at.batches) / at.epochs
    return peak * 0.5 * (1 + math.cos(math.pi * done)), None


def _between(start: float, end: float, done: float) -> float:
    """Go from start to end as a cosine; in torch's order of operations, so that rates are equal bit for bit."""
    return end + (start - end) / 2.0 * (math.cos(math.pi * done) + 1)
