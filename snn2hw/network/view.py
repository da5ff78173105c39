"""The float machine as NIR: the canonical form of a Source, for people and for other tools.

In it at most one linear map stands between a message and the neuron that hears it. Written when asked for; nothing in
the compiler reads it. In a lowered Source

- every map has one source and one target (a neuron, a Threshold or the Output), behind a Delay where it is late;
- an edge between shapes of one size lays elements out in C order, so nothing needs to flatten;
- an edge without a map is one from a neuron or the Input to a node that hears its messages unchanged;
- neurons are those of the Source, the same objects.
"""

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, assert_never

import numpy as np

from sim.errors import Snn2hwError
from snn2hw.network.lowering import network_of
from snn2hw.network.maps import (
    ConvMap,
    DenseMap,
    Diagonal,
    Float,
    SingleMap,
    as_matrix,
    is_identity,
    one_tap,
    varies_within_channels,
)
from snn2hw.network.network import FloatLayer, Link, Network
from snn2hw.network.stored import stored_links
from snn2hw.problems import Problem, refuse
from snn2hw.sources.graph import Edge, shape_out
from snn2hw.sources.source import Source

if TYPE_CHECKING:
    import nir

__all__ = ["lower"]


def lower(source: Source) -> Source:
    """Return the canonical form of ``source``: same neurons, same spikes, same potentials; idempotent."""
    import nir

    network = network_of(source)
    kept = {network.input_name, *(layer.name for layer in network.layers)}
    drawn = _Drawing(network, source, {name: node for name, node in source.nodes.items() if name in kept})
    problems: list[Problem] = []
    for layer in network.layers:
        try:
            drawn.connect(layer)
        except Snn2hwError as error:
            problems.append(Problem(f"node {layer.name!r}", error.what, error.fix or "correct the model"))
    refuse(source.origin, problems)
    return replace(source, graph=nir.NIRGraph(nodes=drawn.nodes, edges=drawn.edges, type_check=False))


@dataclass(eq=False)
class _Drawing:
    """A NIR graph that grows."""

    network: Network
    source: Source
    nodes: "dict[str, nir.NIRNode]"
    edges: list[Edge] = field(default_factory=list)

    def connect(self, layer: FloatLayer) -> None:
        """Write the links and the constants of one layer as nodes and edges."""
        links = stored_links(layer)
        constants = {always.lag: always.values for always in layer.always}
        for index, link in enumerate(links):
            self._connect(layer.name, link, constants.get(0) if index == 0 else None)
        for lag, constant in constants.items():
            if lag:
                first = links[0]
                silent = DenseMap(np.zeros((constant.size, math.prod(first.map.source))), first.map.source, layer.shape)
                as_matrix(silent)  # refuses one that is too large
                bias = self._add(f"{layer.name} bias", _node(silent, constant))
                late = self._late(bias, lag, constant.size)
                self.edges += [(first.source, bias), (bias, late), (late, layer.name)]

    def _connect(self, target: str, link: Link[SingleMap], constant: Float | None) -> None:
        here = link.source
        if link.lag:
            here = self._late(link.source, link.lag, shape_out(self.source.nodes[link.source]))
            self.edges += [edge for edge in ((link.source, here),) if edge not in self.edges]
        if constant is None and is_identity(link.map) and (here, target) not in self.edges:
            self.edges.append((here, target))
            return
        name = self._add(link.name, _node(link.map, constant))
        self.edges += [(here, name), (name, target)]

    def _late(self, source: str, lag: int, shape: "int | tuple[int, ...]") -> str:
        """Return the Delay behind a node; all who hear it so late share one."""
        import nir

        name = f"{source} {lag} late"
        shared = isinstance(self.nodes.get(name), nir.Delay)
        return name if shared else self._add(name, nir.Delay(np.full(shape, lag * self.network.dt)))

    def _add(self, name: str, node: "nir.NIRNode") -> str:
        """Add a node under its name, or under the next free one."""
        free, count = name, 1
        while free in self.nodes:
            count += 1
            free = f"{name} {count}"
        self.nodes[free] = node
        return free


def _node(map_: SingleMap, constant: Float | None) -> "nir.NIRNode":
    import nir

    match map_:
        case Diagonal():
            if len(map_.shape) == 1 or varies_within_channels(map_.scale):
                return _node(as_matrix(map_), constant)
            return _node(one_tap(map_.scale.reshape(map_.shape[0], -1)[:, 0], map_.shape), constant)
        case DenseMap():
            return nir.Linear(map_.weight) if constant is None else nir.Affine(map_.weight, constant.reshape(-1))
        case ConvMap():
            return _conv_node(map_, np.zeros(map_.shape) if constant is None else constant.reshape(map_.shape))
        case _:
            assert_never(map_)


def _conv_node(conv: ConvMap, constant: Float) -> "nir.NIRNode":
    """Return the NIR node, typed here: NIR's own shapes are wrong for some kernels."""
    import nir

    bias = constant.reshape(conv.shape[0], -1)[:, 0].copy()
    if len(conv.source) == 2:
        step = (conv.stride[1], conv.padding[1], conv.dilation[1])
        node = nir.Conv1d(None, conv.weight[:, :, 0], *step, conv.groups, bias)
    else:
        node = nir.Conv2d(None, conv.weight, conv.stride, conv.padding, conv.dilation, conv.groups, bias)
    node.input_shape = conv.source[1] if len(conv.source) == 2 else conv.source[1:]
    node.input_type, node.output_type = {"input": np.array(conv.source)}, {"output": np.array(conv.shape)}
    return node
