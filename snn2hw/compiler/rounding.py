"""Rounding that compensates: what one weight loses, the weights that are active together with it take over.

Column by column, each weight goes to the grid and its error, seen through the inverse of the second moments, is
subtracted from the columns not yet rounded (optimal brain surgeon in the form of GPTQ, Frantar et al. 2022). It makes
``E[(sum of error * message)^2]`` far smaller than rounding every weight to its nearest value.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn2hw.compiler.grid import Grid, to_grid
from snn2hw.compiler.network import Float

__all__ = ["Spread", "compensating", "spread_of"]

DAMPING = 0.01
"""Share of the mean power added to every input: the calibration data are not the world."""

BLOCK = 128


@dataclass(frozen=True, eq=False)
class Spread:
    """The order in which columns are rounded, most active first, and how each one's error spreads over the rest."""

    order: NDArray[np.intp]
    factor: Float
    """Upper triangular F with inverse of the damped second moments = F' F."""


def spread_of(second: Float) -> Spread:
    """Return how errors spread for inputs with these second moments (columns, columns)."""
    power = np.diag(second)
    order = np.argsort(-power, kind="stable")
    damped = second[np.ix_(order, order)] + (DAMPING * power.mean() + 1e-12) * np.eye(len(power))
    return Spread(order, np.asarray(np.linalg.cholesky(np.linalg.inv(damped)).T))


def compensating(weight: Float, r: Float, grid: Grid, spread: Spread) -> tuple[Float, Float]:
    """Return the mantissas for ``weight`` (rows, columns) at resolutions ``r`` (rows,), and the cost of every row.

    The cost is error' M error with the damped second moments M: the sum of the squares of what is handed on.
    """
    factor = spread.factor
    left = weight[:, spread.order].astype(np.float64)
    mantissas = np.empty_like(left)
    cost = np.zeros(len(weight))
    for start in range(0, left.shape[1], BLOCK):
        stop = min(start + BLOCK, left.shape[1])
        errors = np.empty((left.shape[0], stop - start))
        for j in range(start, stop):
            mantissas[:, j] = to_grid(left[:, j] * r, grid)
            errors[:, j - start] = (left[:, j] - mantissas[:, j] / r) / factor[j, j]
            left[:, j + 1 : stop] -= errors[:, j - start, None] * factor[j, j + 1 : stop]
        left[:, stop:] -= errors @ factor[start:stop, stop:]
        cost += np.square(errors).sum(axis=1)
    result = np.empty_like(mantissas)
    result[:, spread.order] = mantissas
    return result, cost
