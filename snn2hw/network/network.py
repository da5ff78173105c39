"""The machine with real numbers in its registers: what a lowered Source asks of each population.

    U = (1 - share_u) U + sum of links  W . s[t - lag]  +  always;     V = (1 - share_v) V + U + drive
    z = fires and V > threshold;     V = 0 or V - threshold where z

A neuron's membrane in volts is ``unit * V + origin``. Whatever gain an input has (a_m r a_s w_in, dt r) is divided out
of the equations and sits in ``unit``: V only ever meets its own threshold, so the weights stay the network's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.program import Reset

__all__ = ["Always", "ConvMap", "DenseMap", "Float", "Layer", "Link", "Map", "Network"]

Float = NDArray[np.float64]
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class DenseMap:
    """``weight @ s`` with the message in C order."""

    weight: Float  # out in


@dataclass(frozen=True, eq=False)
class ConvMap:
    """Cross-correlation as in torch."""

    weight: Float  # out in/groups kh kw
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


Map = DenseMap | ConvMap


@dataclass(frozen=True, eq=False)
class Link:
    """One source read through one linear map, ``lag`` steps late."""

    source: str
    map: Map
    lag: int = 0


@dataclass(frozen=True, eq=False)
class Always:
    """A bias that enters where messages do, from step ``lag`` on, in every step."""

    values: Float
    lag: int = 0


@dataclass(frozen=True, eq=False)
class Layer:
    """One population with real registers; every array has the population's shape."""

    name: str
    node: str
    """The name of its node in the Source; the population's own may differ where a name is not legal."""
    shape: Shape
    links: tuple[Link, ...]
    always: tuple[Always, ...]
    share_u: Float
    share_v: Float
    threshold: Float
    drive: Float
    u0: Float
    v0: Float
    unit: Float
    origin: Float
    reset: Reset
    fires: bool
    fires_at_threshold: bool = False
    """Whether V = threshold fires too (>=); the machine compares with >."""

    @property
    def size(self) -> int:
        """Return the number of neurons."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Network:
    """All layers in an order in which each step can be computed; the last one is the output."""

    input_shape: Shape
    layers: tuple[Layer, ...]
    dt: float
    origin: str
    notes: tuple[str, ...] = ()

    @property
    def by_name(self) -> Mapping[str, Layer]:
        """Return the layers by name."""
        return {layer.name: layer for layer in self.layers}
