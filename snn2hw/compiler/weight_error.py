"""What a resolution loses: the squared error of an input sum, for many resolutions of every group of weights at once.

A resolution r is mantissas per unit of weight. The grid of resolutions is absolute, 2^(i / POINTS), so that the tables
of several links into one population can be added.
"""

from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from snn2hw.compiler.grid import WeightGrid, to_grid
from snn2hw.compiler.options import Method
from snn2hw.network.maps import Float

__all__ = ["POINTS", "ErrorTable", "RealRows", "error_table", "resolution"]

POINTS = 8
"""Resolutions per octave."""

BELOW, ABOVE = 1, 3
"""Octaves tried below and above the resolution at which the greatest weight of a group just fits."""

PERCENTILE = 99.9


@dataclass(frozen=True, eq=False)
class RealRows:
    """The weights of one link, one row per target channel or neuron.

    ``group`` says which rows share a scale; ``power`` is the mean square message behind every column: (rows or 1,
    columns).
    """

    weight: Float  # row column
    power: Float
    group: NDArray[np.intp]
    groups: int


@dataclass(frozen=True, eq=False)
class ErrorTable:
    """The cost of group g at resolution 2^((first[g] + i) / POINTS) is ``cost[g, i]``; below, it grows as 1 / r^2."""

    first: NDArray[np.int64]
    cost: Float  # group point

    def at(self, index: NDArray[np.int64]) -> Float:
        """Return the cost of every group at absolute grid points (group, n); infinite beyond the table's end."""
        inside = index - self.first[:, None]
        last = self.cost.shape[1] - 1
        found = np.take_along_axis(self.cost, np.clip(inside, 0, last), axis=1)
        found = found * 4.0 ** (np.maximum(-inside, 0) / POINTS)
        return np.where(inside > last, np.inf, found)


def resolution(index: NDArray[np.int64]) -> Float:
    """Return the mantissas per unit of weight at grid points."""
    return np.exp2(index / POINTS)


def error_table(rows: RealRows, grid: WeightGrid, method: Method) -> ErrorTable:
    """Return sum over columns of power * (rounded / r - weight)^2 for every group and resolution."""
    largest = _fitting(rows, grid, method)
    fits = np.floor(POINTS * np.log2(largest)).astype(np.int64)
    first = fits - BELOW * POINTS
    match method:
        case "max" | "percentile":
            index = first[:, None] + np.arange(BELOW * POINTS + 1)
            weight = np.bincount(rows.group, weights=np.broadcast_to(rows.power, rows.weight.shape).sum(axis=1))
            return ErrorTable(first, (weight[:, None] + 1e-30) * (grid.step / resolution(index)) ** 2 / 12)
        case "mse" | "kept":
            points = (BELOW + ABOVE) * POINTS + 1
            cost = np.empty((rows.groups, points))
            for i in range(points):
                r = resolution(first + i)[rows.group, None]
                error = to_grid(rows.weight * r, grid) / r - rows.weight
                per_row = (np.square(error) * rows.power).sum(axis=1)
                cost[:, i] = np.bincount(rows.group, weights=per_row, minlength=rows.groups)
            return ErrorTable(first, cost)
        case _:
            assert_never(method)


def _fitting(rows: RealRows, grid: WeightGrid, method: Method) -> Float:
    """Return the greatest resolution of each group at which its weights (or nearly all of them) are on the grid."""
    low, high = grid.span
    ratio = np.full(rows.weight.shape, np.inf)
    np.divide(low, rows.weight, out=ratio, where=rows.weight < 0)
    np.divide(high, rows.weight, out=ratio, where=rows.weight > 0)
    per_row = (
        ratio.min(axis=1) if method != "percentile" else np.percentile(ratio, 100 - PERCENTILE, axis=1, method="lower")
    )
    fitting = np.full(rows.groups, np.inf)
    np.minimum.at(fitting, rows.group, per_row)
    top = np.max(fitting, where=np.isfinite(fitting), initial=1.0)
    return np.where(np.isfinite(fitting), fitting, top)  # a group without weights takes any scale
