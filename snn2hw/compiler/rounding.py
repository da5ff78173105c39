"""Rounding that compensates: what one weight loses, the weights that are active together with it take over.

Column by column, each weight goes to the grid and its error, seen through the inverse of the second moments, is
subtracted from the columns not yet rounded (optimal brain surgeon in the form of GPTQ, Frantar et al. 2022). It makes
``E[(sum of error * message)^2]`` far smaller than rounding every weight to its nearest value.
"""

import numpy as np

from snn2hw.compiler.grid import Grid, to_grid
from snn2hw.compiler.network import Float

__all__ = ["compensating"]

DAMPING = 0.01
"""Share of the mean power added to every input: the calibration data are not the world."""

BLOCK = 128


def compensating(weight: Float, r: Float, grid: Grid, second: Float) -> Float:
    """Return mantissas for ``weight`` (rows, columns) at resolutions ``r`` (rows,), inputs with ``second`` moments."""
    power = np.diag(second)
    order = np.argsort(-power, kind="stable")
    damped = second[np.ix_(order, order)] + (DAMPING * power.mean() + 1e-12) * np.eye(len(power))
    factor = np.linalg.cholesky(np.linalg.inv(damped)).T  # upper: row j says how column j's error spreads
    left = weight[:, order].astype(np.float64)
    mantissas = np.empty_like(left)
    for start in range(0, left.shape[1], BLOCK):
        stop = min(start + BLOCK, left.shape[1])
        errors = np.empty((left.shape[0], stop - start))
        for j in range(start, stop):
            mantissas[:, j] = to_grid(left[:, j] * r, grid)
            errors[:, j - start] = (left[:, j] - mantissas[:, j] / r) / factor[j, j]
            left[:, j + 1 : stop] -= errors[:, j - start, None] * factor[j, j + 1 : stop]
        left[:, stop:] -= errors @ factor[start:stop, stop:]
    result = np.empty_like(mantissas)
    result[:, order] = mantissas
    return result
