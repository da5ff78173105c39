"""A gate before a network: it opens where the sound rises above its own floor, by energy alone.

    e[t] = 10 log10(mean of the squares of the hop t + 1e-10)
    n[t] = min(e[t], n[t - 1] + rise_db)                            the floor: falls at once, rises slowly
    open where e > n + margin_db, and ``hang`` frames after and ``lead`` frames before each such frame

Per frame it squares and adds a hop of samples, and updates and compares a floor, whether it is open or not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError

__all__ = ["EnergyGate", "levels_db"]

SILENCE = 1e-10


@dataclass(frozen=True, kw_only=True)
class EnergyGate:
    """When a gate opens; times in frames."""

    margin_db: float = 9.0
    rise_db: float = 0.02
    lead: int = 8
    hang: int = 24

    def __post_init__(self) -> None:
        if not (self.margin_db > 0 and self.rise_db > 0) or min(self.lead, self.hang) < 0:
            what = f"margin_db {self.margin_db}, rise_db {self.rise_db}, lead {self.lead}, hang {self.hang}"
            raise InputError(what, "keep margin_db and rise_db above 0, lead and hang at 0 or more")

    def opened(self, levels: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return for every frame whether the network behind the gate is given it."""
        loud = np.zeros(len(levels), dtype=bool)
        floor = float("inf")
        for t, level in enumerate(levels.tolist()):
            floor = min(level, floor + self.rise_db)
            loud[t] = level > floor + self.margin_db
        edges = np.zeros(len(levels) + 1, dtype=np.int64)
        at = np.flatnonzero(loud)
        np.add.at(edges, np.maximum(at - self.lead, 0), 1)
        np.add.at(edges, np.minimum(at + self.hang + 1, len(levels)), -1)
        return np.asarray(np.cumsum(edges[:-1]) > 0)


def levels_db(samples: NDArray[np.floating], hop: int) -> NDArray[np.float64]:
    """Return the level of every whole hop of samples.

    >>> levels_db(np.array([1.0, -1.0, 0.1, 0.1, 0.5]), 2).round(1).tolist()
    [0.0, -20.0]
    """
    whole = np.asarray(samples[: len(samples) // hop * hop], dtype=np.float64).reshape(-1, hop)
    return np.asarray(10.0 * np.log10((whole * whole).mean(axis=1) + SILENCE))
