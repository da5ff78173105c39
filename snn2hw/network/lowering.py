"""Bring a Source to its canonical form: between a message and the neuron that hears it stands at most one linear map.

Exact: pools, scales, flattening and chains of maps fold into one Linear, Affine, Conv1d or Conv2d; recurrence and
delays become explicit ``Delay`` nodes; neurons stay as they are, with their names. In a lowered Source

- every map has one source and one target (a neuron, a Threshold or the Output), behind a Delay where it is late;
- an edge between shapes of one size lays elements out in C order, so nothing needs to flatten;
- an edge without a map is one from a neuron or the Input to a node that hears its messages unchanged.
"""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

import numpy as np

from sim.errors import Snn2hwError, UnsupportedError
from snn2hw.network.maps import LARGEST_MATRIX, ConvMap, DenseMap, Diagonal, Float, Map, after
from snn2hw.network.paths import Hearing, Link, heard_by
from snn2hw.problems import Problem, refuse
from snn2hw.sources.graph import Edge, shape_in, shape_out
from snn2hw.sources.order import order_of
from snn2hw.sources.shapes import Shape, is_neuron
from snn2hw.sources.source import Source, require_source

if TYPE_CHECKING:
    import nir

__all__ = ["lower"]


def lower(source: Source) -> Source:
    """Return the canonical form of ``source``: same neurons, same spikes, same potentials; idempotent."""
    import nir

    require_source(source)
    order = order_of(source)
    nodes: dict[str, nir.NIRNode] = {}
    edges: list[Edge] = []
    problems: list[Problem] = []
    for name, node in source.nodes.items():
        if not (is_neuron(node) or isinstance(node, (nir.Input, nir.Output))):
            continue
        nodes[name] = node
    for name in list(nodes):
        if isinstance(nodes[name], nir.Input):
            continue
        try:
            _connect(source, heard_by(source, order, name), name, nodes, edges)
        except Snn2hwError as error:
            problems.append(Problem(f"node {name!r}", error.what, error.fix or "correct the model"))
    refuse(source.origin, problems)
    return replace(source, graph=nir.NIRGraph(nodes=nodes, edges=edges, type_check=False))


def _connect(source: Source, hearing: Hearing, target: str, nodes: "dict[str, nir.NIRNode]", edges: list[Edge]) -> None:
    """Write the links and the constant inputs of one node as NIR nodes and edges."""
    shape = shape_in(source.nodes[target])
    links = _bias_carrier_first([_fitted(link, shape) for link in hearing.links], hearing.constants.get(0))
    straight: set[str] = set()
    for index, link in enumerate(links):
        constant = hearing.constants.get(0) if index == 0 else None
        here = link.source
        if link.lag:
            delay = np.full(shape_out(source.nodes[here]), link.lag * source.dt)
            here = _add(nodes, f"{link.source} {link.lag} late", _delay(delay))
            edges += [edge for edge in ((link.source, here),) if edge not in edges]
        if constant is None and _is_identity(link.map) and here not in straight:
            straight.add(here)
            edges.append((here, target))
            continue
        name = _add(nodes, link.name, _node(link.map, constant))
        edges += [(here, name), (name, target)]
    for lag, constant in sorted(hearing.constants.items()):
        if lag:
            bias = _add(nodes, f"{target} bias", _silent(links[0].map.source, constant))
            late = _add(nodes, f"{bias} {lag} late", _delay(np.full(constant.size, lag * source.dt)))
            edges += [(links[0].source, bias), (bias, late), (late, target)]


def _delay(seconds: Float) -> "nir.NIRNode":
    """Return a Delay node."""
    import nir

    return nir.Delay(seconds)


def _fitted(link: Link, shape: Shape) -> Link:
    """A convolution fills an array of its own shape only; into a flat one it has to be a matrix."""
    fits = not isinstance(link.map, ConvMap) or link.map.shape == shape
    return link if fits else replace(link, map=_as_matrix(link.map))


def _bias_carrier_first(links: list[Link], constant: Float | None) -> list[Link]:
    """Put first the link that can carry the constant input: a matrix, or a convolution if it is the same all over."""
    if constant is None:
        return links
    for index, link in enumerate(links):
        uniform = isinstance(link.map, ConvMap) and _is_uniform(constant.reshape(link.map.shape))
        if uniform or isinstance(link.map, DenseMap):
            return [link, *links[:index], *links[index + 1 :]]
    first, *rest = links
    return [replace(first, map=_as_matrix(first.map)), *rest]


def _is_uniform(values: Float) -> bool:
    """Return whether values are the same all over each channel."""
    rows = values.reshape(values.shape[0], -1)
    return bool((rows == rows[:, :1]).all())


def _is_identity(map_: Map) -> bool:
    return isinstance(map_, Diagonal) and bool((map_.scale == 1).all())


def _as_matrix(map_: Map) -> DenseMap:
    n_out, n_in = math.prod(map_.shape), math.prod(map_.source)
    _check_matrix(n_out, n_in)
    matrix = after(DenseMap(np.eye(n_out), map_.shape, map_.shape), map_)
    assert isinstance(matrix, DenseMap)
    return matrix


def _check_matrix(n_out: int, n_in: int) -> None:
    if n_out * n_in > LARGEST_MATRIX:
        what = (
            f"its input is no convolution with one bias per channel, and a matrix would have {n_out} x {n_in} weights"
        )
        raise UnsupportedError(what, "leave out the bias of the first of two convolutions, or the second's padding")


def _silent(source: Shape, constant: Float) -> "nir.NIRNode":
    """Return a map that hears nothing and says a constant."""
    import nir

    _check_matrix(constant.size, math.prod(source))
    return nir.Affine(np.zeros((constant.size, math.prod(source))), constant.reshape(-1))


def _add(nodes: "dict[str, nir.NIRNode]", name: str, node: "nir.NIRNode") -> str:
    """Add a node under its name, or under the next free one; a source's Delay is shared by all who hear it so late."""
    if type(node).__name__ == "Delay" and name in nodes:
        return name
    free, count = name, 1
    while free in nodes:
        count += 1
        free = f"{name} {count}"
    nodes[free] = node
    return free


def _node(map_: Map, constant: Float | None) -> "nir.NIRNode":
    import nir

    match map_:
        case Diagonal():
            if len(map_.shape) > 1 and _is_uniform(map_.scale):
                factors = map_.scale.reshape(map_.shape[0], -1)[:, :1].reshape(-1, 1, 1, 1)
                one_tap = ConvMap(factors, (1, 1), (0, 0), (1, 1), map_.shape[0], map_.shape, map_.shape)
                return _node(one_tap, constant)
            return _node(_as_matrix(map_), constant)
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
