"""Weights that lie on a grid already, as training in few bits leaves them: they are stored as they are.

Weights of one scale lie on a grid where a resolution r makes each of them a mantissa: r w = step k. The least such r is
the one that is taken, and the scale is r 2^e for the greatest exponent e that the registers hold. No weight is rounded.
"""

from collections.abc import Sequence

import numpy as np

from sim.errors import InputError
from snn2hw.compiler.grid import WeightGrid, to_grid
from snn2hw.compiler.scales import Choice
from snn2hw.compiler.weight_error import RealRows
from snn2hw.network.maps import Float

__all__ = ["kept_choice"]

NEAR = 1e-4
"""Steps that a weight may lie off its grid: it comes in float32."""


def kept_choice(
    rows: Sequence[RealRows], grids: Sequence[WeightGrid], learnt: Sequence[bool], cap: Float, exponents: range
) -> Choice:
    """Return the scale per group and the exponent per link at which all weights are stored as they are.

    Args:
        rows: the weights of every link.
        grids: which mantissas each may have.
        learnt: whether a link's weights lie on a grid; an axon's bias, which does not, is rounded.
        cap: the greatest scale of every group.
        exponents: those that a weight may have.
    """
    chosen = [i for i, on_grid in enumerate(learnt) if on_grid]
    least = _resolution([rows[i] for i in chosen], [grids[i] for i in chosen])
    exponent = min(int(np.floor(np.log2(cap / least)).min()), exponents.stop - 1)
    if exponent < exponents.start:
        raise InputError("no scale holds weights on this grid", "train with fewer bits, or compile with method mse")
    scale = least * 2.0**exponent
    found = [
        exponent if on_grid else _fitting(link, grid, scale, exponents)
        for link, grid, on_grid in zip(rows, grids, learnt, strict=True)
    ]
    return Choice(scale, tuple(found))


def _resolution(rows: Sequence[RealRows], grids: Sequence[WeightGrid]) -> Float:
    """Return, per group, the least mantissas per unit of weight at which every weight is a mantissa."""
    groups = rows[0].groups if rows else 1
    greatest = np.zeros(groups)
    for link in rows:
        np.maximum.at(greatest, link.group, np.abs(link.weight).max(axis=1))
    step = min((grid.step for grid in grids), default=1)
    most = max((max(-grid.low, grid.high) * grid.step // step for grid in grids), default=1)
    found = np.full(groups, np.nan)
    found[greatest == 0] = np.nanmax(step / greatest[greatest > 0], initial=1.0)  # no weights: as fine as the others
    for k in range(1, most + 1):
        open_ = np.isnan(found)
        if not open_.any():
            break
        tried = np.where(greatest > 0, k * step / np.where(greatest > 0, greatest, 1.0), 1.0)
        held = np.ones(groups, dtype=bool)
        for link, grid in zip(rows, grids, strict=True):
            wanted = link.weight * tried[link.group, None]
            off = (np.abs(wanted - to_grid(wanted, grid)) > NEAR * grid.step).any(axis=1)
            np.logical_and.at(held, link.group, ~off)
        found[open_ & held] = tried[open_ & held]
    if np.isnan(found).any():
        what = f"{int(np.isnan(found).sum())} of {groups} scales: the weights lie on no grid of so few bits"
        raise InputError(what, "train with --weight-bits, or compile with another method")
    return found


def _fitting(rows: RealRows, grid: WeightGrid, scale: Float, exponents: range) -> int:
    """Return the least exponent at which weights fit their grid."""
    low, high = grid.span
    wanted = rows.weight * scale[rows.group, None]
    for e in exponents:
        if (wanted >= low * 2.0**e).all() and (wanted <= high * 2.0**e).all():
            return e
    return exponents.stop - 1
