"""The float machine: the network of any framework as layers of neurons with linear maps between them.

    x[t] = sum over links of  map . message[t - lag]  +  what is always on;     the neuron takes x and sends a message

Nothing here knows where the network came from or which chip it is for: every order of events that
`snn2hw.sources.semantics` names can stand in a layer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from snn2hw.network.maps import Map
from snn2hw.network.neurons import Float, Neuron
from snn2hw.sources.shapes import Shape

__all__ = ["ADDED", "Always", "FloatLayer", "Link", "Network", "WiredLayer"]

ADDED = "added by a rewrite"
"""The name of a link that is not the network's own."""

M = TypeVar("M", bound=Map, covariant=True)
"""What kind of map: any, one that is no chain, one that has weights."""

N = TypeVar("N", bound=Map)


@dataclass(frozen=True, eq=False)
class Link(Generic[M]):
    """One source read through one map, ``lag`` steps late.

    ``name`` is that of the node with the most weights on the way, ``delay`` that of the Delay node that waits longest.
    """

    source: str
    map: M
    lag: int = 0
    name: str = ""
    delay: str = ""

    def through(self, map_: N) -> "Link[N]":
        """Return the same link through another map."""
        return Link(self.source, map_, self.lag, self.name, self.delay)


@dataclass(frozen=True, eq=False)
class Always:
    """What arrives in every step from step ``lag`` on, whatever is sent."""

    values: Float
    lag: int = 0


@dataclass(frozen=True, eq=False)
class WiredLayer(Generic[M]):
    """Neurons under one name, and all that they hear; the constant of lag 0 belongs to the first link."""

    name: str
    shape: Shape
    links: tuple[Link[M], ...]
    always: tuple[Always, ...]

    @property
    def size(self) -> int:
        """Return the number of neurons."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class FloatLayer(WiredLayer[Map]):
    """The neurons of one node."""

    neuron: Neuron


@dataclass(frozen=True, eq=False)
class Network:
    """All layers, the output among them (a `Relay`).

    Args:
        input_name: what links call the input.
        input_shape: one step of one sample.
        layers: in the order of the Source's nodes.
        groups: the names of the layers, each group computed for all steps before the next one starts: a layer alone,
            or the layers of a loop, which go step by step in this order.
        output: the name of the output's layer.
        semantics: the name of the order of events, for messages.
        dt: seconds per step.
        origin: where the network comes from.
        notes: what was repaired or assumed while reading.
    """

    input_name: str
    input_shape: Shape
    layers: tuple[FloatLayer, ...]
    groups: tuple[tuple[str, ...], ...]
    output: str
    semantics: str
    dt: float
    origin: str
    notes: tuple[str, ...] = ()

    @property
    def by_name(self) -> Mapping[str, FloatLayer]:
        """Return the layers by name."""
        return {layer.name: layer for layer in self.layers}
