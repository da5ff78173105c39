"""Which values a synapse can hold, and how a real number becomes one of them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sim.weight_rule import weight_grid
from snn2hw.chips.target import Target
from snn2hw.network.network import Float

__all__ = ["Bits", "Grid", "grid_for", "legal", "most_bits", "to_grid"]

Bits = int | Literal["ternary"]
"""Bits per weight; "ternary" is one magnitude with its sign, or nothing: -1, 0, 1."""


@dataclass(frozen=True)
class Grid:
    """The mantissas ``step * k`` with low <= k <= high, stored in ``bits`` bits."""

    low: int
    high: int
    step: int
    bits: int
    rule: str

    @property
    def span(self) -> tuple[int, int]:
        """Return the least and the greatest mantissa."""
        return self.low * self.step, self.high * self.step


def most_bits(target: Target) -> int:
    """Return the widest weight of a target."""
    return target.weight_bits[1]


def grid_for(weight: Float, bits: Bits, rule: str) -> Grid:
    """Return the grid of a matrix with these signs: a matrix of one sign has a finer one on Loihi.

    >>> grid_for(np.array([-1.0, 1.0]), 8, "loihi").span, grid_for(np.array([0.0, 1.0]), 8, "loihi").span
    ((-256, 254), (0, 255))
    """
    stored = 2 if bits == "ternary" else bits
    signs = np.sign([weight.min(), weight.max()]).astype(np.int8)
    least, greatest, step = weight_grid(stored, rule, signs)
    low, high = least // step, greatest // step
    if bits == "ternary":
        low, high = max(low, -1), min(high, 1)
    return Grid(low, high, step, stored, rule)


def to_grid(values: Float, grid: Grid) -> Float:
    """Return the nearest multiples of the step within the grid, as mantissas."""
    return np.clip(np.rint(values / grid.step), grid.low, grid.high) * grid.step


def legal(mantissas: Float, grid: Grid) -> Float:
    """Mend a mixed matrix that lost one sign in rounding: on Loihi -256 exists only beside a positive weight."""
    if grid.rule != "loihi" or (mantissas > 0).any() or not (mantissas < 0).any():
        return mantissas
    least, _, _ = weight_grid(grid.bits, grid.rule, np.array([-1, 0], dtype=np.int8))
    return np.maximum(mantissas, least)
