"""Which inputs are active together: the second moments of what arrives at one target, for rounding that compensates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn2hw.compiler.network import ConvMap, DenseMap, Float, Map

__all__ = ["LARGEST", "MomentMeter", "Moments"]

LARGEST = 4096
"""Columns up to which the full matrix is kept: 128 MiB of float64."""

DRAWN = 4096
"""How many places in space and time are drawn from every chunk of calibration data."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean (g, columns) and second moment (g, columns, columns) of the inputs behind the rows of each group.

    ``heard`` is the share of targets and steps at which any message arrives.
    """

    mean: Float
    second: Float
    heard: float


class MomentMeter:
    """Gathers the moments of one link over chunks of messages (b, t, *source)."""

    def __init__(self, map_: Map, source: tuple[int, ...], target: tuple[int, ...]) -> None:
        self.map, self.source, self.target = map_, source, target
        self.groups = map_.groups if isinstance(map_, ConvMap) else 1
        self.columns = int(np.prod(map_.weight.shape[1:]))
        self.kept = self.columns <= LARGEST
        self.first = np.zeros((self.groups, self.columns))
        self.second = np.zeros((self.groups, self.columns, self.columns)) if self.kept else np.zeros((0, 0, 0))
        self.count, self.heard = 0, 0
        self.rng = np.random.default_rng(0)

    def add(self, messages: NDArray[np.generic]) -> None:
        """Take in one chunk."""
        if not self.kept:
            return
        seen = self._drawn(messages.reshape(-1, *self.source))  # n g c
        self.first += seen.sum(axis=0)
        for g in range(self.groups):
            self.second[g] += seen[:, g].T @ seen[:, g]
        self.count += len(seen)
        self.heard += int(seen.any(axis=(1, 2)).sum())

    def _drawn(self, flat: NDArray[np.generic]) -> Float:
        """Return what arrives at randomly drawn targets, (n, groups, columns)."""
        which = self.rng.integers(0, len(flat), DRAWN)
        match self.map:
            case DenseMap():
                return flat[which].reshape(DRAWN, 1, -1).astype(np.float64)
            case ConvMap(weight=weight, stride=stride, padding=padding, dilation=dilation):
                (pad_y, pad_x), (channels, height, width) = padding, self.source
                y, x = (self.rng.integers(0, side, DRAWN) for side in self.target[1:])
                seen = np.zeros((DRAWN, channels, *weight.shape[2:]))
                for ky, kx in np.ndindex(*weight.shape[2:]):
                    row = y * stride[0] + ky * dilation[0] - pad_y
                    column = x * stride[1] + kx * dilation[1] - pad_x
                    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
                    seen[inside, :, ky, kx] = flat[which[inside], :, row[inside], column[inside]]
                return seen.reshape(DRAWN, self.groups, -1)

    def finish(self) -> Moments | None:
        """Return the moments, or None where the link is too wide for a full matrix."""
        if not self.kept or not self.count:
            return None
        return Moments(self.first / self.count, self.second / self.count, self.heard / self.count)
