"""Mean and spread of a number over samples, kept without the samples.

    mean = (n_a m_a + n_b m_b) / (n_a + n_b)        squares = s_a + s_b + (m_b - m_a)^2 n_a n_b / (n_a + n_b)

where squares is the sum of squared distances from the mean (Chan, Golub and LeVeque 1979).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from math import sqrt
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.trace import Counts
from snn2hw.costs.estimate import Estimate, t_quantile

__all__ = ["BLOCK", "SampleMoments", "blocks", "join", "over_blocks"]

COUNTED = tuple(field.name for field in fields(Counts) if field.name != "words")
"""What counts hold per sample, the batch as the last axis."""


@dataclass(frozen=True)
class SampleMoments:
    """Of so many samples."""

    samples: int
    mean: float
    squares: float

    @classmethod
    def of(cls, values: ArrayLike) -> "SampleMoments":
        """Return those of samples.

        >>> SampleMoments.of([1, 2, 3])
        SampleMoments(samples=3, mean=2.0, squares=2.0)
        """
        array = np.asarray(values, dtype=np.float64)
        mean = float(array.mean())
        return cls(len(array), mean, float(((array - mean) ** 2).sum()))

    def joined(self, more: "SampleMoments") -> "SampleMoments":
        """Return those of both together."""
        samples, apart = self.samples + more.samples, more.mean - self.mean
        mean = self.mean + apart * more.samples / samples
        return SampleMoments(
            samples, mean, self.squares + more.squares + apart**2 * self.samples * more.samples / samples
        )

    def over(self, divisor: float) -> "SampleMoments":
        """Return those of the number divided."""
        return SampleMoments(self.samples, self.mean / divisor, self.squares / divisor**2)

    def estimate(self, confidence: float) -> Estimate:
        """Return the mean with Student's interval."""
        if self.samples < 2:
            return Estimate(self.mean, None, None)
        spread = sqrt(self.squares / (self.samples - 1))
        half = t_quantile(confidence, self.samples - 1) * spread / sqrt(self.samples)
        return Estimate(self.mean, self.mean - half, self.mean + half)


BLOCK = 4096
"""Samples that are taken apart at once: which they are depends on no chunk, so that no chunk is seen in a price."""

K = TypeVar("K")


def blocks(counts: Counts) -> Iterator[tuple[Counts, slice]]:
    """Yield the counts of every `BLOCK` samples, as views, and which samples they are."""
    samples = len(next(iter(counts.spikes.values())))
    for start in range(0, samples, BLOCK):
        which = slice(start, start + BLOCK)
        part = {field: {name: n[..., which] for name, n in getattr(counts, field).items()} for field in COUNTED}
        yield replace(counts, **part), which


def over_blocks(counts: Counts, arrays: Callable[[Counts], Mapping[K, NDArray[Any]]]) -> dict[K, SampleMoments]:
    """Return the moments of the numbers per sample that ``arrays`` makes of counts, block by block."""
    found: dict[K, SampleMoments] = {}
    for part, _ in blocks(counts):
        join(found, arrays(part))
    return found


def join(found: dict[K, SampleMoments], more: Mapping[K, NDArray[Any]]) -> None:
    """Add the numbers of more samples."""
    for key, values in more.items():
        here = SampleMoments.of(values)
        found[key] = found[key].joined(here) if key in found else here
