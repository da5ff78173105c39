"""How often something was right, and within which interval that share lies."""

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Share"]

Z = 1.96
"""The normal deviate that leaves 2.5 % on each side."""


@dataclass(frozen=True)
class Share:
    """How many of some clips were right; ``interval`` is Wilson's, at 95 %."""

    right: int
    count: int
    """At least one."""

    @property
    def accuracy(self) -> float:
        """Return the share."""
        return self.right / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """Return the ends of the interval.

        >>> [round(end, 3) for end in Share(80, 100).interval]
        [0.711, 0.867]
        """
        z, n, p = Z, self.count, self.accuracy
        middle, half = p + z * z / (2 * n), z * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
        return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        low, high = self.interval
        return {
            "accuracy": round(self.accuracy, 4),
            "right": self.right,
            "clips": self.count,
            "interval_95": [round(low, 4), round(high, 4)],
        }
