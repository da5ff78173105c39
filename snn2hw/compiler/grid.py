"""Which values a synapse can hold, and how a real number becomes one of them."""

from dataclasses import dataclass, replace

import numpy as np

from sim.weight_rule import weight_grid
from snn2hw.chips.target import Target
from snn2hw.compiler.options import Bits
from snn2hw.network.maps import Float
from snn2hw.network.network import Link
from snn2hw.network.registers import RealMachine, WeightMap

__all__ = ["WeightGrid", "grid_for", "legal", "leveled", "most_bits", "to_grid"]


@dataclass(frozen=True)
class WeightGrid:
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


def grid_for(weight: Float, bits: Bits, rule: str) -> WeightGrid:
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
    return WeightGrid(low, high, step, stored, rule)


def to_grid(values: Float, grid: WeightGrid) -> Float:
    """Return the nearest multiples of the step within the grid, as mantissas."""
    return np.clip(np.rint(values / grid.step), grid.low, grid.high) * grid.step


def legal(mantissas: Float, grid: WeightGrid) -> Float:
    """Mend a mixed matrix that lost one sign in rounding: on Loihi -256 exists only beside a positive weight."""
    if grid.rule != "loihi" or (mantissas > 0).any() or not (mantissas < 0).any():
        return mantissas
    least, _, _ = weight_grid(grid.bits, grid.rule, np.array([-1, 0], dtype=np.int8))
    return np.maximum(mantissas, least)


def leveled(machine: RealMachine, levels: int) -> RealMachine:
    """Return the machine with the weights of every link on L levels: the historic scheme, for comparison only.

    D = max(w) / (L - 1), and every weight becomes sign(w) D floor(|w| / D): magnitudes rounded down, the step taken
    from the greatest positive weight alone.
    """
    populations = [replace(p, links=tuple(_leveled(link, levels) for link in p.links)) for p in machine.populations]
    return replace(machine, populations=tuple(populations))


def _leveled(link: Link[WeightMap], levels: int) -> Link[WeightMap]:
    weight = link.map.weight
    greatest = float(weight.max())
    if greatest <= 0:
        return link  # the scheme has no step for a matrix without a positive weight
    step = greatest / (levels - 1)
    whole = np.floor(np.abs(weight) / step * (1 + 1e-12))
    return link.through(replace(link.map, weight=np.sign(weight) * whole * step))
