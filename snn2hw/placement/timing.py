"""How long a step takes at least, where a chip's times are published."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["STEP_TIMES", "StepTimes", "is_seen"]


class StepTimes(NamedTuple):
    """Times of one core and of the barrier that ends a step."""

    synop_ns: float
    update_ns: float
    barrier_ns: float
    source: str


STEP_TIMES: Mapping[str, StepTimes] = MappingProxyType(
    {
        "loihi1": StepTimes(
            synop_ns=3.5,
            update_ns=5.3,
            barrier_ns=113.0,
            source="Davies 2018, table 2, pre-silicon at 0.75 V: 3.5 ns a synop (its maximum), 5.3 ns an inactive "
            "update (8.4 ns an active one), a barrier of 113 ns (465 ns over 32 tiles)",
        )
    }
)
"""By the name of the target. None is published of Loihi 2."""


def is_seen(basis: str) -> bool:
    """Return whether the traffic behind a time was that of a run; else it is that of every neuron firing in every step.

    From what was seen follows a least time; from all that could be, the least time of a step that a network hardly ever
    has.
    """
    return basis.startswith("run")
