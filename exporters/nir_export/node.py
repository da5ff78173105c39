"""A NIR graph as data, before it is in a file and after it has come out of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["NirGraph", "NirNode", "Shape", "Style", "Value", "graph_difference"]

Shape = tuple[int, ...]
Value = str | int | float | NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class NirNode:
    """One node: NIR's type name, its fields by their names in the file, and metadata."""

    kind: str
    fields: Mapping[str, Value] = field(default_factory=dict)
    metadata: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class NirGraph:
    """A flat graph."""

    nodes: Mapping[str, NirNode]
    edges: tuple[tuple[str, str], ...]
    metadata: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Style:
    """How a Program is written as a graph; ``dt`` is the length of a step in the graph's unit of time.

    ``exact``: integer weights as they are, exponents in Scale nodes, exact registers and weights in the metadata.
    Otherwise: float32 weights with their exponents applied; what NIR cannot say of a neuron (reset rule, initial
    potential in mantissas) in its metadata as `snn2hw.sources` reads it.
    """

    dt: float = 1.0
    exact: bool = True


def graph_difference(found: NirGraph, expected: NirGraph) -> str | None:
    """Return the first place where two graphs differ; the order of nodes and edges does not matter, NIR keeps none."""
    if found.nodes.keys() != expected.nodes.keys():
        return f"node {min(found.nodes.keys() ^ expected.nodes.keys())!r}"
    for name, node in expected.nodes.items():
        other = found.nodes[name]
        if other.kind != node.kind:
            return f"node {name!r}: type {other.kind!r}"
        if (place := _unequal(other.fields, node.fields)) is not None:
            return f"node {name!r}: {place}"
        if (place := _unequal(other.metadata, node.metadata)) is not None:
            return f"node {name!r}: metadata {place}"
    if sorted(found.edges) != sorted(expected.edges):
        return "the list of edges"
    place = _unequal(found.metadata, expected.metadata)
    return None if place is None else f"metadata {place}"


def _unequal(found: Mapping[str, Value], expected: Mapping[str, Value]) -> str | None:
    for name in sorted(found.keys() | expected.keys()):
        if name not in found or name not in expected:
            return name
        left, right = np.asarray(found[name]), np.asarray(expected[name])
        if left.dtype.kind != right.dtype.kind or left.shape != right.shape or not (left == right).all():
            return name
    return None
