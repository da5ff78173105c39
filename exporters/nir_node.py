"""A NIR graph as data, before it is in a file and after it has come out of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Graph", "Node", "Shape", "Style", "Value"]

Shape = tuple[int, ...]
Value = str | int | float | NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Node:
    """One node: NIR's type name, its fields by their names in the file, and metadata."""

    kind: str
    fields: Mapping[str, Value] = field(default_factory=dict)
    metadata: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Graph:
    """A flat graph."""

    nodes: Mapping[str, Node]
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
