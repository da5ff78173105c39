"""Rounding that compensates: what one weight loses, the weights that are active together with it take over.

Column by column, each weight goes to the grid and its error, seen through the inverse of the second moments, is
subtracted from the columns not yet rounded (optimal brain surgeon in the form of GPTQ, Frantar et al. 2022). It makes
``E[(sum of error * message)^2]`` far smaller than rounding every weight to its nearest value. Sweeps over the columns
follow, each moving a weight by one step of the grid where that lowers the expectation still.

A weight of zero is no synapse, and takes over nothing: what was pruned stays pruned.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn2hw.compiler.grid import WeightGrid, to_grid
from snn2hw.network.maps import Float

__all__ = ["Spread", "compensating", "spread_of"]

DAMPING = 0.01
"""Share of the mean power added to every input: the calibration data are not the world."""

BLOCK = 128

SWEEPS = 4
"""Most sweeps after the first rounding; they end early when nothing moves."""


@dataclass(frozen=True, eq=False)
class Spread:
    """The order in which columns are rounded, most active first, and how each one's error spreads over the rest."""

    order: NDArray[np.intp]
    moments: Float
    """The damped second moments M, in the columns' own order."""
    factor: Float
    """Upper triangular F with inverse of the damped second moments = F' F."""


def spread_of(second: Float) -> Spread:
    """Return how errors spread for inputs with these second moments (columns, columns)."""
    power = np.diag(second)
    order = np.argsort(-power, kind="stable")
    damped = second + (DAMPING * power.mean() + 1e-12) * np.eye(len(power))
    try:
        return Spread(order, damped, _factor(damped, order))
    except np.linalg.LinAlgError:  # inputs that depend on each other linearly, and rounding has left less than nothing
        damped = _positive(damped)
        return Spread(order, damped, _factor(damped, order))


def _factor(moments: Float, order: NDArray[np.intp]) -> Float:
    return np.asarray(np.linalg.cholesky(np.linalg.inv(moments[np.ix_(order, order)])).T)


def _positive(moments: Float) -> Float:
    """Return the moments with every direction of less power than the damping raised to it."""
    power, directions = np.linalg.eigh((moments + moments.T) / 2)
    least = DAMPING * float(np.abs(power).mean()) + 1e-12
    return np.asarray((directions * np.maximum(power, least)) @ directions.T)


def compensating(
    weight: Float, r: Float, grid: WeightGrid, spread: Spread, *, sweeps: int = SWEEPS
) -> tuple[Float, Float]:
    """Return the mantissas for ``weight`` (rows, columns) at resolutions ``r`` (rows,), and the cost of every row.

    The cost is error' M error with the damped second moments M.
    """
    factor = spread.factor
    left = weight[:, spread.order].astype(np.float64)
    synapse = left != 0
    rounded = np.empty_like(left)
    for start in range(0, left.shape[1], BLOCK):
        stop = min(start + BLOCK, left.shape[1])
        errors = np.empty((left.shape[0], stop - start))
        for j in range(start, stop):
            rounded[:, j] = np.where(synapse[:, j], to_grid(left[:, j] * r, grid), 0)
            errors[:, j - start] = (left[:, j] - rounded[:, j] / r) / factor[j, j]
            left[:, j + 1 : stop] -= errors[:, j - start, None] * factor[j, j + 1 : stop]
        left[:, stop:] -= errors @ factor[start:stop, stop:]
    mantissas = np.empty_like(rounded)
    mantissas[:, spread.order] = rounded
    return _swept(mantissas, weight, r, grid, spread, sweeps)


def _swept(
    mantissas: Float, weight: Float, r: Float, grid: WeightGrid, spread: Spread, sweeps: int
) -> tuple[Float, Float]:
    """Move single weights by one step while error' M error falls."""
    error = mantissas / r[:, None] - weight
    pull = error @ spread.moments
    step, (low, high), synapse = grid.step / r, grid.span, weight != 0
    for _ in range(sweeps):
        moved = False
        for j in spread.order:
            by = -np.sign(pull[:, j]) * step
            gain = 2 * by * pull[:, j] + by * by * spread.moments[j, j]
            after = mantissas[:, j] + np.sign(by) * grid.step
            legal = synapse[:, j] & (after >= low) & (after <= high)
            better = np.flatnonzero((gain < -1e-12 * np.abs(by * pull[:, j])) & legal)
            if better.size:
                moved = True
                mantissas[better, j] = after[better]
                error[better, j] += by[better]
                pull[better] += by[better, None] * spread.moments[j]
        if not moved:
            break
    return mantissas, np.asarray((error * pull).sum(axis=1))
