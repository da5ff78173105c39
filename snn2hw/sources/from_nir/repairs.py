"""Shapes that exporters get wrong, put right where only one reading is possible; each repair leaves a note."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from snn2hw.sources.graph import Edge, successors
from snn2hw.sources.shapes import NEURON_FIELDS, Shape

if TYPE_CHECKING:
    import nir

__all__ = ["repair_shapes"]


def repair_shapes(nodes: "Mapping[str, nir.NIRNode]", edges: tuple[Edge, ...], notes: list[str]) -> None:
    """Correct an Input that counts batch and time axes, and a Flatten that counts a batch axis."""
    after = successors(edges)
    for name, node in nodes.items():
        match type(node).__name__:
            case "Input":
                _strip_batch(name, node, [nodes[n] for n in after.get(name, ()) if n in nodes], notes)
            case "Flatten":
                readers = [nodes[n] for n in after.get(name, ()) if n in nodes]
                if node.start_dim not in (0,) and any(_rank(r) == 1 for r in readers):
                    notes.append(f"node {name!r}: Flatten counts a batch axis, read as flattening every axis")
                    node.start_dim, node.end_dim = 0, -1
            case _:
                continue


def _strip_batch(name: str, node: "nir.NIRNode", readers: "list[nir.NIRNode]", notes: list[str]) -> None:
    written = node.input_type["input"]
    wanted = next((shape for shape in map(_wanted, readers) if shape is not None), None)
    if written is None:
        if wanted is not None:
            notes.append(f"node {name!r}: Input has no shape, taken from its reader: {wanted}")
            node.input_type = node.output_type = {"input": np.array(wanted)}
        return
    shape = tuple(int(n) for n in np.atleast_1d(written))
    ranks = [r for r in map(_rank, readers) if r is not None]
    if not ranks or len(shape) <= ranks[0]:
        return
    inner = shape[-ranks[0] :]
    if wanted is None or wanted == inner:
        notes.append(f"node {name!r}: Input counts batch or time axes, {shape} read as {inner}")
        node.input_type = {"input": np.array(inner)}
        node.output_type = {"output": np.array(inner)}


def _wanted(node: "nir.NIRNode") -> Shape | None:
    """Return the shape that a node reads where it says so itself."""
    kind = type(node).__name__
    if kind in ("Linear", "Affine"):
        return (int(np.shape(node.weight)[-1]),)
    if kind in NEURON_FIELDS:
        shape = np.shape(getattr(node, NEURON_FIELDS[kind][0]))
        return tuple(int(n) for n in shape) if np.prod(shape, dtype=int) > 1 else None
    return None


def _rank(node: "nir.NIRNode") -> int | None:
    """Return how many axes a node reads, where that is certain."""
    match type(node).__name__:
        case "Conv2d" | "SumPool2d" | "AvgPool2d":
            return 3
        case "Conv1d":
            return 2
        case _:
            wanted = _wanted(node)
            return None if wanted is None else len(wanted)
