"""From a Source to the float machine: one walk back from every neuron to all that it hears.

Exact: pools, scales, flattening and chains of maps fold into one map per link; recurrence and delays become lags;
biases become constants of the neuron that hears them; neurons keep their names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from snn2hw.network.apply import applied
from snn2hw.network.maps import (
    Diagonal,
    Map,
    after,
    carries,
)
from snn2hw.network.network import Always, FloatLayer, Link, Network
from snn2hw.network.neurons import Float, Integrating, Neuron, Relay, Spiking, ThresholdGate
from snn2hw.network.nir_border import Affine, Element, Entry, Late, Reshaping, element_of
from snn2hw.sources.graph import predecessors, shape_in, shape_out
from snn2hw.sources.order import Order, order_of
from snn2hw.sources.source import Source, require_source

__all__ = ["network_of"]


def network_of(source: Source) -> Network:
    """Return the float machine that computes what ``source`` means."""
    require_source(source)
    order = order_of(source)
    walk = _ReadSource(source, order)
    layers = [_layer(walk, name, x) for name, x in walk.elements.items() if isinstance(x, Neuron)]
    names = {layer.name for layer in layers}
    groups = (tuple(name for name in group if name in names) for group in order.groups)
    return Network(
        input_name=next(name for name, x in walk.elements.items() if isinstance(x, Entry)),
        input_shape=source.input_shape,
        layers=tuple(layers),
        groups=tuple(group for group in groups if group),
        output=next(layer.name for layer in layers if isinstance(layer.neuron, Relay)),
        semantics=source.semantics.name,
        dt=source.dt,
        origin=source.origin,
        notes=source.notes,
    )


@dataclass(eq=False)
class _ReadSource:
    """A Source with every node read, and who is before whom."""

    source: Source
    order: Order
    elements: Mapping[str, Element] = field(init=False)
    before: Mapping[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.elements = {name: element_of(name, self.source) for name in self.source.nodes}
        self.before = predecessors(self.source.graph.edges)


@dataclass(frozen=True, eq=False)
class _Gathered:
    """What has been gathered walking back from a neuron; no map where nothing but the identity has been met."""

    map: Map | None = None
    lag: int = 0
    bias_lag: int = 0
    name: str = ""
    chosen: int = -1
    delay: str = ""
    longest: int = 0


def _layer(walk: _ReadSource, name: str, neuron: Neuron) -> FloatLayer:
    shape = shape_in(walk.source.nodes[name])
    links, constants = _heard(walk, name)
    always = tuple(Always(values.reshape(shape), lag) for lag, values in sorted(constants.items()))
    if always and not always[0].lag:
        carrier = next((i for i, link in enumerate(links) if carries(link.map, always[0].values)), 0)
        links = [links[carrier], *links[:carrier], *links[carrier + 1 :]]
    return FloatLayer(name, shape, tuple(links), always, neuron)


def _heard(walk: _ReadSource, target: str) -> tuple[list[Link[Map]], dict[int, Float]]:
    """Walk back through maps and delays to every neuron and the input; return links and constants by their lag."""
    links: list[Link[Map]] = []
    constants: dict[int, Float] = {}
    waiting = [(name, target, _Gathered()) for name in walk.before.get(target, ())]
    for name, reader, way in waiting:  # grows while it is read
        if (name, reader) in walk.order.late:  # a map in a loop has sent its bias before step 0: the bias is not late
            way = replace(way, lag=way.lag + 1)
        element = walk.elements[name]
        match element:
            case Entry() | Spiking() | Integrating() | ThresholdGate() | Relay():
                shape = shape_out(walk.source.nodes[name])
                whole = way.map or Diagonal(np.ones(shape), shape)
                links.append(Link(name, whole, way.lag, way.name or f"{name} to {target}", way.delay))
                continue
            case Reshaping():
                further = [way]
            case Late(steps):
                further = _delayed(way, steps, name)
            case Affine(map_, bias, chosen):
                if bias is not None:
                    _add_constant(constants, way, bias)
                whole = map_ if way.map is None else after(way.map, map_)
                chief = name if chosen > way.chosen else way.name
                further = [replace(way, map=whole, name=chief, chosen=max(chosen, way.chosen))]
        waiting.extend((previous, name, f) for f in further for previous in walk.before.get(name, ()))
    return links, constants


def _delayed(way: _Gathered, steps: NDArray[np.int64], name: str) -> list[_Gathered]:
    """Return one way per number of steps: delays that differ between elements part it."""
    ways = []
    for k in np.unique(steps):
        chosen = Diagonal((steps == k).astype(np.float64), steps.shape)
        part = way.map if (steps == k).all() else chosen if way.map is None else after(way.map, chosen)
        longest = max(way.longest, int(k))
        delay = name if k > way.longest else way.delay
        late = replace(way, map=part, lag=way.lag + int(k), bias_lag=way.bias_lag + int(k))
        ways.append(replace(late, delay=delay, longest=longest))
    return ways


def _add_constant(constants: dict[int, Float], way: _Gathered, bias: Float) -> None:
    constant = bias if way.map is None else applied(way.map, bias[None])[0]
    known = constants.get(way.bias_lag)
    constants[way.bias_lag] = np.array(constant) if known is None else known + constant.reshape(known.shape)
