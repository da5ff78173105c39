"""A mean over samples and how far it may be off: Student's t interval.

mean +- t(confidence, n - 1) * s / sqrt(n)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import atan, exp, lgamma, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Estimate", "estimate", "t_quantile"]


@dataclass(frozen=True)
class Estimate:
    """A mean with its confidence interval; one sample has none, and says so with None."""

    mean: float
    low: float | None
    high: float | None

    def to_json(self) -> Mapping[str, float | None]:
        """Return plain values."""
        return {"mean": self.mean, "ci_low": self.low, "ci_high": self.high}


def estimate(values: ArrayLike, confidence: float = 0.95) -> Estimate:
    """Estimate the mean of the population from which the samples come.

    >>> estimate([1.0, 2.0, 3.0]).mean
    2.0
    """
    array = np.asarray(values, dtype=np.float64)
    mean = float(array.mean())
    if len(array) < 2:
        return Estimate(mean, None, None)
    half = t_quantile(confidence, len(array) - 1) * float(array.std(ddof=1)) / sqrt(len(array))
    return Estimate(mean, mean - half, mean + half)


@lru_cache(maxsize=64)
def t_quantile(confidence: float, degrees: int) -> float:
    """Return t with P(|T| < t) = confidence.

    With x = sqrt(n) tan(a) the density becomes cos(a)^(n-1): P(|T| < t) = I(atan(t / sqrt n)) / I(pi / 2).
    """
    nodes, weights = np.polynomial.legendre.leggauss(64)
    whole = sqrt(pi) / 2 * exp(lgamma(degrees / 2) - lgamma((degrees + 1) / 2))

    def inside(t: float) -> float:
        end = atan(t / sqrt(degrees))
        angles = end / 2 * (nodes + 1)
        return float(end / 2 * (weights @ np.cos(angles) ** (degrees - 1)) / whole)

    low, high = 0.0, 1.0
    while inside(high) < confidence:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) < confidence else (low, middle)
    return high
