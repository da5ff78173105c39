"""Flat, typed NIR graphs: the only form a Source takes."""

import copy
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, get_args

import numpy as np

from sim.errors import InputError, Snn2hwError
from snn2hw.problems import Problem, refuse
from snn2hw.sources.semantics import Reset, ResetAt
from snn2hw.sources.shapes import NEURON_FIELDS, Shape, check_elements, output_shape, pair

if TYPE_CHECKING:
    import nir

__all__ = ["Edge", "assemble", "predecessors", "require_typed", "shape_in", "shape_out", "successors"]

Edge = tuple[str, str]

MOST_NEURONS = 1 << 26
"""Elements of one node: a file of a few bytes may claim any shape."""

MOST_REST = 1 << 12
"""Steps that a neuron may rest after a spike, whatever a chip allows."""
MOST_SPIKES = 255
"""Spikes that a neuron may send in one step, whatever a chip allows."""


def assemble(nodes: "Mapping[str, nir.NIRNode]", edges: Iterable[Edge], origin: str = "graph") -> "nir.NIRGraph":
    """Return a flat graph with shapes on every node and neuron parameters of full shape; nothing given is changed.

    Exactly one node is an ``Input`` with its shape, exactly one an ``Output``. A neuron parameter may come as one
    number, per channel (C,) or in full. Raises `ProblemsError` with everything that does not fit.
    """
    import nir

    edges = list(dict.fromkeys((str(a), str(b)) for a, b in edges))
    refuse(origin, _structure(nodes, edges))
    shapes: dict[str, tuple[Shape, Shape]] = {}
    typed: dict[str, nir.NIRNode] = {}
    problems: list[Problem] = []
    claimed = 0
    for name in _reading_order(nodes, edges):
        sources = [shapes[a][1] for a, b in edges if b == name and a in shapes]
        if not sources and not isinstance(nodes[name], nir.Input):
            continue  # whatever feeds it is a problem already
        try:
            shape = sources[0] if sources else output_shape(nodes[name], ())
            claimed += _claimed(nodes[name], shape)
            check_elements(1, (claimed // 8,), "the neurons of all nodes")
            typed[name], shapes[name] = _typed(nodes[name], shape)
        except Snn2hwError as error:
            problems.append(Problem(f"node {name!r}", error.what, error.fix or "correct the model"))
    refuse(origin, problems or _unequal_edges(edges, shapes))
    ordered = {name: typed[name] for name in nodes}
    return nir.NIRGraph(nodes=ordered, edges=edges, type_check=False)


def _structure(nodes: "Mapping[str, nir.NIRNode]", edges: list[Edge]) -> list[Problem]:
    import nir

    problems = [
        Problem(f"edge {a!r} -> {b!r}", "names a node that is not there", "remove the edge or add the node")
        for a, b in edges
        if a not in nodes or b not in nodes
    ]
    for kind in (nir.Input, nir.Output):
        found = [name for name, node in nodes.items() if isinstance(node, kind)]
        if len(found) != 1:
            what = f"{len(found)} nodes of type {kind.__name__} ({', '.join(found) or 'none'})"
            problems.append(Problem("graph", what, f"write exactly one {kind.__name__}"))
    if problems:
        return problems
    order = _reading_order(nodes, edges)
    fix = "connect it or remove it"
    return [Problem(f"node {n!r}", "cannot be reached from the input", fix) for n in nodes if n not in order]


def _reading_order(nodes: "Mapping[str, nir.NIRNode]", edges: list[Edge]) -> list[str]:
    """Order the nodes that the Input reaches so that each but the first comes after one of its sources."""
    import nir

    after = successors(edges)
    order = [name for name, node in nodes.items() if isinstance(node, nir.Input)]
    for name in order:  # grows while it is read
        order.extend(n for n in dict.fromkeys(after.get(name, ())) if n not in order)
    return order


def _unequal_edges(edges: list[Edge], shapes: dict[str, tuple[Shape, Shape]]) -> list[Problem]:
    return [
        Problem(f"edge {a!r} -> {b!r}", f"brings {shapes[a][1]} to a node that reads {shapes[b][0]}", "make them equal")
        for a, b in edges
        if shapes[a][1] != shapes[b][0]
    ]


def _claimed(node: "nir.NIRNode", shape: Shape) -> int:
    """Return the bytes that the parameters of a node take once they are written out for every neuron."""
    kind = type(node).__name__
    arrays = len(NEURON_FIELDS[kind]) if kind in NEURON_FIELDS else int(kind in ("Scale", "Delay"))
    return check_elements(arrays, shape, "parameters for every neuron")


def _typed(node: "nir.NIRNode", shape: Shape) -> "tuple[nir.NIRNode, tuple[Shape, Shape]]":
    """Return a copy of ``node`` that reads ``shape``, and both its shapes."""
    new = copy.copy(node)
    new.metadata = dict(node.metadata) if isinstance(node.metadata, dict) else {}
    kind = type(node).__name__
    out = output_shape(node, shape)
    _refuse_not_finite(node)
    if not 0 < math.prod(out) <= MOST_NEURONS or min(out) < 1:
        raise InputError(f"shape {out}", f"write sides from 1, and at most {MOST_NEURONS:,} elements in one node")
    for key, known in (("reset", get_args(Reset)), ("reset_at", get_args(ResetAt))):
        if new.metadata.get(key, known[0]) not in known:
            raise InputError(f"metadata {key} is {new.metadata[key]!r}", f"use one of {', '.join(known)}")
    rest = new.metadata.get("refractory", 0)
    if not isinstance(rest, int | np.integer) or isinstance(rest, bool) or not 0 <= rest <= MOST_REST:
        raise InputError(f"metadata refractory is {rest!r}", f"give a number of steps in 0..{MOST_REST}")
    most = new.metadata.get("most", 0)
    if not isinstance(most, int | np.integer) or isinstance(most, bool) or not 0 <= most <= MOST_SPIKES:
        raise InputError(f"metadata most is {most!r}", f"give a number of spikes in 0..{MOST_SPIKES}")
    if kind in NEURON_FIELDS or kind in ("Scale", "Delay"):
        for name in NEURON_FIELDS.get(kind, ("scale",) if kind == "Scale" else ("delay",)):
            setattr(new, name, _full(getattr(node, name), shape, name))
        if "v0" in new.metadata:
            new.metadata["v0"] = _full(new.metadata["v0"], shape, "v0")
    elif kind in ("Conv1d", "Conv2d"):
        _plain_convolution(new, shape)
    elif kind in ("SumPool2d", "AvgPool2d"):
        for name in ("kernel_size", "stride", "padding"):
            setattr(new, name, np.array(pair(getattr(node, name), name)))
    new.input_type, new.output_type = {"input": np.array(shape)}, {"output": np.array(out)}
    return new, (shape, out)


def _refuse_not_finite(node: "nir.NIRNode") -> None:
    arrays = {n: v for n, v in vars(node).items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"}
    strange = [name for name, values in arrays.items() if not np.isfinite(values).all()]
    if strange:
        raise InputError(f"{', '.join(strange)} holds numbers that are not finite", "train with finite parameters")


def _full(value: object, shape: Shape, what: str) -> np.ndarray:
    """Expand one number, or one per channel, to the neurons' shape."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise InputError(f"{what}: expected numbers, got {array.dtype}")
    if array.size == 1:
        array = array.reshape(())
    elif array.ndim == 1 and len(shape) > 1 and array.shape[0] == shape[0]:
        array = array.reshape(-1, *(1,) * (len(shape) - 1))
    try:
        return np.broadcast_to(array, shape).copy()
    except ValueError:
        raise InputError(
            f"{what}: shape {array.shape} does not fit neurons of {shape}", "write the full shape"
        ) from None


def _plain_convolution(node: "nir.NIRNode", shape: Shape) -> None:
    """Rewrite padding given by name as numbers, and fill in the sides of the input."""
    rank = len(shape) - 1
    stride, dilation = pair(node.stride, "stride")[:rank], pair(node.dilation, "dilation")[:rank]
    weight = np.asarray(node.weight)
    padding = node.padding
    if isinstance(padding, str):
        total = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        if padding == "same" and any(n % 2 for n in total):
            weight, dilation, total = _with_odd_span(weight, dilation)
        padding = tuple(n // 2 for n in total) if padding == "same" else (0,) * rank
    padding = pair(padding, "padding")[:rank]
    groups = int(node.groups)
    bias = np.zeros(weight.shape[0], weight.dtype) if node.bias is None else np.asarray(node.bias)
    if bias.shape != (weight.shape[0],):
        raise InputError(f"bias of shape {bias.shape}", f"write one per output channel, ({weight.shape[0]},)")
    node.weight, node.bias, node.groups = weight, bias, groups
    if rank == 1:
        node.stride, node.padding, node.dilation = stride[0], padding[0], dilation[0]
        node.input_shape = shape[1]
    else:
        node.stride, node.padding, node.dilation = stride, padding, dilation
        node.input_shape = shape[1:]


def _with_odd_span(weight: np.ndarray, dilation: tuple[int, ...]) -> tuple[np.ndarray, tuple[int, ...], list[int]]:
    """Write dilation out and put a zero tap in front of even spans: torch pads "same" by one more at the end."""
    for axis, gap in enumerate(dilation, start=2):
        span = gap * (weight.shape[axis] - 1) + 1
        check_elements(2, (*weight.shape[:axis], span, *weight.shape[axis + 1 :]), "the kernel without its dilation")
        wide = np.zeros((*weight.shape[:axis], span, *weight.shape[axis + 1 :]), weight.dtype)
        wide[(slice(None),) * axis + (slice(None, None, gap),)] = weight
        front = [(0, 0)] * weight.ndim
        front[axis] = (1 - span % 2, 0)
        weight = np.pad(wide, front)
    return weight, (1,) * len(dilation), [n - 1 for n in weight.shape[2:]]


def require_typed(graph: "nir.NIRGraph", origin: str) -> None:
    """Refuse a graph that `assemble` did not make or that was changed since into one it would not make."""
    for name, node in graph.nodes.items():
        known = (node.input_type or {}).get("input"), (node.output_type or {}).get("output")
        if any(shape is None for shape in known) or type(node).__name__ == "NIRGraph":
            raise InputError(
                f"{origin}: node {name!r} has no shape", "build the graph with snn2hw.sources.graph.assemble"
            )


def shape_in(node: "nir.NIRNode") -> Shape:
    """Return the shape that a typed node reads."""
    return tuple(int(n) for n in node.input_type["input"])


def shape_out(node: "nir.NIRNode") -> Shape:
    """Return the shape that a typed node makes."""
    return tuple(int(n) for n in node.output_type["output"])


def predecessors(edges: Iterable[Edge]) -> dict[str, list[str]]:
    """Return the sources of every node that has one, in the order of the edges."""
    before: dict[str, list[str]] = {}
    for a, b in edges:
        before.setdefault(b, []).append(a)
    return before


def successors(edges: Iterable[Edge]) -> dict[str, list[str]]:
    """Return the targets of every node that has one, in the order of the edges."""
    return predecessors((b, a) for a, b in edges)
