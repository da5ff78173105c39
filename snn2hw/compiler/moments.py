"""Which inputs are active together: the second moments of what arrives at one target, for rounding that compensates.

A weight's error reaches the membrane through the synaptic and the membrane filter, so messages are filtered as the
target filters them before they are multiplied: with U, V of `snn2hw.network.registers` and no reset,

    V[t] = sum over k of (W . x)[t - k] h[k]  =  (W . f)[t],     U' = (1 - share_u) U + x,     f = (1 - share_v) f + U'

and a constant drive adds its value times g[t] = 1 + (1 - share_v) + ... + (1 - share_v)^t.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn2hw.network.maps import ConvMap, DenseMap, Float
from snn2hw.network.registers import WeightMap

__all__ = ["LARGEST", "MomentMeter", "Moments"]

LARGEST = 4096
"""Columns up to which the full matrix is kept: 128 MiB of float64."""

DRAWN = 4096
"""How many places in space and time are drawn from every chunk of calibration data."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of the filtered inputs f behind the rows of each group.

    ``mean`` (g, columns) is the constant drive that replaces each input best, E[f g] / E[g^2]; ``second`` (g, columns,
    columns) is E[f f'], ``steady`` E[g^2]. ``heard`` is the share of targets and steps at which any message arrives,
    ``seen`` how many different ones the moments come from.
    """

    mean: Float
    second: Float
    steady: float
    heard: float
    seen: int

    @property
    def centred(self) -> Float:
        """Return the second moments of what remains beside the best constant drive."""
        return self.second - self.steady * self.mean[:, :, None] * self.mean[:, None, :]

    def trusted(self, *, centred: bool) -> Float:
        """Return the second moments with what few data say about pairs of inputs drawn toward nothing.

        From n observations of c inputs, pairs keep n / (n + c): one sample alone would let weights trade errors freely.
        """
        second = self.centred if centred else self.second
        kept = self.seen / (self.seen + second.shape[1])
        return np.asarray(kept * second + (1 - kept) * np.eye(second.shape[1]) * second)


class MomentMeter:
    """Gathers the moments of one link over chunks of messages (b, t, *source).

    ``shares`` are what the target's U and V lose in a step.
    """

    def __init__(self, map_: WeightMap, shares: tuple[float, float]) -> None:
        self.map, self.source, self.target, self.shares = map_, map_.source, map_.shape, shares
        self.groups = map_.groups if isinstance(map_, ConvMap) else 1
        self.columns = int(np.prod(map_.weight.shape[1:]))
        self.kept = self.columns <= LARGEST
        self.first = np.zeros((self.groups, self.columns))
        self.second = np.zeros((self.groups, self.columns, self.columns)) if self.kept else np.zeros((0, 0, 0))
        self.count, self.heard, self.steady, self.seen = 0, 0, 0.0, 0
        self.rng = np.random.default_rng(0)

    def add(self, messages: NDArray[np.generic]) -> None:
        """Take in one chunk."""
        if not self.kept:
            return
        steps = messages.shape[1]
        which = self.rng.integers(0, messages.shape[0] * steps, DRAWN)
        constant = _filtered(np.ones((1, steps)), (1.0, self.shares[1]))[0, which % steps]
        filtered = _filtered(messages.reshape(*messages.shape[:2], *self.source), self.shares)
        seen = self._seen(filtered.reshape(-1, *self.source), which)  # n g c
        self.first += np.einsum("ngc,n->gc", seen, constant)
        self.steady += float(np.square(constant).sum())
        for g in range(self.groups):
            self.second[g] += seen[:, g].T @ seen[:, g]
        self.count += len(seen)
        self.seen += min(DRAWN, messages.shape[0] * steps * int(np.prod(self.target[1:])))
        self.heard += int(seen.any(axis=(1, 2)).sum())

    def _seen(self, flat: Float, which: NDArray[np.int64]) -> Float:
        """Return what arrives at randomly drawn targets, (n, groups, columns)."""
        match self.map:
            case DenseMap():
                return flat[which].reshape(DRAWN, 1, -1)
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
        return Moments(
            mean=self.first / self.steady,
            second=self.second / self.count,
            steady=self.steady / self.count,
            heard=self.heard / self.count,
            seen=self.seen,
        )


def _filtered(messages: NDArray[np.generic], shares: tuple[float, float]) -> Float:
    """Return the messages (b, t, ...) as they stand in V."""
    keep_u, keep_v = 1 - shares[0], 1 - shares[1]
    result = messages.astype(np.float64)
    if shares != (1.0, 1.0):
        u, v = np.zeros_like(result[:, 0]), np.zeros_like(result[:, 0])
        for t in range(result.shape[1]):
            u = keep_u * u + result[:, t]
            v = keep_v * v + u
            result[:, t] = v
    return result
