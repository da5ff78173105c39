"""Everything that one neuron hears: linear maps from each message source, how late, and constant inputs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from snn2hw.network.maps import Diagonal, Float, Map, after, map_of, on_constant
from snn2hw.sources.graph import predecessors, shape_in, shape_out
from snn2hw.sources.order import Order, delay_steps
from snn2hw.sources.shapes import is_neuron

if TYPE_CHECKING:
    from snn2hw.sources.source import Source

__all__ = ["Hearing", "Link", "heard_by"]


@dataclass(frozen=True, eq=False)
class Link:
    """One way from a message source: ``map`` of what it sent ``lag`` steps ago. ``name`` is its chief node's."""

    source: str
    map: Map
    lag: int
    name: str


@dataclass(eq=False)
class Hearing:
    """All links into one node, and its constant inputs by the step in which each sets in."""

    links: list[Link] = field(default_factory=list)
    constants: dict[int, Float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Way:
    """What has been gathered walking back from the target; None where nothing but the identity has been met."""

    map: Map | None = None
    lag: int = 0
    bias_lag: int = 0
    name: str = ""
    weights: int = -1


def heard_by(source: "Source", order: Order, target: str) -> Hearing:
    """Walk back from ``target`` through maps and delays to every neuron and input, composing on the way."""
    before = predecessors(source.graph.edges)
    hearing = Hearing()
    waiting = [(name, target, _Way()) for name in before.get(target, ())]
    while waiting:
        name, reader, way = waiting.pop(0)
        node = source.nodes[name]
        if (name, reader) in order.late:  # a map in a loop has sent its bias before step 0: the bias is not late
            way = _Way(way.map, way.lag + 1, way.bias_lag, way.name, way.weights)
        if is_neuron(node) or type(node).__name__ == "Input":
            shape = shape_out(node)
            whole = way.map or Diagonal(np.ones(shape), shape)
            hearing.links.append(Link(name, whole, way.lag, way.name or f"{name} to {target}"))
            continue
        for further in _through(source, name, way, hearing):
            waiting.extend((previous, name, further) for previous in before.get(name, ()))
    return hearing


def _through(source: "Source", name: str, way: _Way, hearing: Hearing) -> Iterator[_Way]:
    """Take a stateless node or a delay into the way; delays that differ between elements part it."""
    node = source.nodes[name]
    shape, made = shape_in(node), shape_out(node)
    kind = type(node).__name__
    if kind == "Flatten":
        yield way
        return
    if kind == "Delay":
        steps = delay_steps(node, source.dt)
        for k in np.unique(steps):
            chosen = Diagonal((steps == k).astype(np.float64), shape)
            part = way.map if (steps == k).all() else chosen if way.map is None else after(way.map, chosen)
            yield _Way(part, way.lag + int(k), way.bias_lag + int(k), way.name, way.weights)
        return
    if kind in ("Affine", "Conv1d", "Conv2d") and np.any(node.bias):
        bias = np.asarray(node.bias, np.float64).reshape(-1, *(1,) * (len(made) - 1))
        constant = np.broadcast_to(bias, made)
        constant = constant if way.map is None else on_constant(way.map, constant)
        known = hearing.constants.get(way.bias_lag)
        hearing.constants[way.bias_lag] = np.array(constant) if known is None else known + constant.reshape(known.shape)
    own = map_of(node, shape, made)
    weights = 0 if kind == "Scale" or "Pool" in kind else int(np.size(node.weight))
    chief = name if weights > way.weights else way.name
    yield _Way(own if way.map is None else after(way.map, own), way.lag, way.bias_lag, chief, max(weights, way.weights))
