"""One population as the compiler made it, with the choices that made it."""

from dataclasses import dataclass, replace
from typing import Any, assert_never, cast

import numpy as np
from numpy.typing import NDArray

from sim.program import Conv, Dense, Population, Weight, Wiring
from snn2hw.compiler.grid import WeightGrid
from snn2hw.network.maps import ConvMap, DenseMap, Float
from snn2hw.network.registers import RealPopulation, WeightMap

__all__ = ["Quantized", "wiring_of"]


@dataclass(frozen=True, eq=False)
class Quantized:
    """One population with the choices that made it."""

    population: Population
    helpers: tuple[Population, ...]
    grids: tuple[WeightGrid, ...]
    scale: Float
    """S of every neuron: threshold mantissas per unit of V."""
    layer: RealPopulation
    """The layer as quantised: biases moved to where the policy puts them."""
    sqnr_db: tuple[float, ...]
    """Per connection, the power of the weights over that of their error, each weight counted as often as it is used."""
    exact: bool = False
    """Whether the weights are stored as they are, with nothing to choose."""

    def sending(self, most: int) -> "Quantized":
        """Return the same with messages of at most so many spikes."""
        made = self.population
        return replace(self, population=replace(made, properties={**made.properties, "most": most}))

    def mantissas(self) -> tuple[Float, ...]:
        """Return, per connection, the mantissas before they were rounded: where fine-tuning starts."""
        if self.exact:
            return ()
        pairs = zip(self.layer.links, self.population.inputs, strict=True)
        return tuple(_unrounded(link.map, self.scale, c.exponent) for link, c in pairs)


def _unrounded(map_: WeightMap, scale: Float, exponent: int) -> Float:
    row = scale.reshape(map_.weight.shape[0], -1)[:, 0]  # one scale per row of weights
    return np.asarray(map_.weight * row.reshape(-1, *(1,) * (map_.weight.ndim - 1)) / 2.0**exponent)


def wiring_of(map_: WeightMap, mantissas: NDArray[Any]) -> Wiring:
    """Return the integer wiring of a real one."""
    whole = mantissas.astype(np.int64).reshape(map_.weight.shape)
    match map_:
        case DenseMap():
            return Dense(cast("Weight", whole))  # any integer array is taken, and narrowed
        case ConvMap():
            return Conv(cast("Weight", whole), map_.stride, map_.padding, map_.dilation, map_.groups)
        case _:
            assert_never(map_)
