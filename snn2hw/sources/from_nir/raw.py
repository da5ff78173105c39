"""A NIR graph as it was written: fields by name, before anything is believed.

Files of nir 0.1 to 1.0.8 and graphs in memory come to the same form here; nested graphs are put into the outer one, and
fields that an older version did not have are filled in with what it meant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import InputError, Snn2hwError
from snn2hw.problems import Problem
from snn2hw.sources.graph import Edge
from snn2hw.sources.shapes import NEURON_FIELDS, check_elements

if TYPE_CHECKING:
    import nir

__all__ = ["RawGraph", "RawNode", "build", "flatten", "from_memory"]

FIELDS: dict[str, tuple[str, ...]] = {
    **NEURON_FIELDS,
    "Linear": ("weight",),
    "Affine": ("weight", "bias"),
    "Scale": ("scale",),
    "Delay": ("delay",),
    "Conv1d": ("input_shape", "weight", "stride", "padding", "dilation", "groups", "bias"),
    "Conv2d": ("input_shape", "weight", "stride", "padding", "dilation", "groups", "bias"),
    "SumPool2d": ("kernel_size", "stride", "padding"),
    "AvgPool2d": ("kernel_size", "stride", "padding"),
    "Flatten": ("input_type", "start_dim", "end_dim"),
    "Input": ("shape",),
    "Output": ("shape",),
}
"""Every primitive and its fields."""

SINCE: dict[str, Any] = {
    "v_reset": 0.0,
    "w_in": 1.0,
    "input_shape": None,
    "input_type": None,
    "bias": None,
    "stride": None,
    "padding": 0,
    "dilation": 1,
    "groups": 1,
    "start_dim": 1,
    "end_dim": -1,
    "shape": None,
}
"""Fields that some version or exporter leaves out, and what that meant."""


@dataclass(frozen=True)
class RawNode:
    """One node as written: its type's name, its fields, its metadata."""

    kind: str
    fields: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RawGraph:
    """A graph as written; nodes may be graphs themselves."""

    nodes: "Mapping[str, RawNode | RawGraph]"
    edges: tuple[Edge, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)


def from_memory(graph: "nir.NIRGraph") -> RawGraph:
    """Take a NIRGraph object apart; torch tensors become arrays."""
    nodes: dict[str, RawNode | RawGraph] = {}
    for name, node in graph.nodes.items():
        kind = type(node).__name__
        if kind == "NIRGraph":
            nodes[str(name)] = from_memory(node)
            continue
        fields = {n: _array(getattr(node, n)) for n in FIELDS.get(kind, ()) if hasattr(node, n)}
        if kind in ("Input", "Output"):
            fields["shape"] = _array((node.input_type or {}).get("input"))
        elif kind == "Flatten":
            fields["input_type"] = _array((node.input_type or {}).get("input"))
        said = getattr(node, "metadata", None)
        nodes[str(name)] = RawNode(kind, fields, said if isinstance(said, dict) else {})
    metadata = graph.metadata if isinstance(graph.metadata, dict) else {}
    return RawGraph(nodes, tuple((str(a), str(b)) for a, b in graph.edges), metadata)


def _array(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.asarray(value)


def flatten(graph: RawGraph) -> tuple[dict[str, RawNode], tuple[Edge, ...]]:
    """Put the nodes of nested graphs into the outer one as ``outer.inner``; edges pass its Input and Output."""
    nodes, edges, ports = _spread(graph, "")
    for port in ports:
        into = [a for a, b in edges if b == port]
        out = [b for a, b in edges if a == port]
        edges = [e for e in edges if port not in e] + [(a, b) for a in into for b in out]
        del nodes[port]
    return nodes, tuple(dict.fromkeys(edges))


def _spread(graph: RawGraph, prefix: str) -> tuple[dict[str, RawNode], list[Edge], list[str]]:
    """Return all nodes, all edges, and the inner Inputs and Outputs, which stand for nothing."""
    nodes: dict[str, RawNode] = {}
    ports: list[str] = [prefix + n for n, x in graph.nodes.items() if prefix and _is_port(x)]
    entry: dict[str, str] = {}
    leave: dict[str, str] = {}
    edges: list[Edge] = []
    for name, node in graph.nodes.items():
        full = prefix + name
        if isinstance(node, RawNode):
            nodes[full] = node
            continue
        inner, inner_edges, inner_ports = _spread(node, f"{full}.")
        nodes |= inner
        edges += inner_edges
        ports += inner_ports
        own = {
            kind: [f"{full}.{n}" for n, x in node.nodes.items() if _is_port(x, kind)] for kind in ("Input", "Output")
        }
        if [len(found) for found in own.values()] != [1, 1]:
            what = f"node {full!r}: the nested graph has {len(own['Input'])} inputs and {len(own['Output'])} outputs"
            raise Snn2hwError(what, "write nested graphs with one Input and one Output")
        (entry[full],), (leave[full],) = own["Input"], own["Output"]
    for a, b in graph.edges:
        edges.append((leave.get(prefix + a, prefix + a), entry.get(prefix + b, prefix + b)))
    return nodes, edges, ports


def _is_port(node: "RawNode | RawGraph", kind: str | None = None) -> bool:
    return isinstance(node, RawNode) and node.kind in ((kind,) if kind else ("Input", "Output"))


def build(name: str, raw: RawNode) -> "nir.NIRNode | Problem":
    """Return the NIR node that ``raw`` means, or what is wrong with it."""
    import nir

    where = f"node {name!r}"
    if raw.kind == "NoneType":
        what = "nothing: its exporter knows no NIR for this module and said so in no error (Norse 1.1.0, snnTorch)"
        return Problem(where, what, "export without this module, or read a Norse module itself with from_norse")
    if raw.kind not in FIELDS:
        return Problem(where, f"type {raw.kind!r} is no NIR primitive", f"use one of {', '.join(sorted(FIELDS))}")
    missing = [n for n in FIELDS[raw.kind] if n not in raw.fields]
    lost = [n for n in missing if n not in SINCE]
    if lost:
        return Problem(where, f"{raw.kind} without {', '.join(lost)}", "export the network again")
    fields = {n: raw.fields.get(n, SINCE.get(n)) for n in FIELDS[raw.kind]}
    broken = [n for n, v in fields.items() if isinstance(v, np.ndarray) and v.dtype.kind not in "fiub"]
    if broken:
        return Problem(where, f"{', '.join(broken)} holds no numbers", "export the network again")
    strange = [n for n, v in fields.items() if isinstance(v, np.ndarray) and not np.isfinite(v).all()]
    if strange:
        fix = "export the network again; a neuron that never leaks is an IF or an I, not one with an infinite tau"
        return Problem(where, f"{', '.join(strange)} holds numbers that are not finite", fix)
    try:
        node = _node(getattr(nir, raw.kind), raw.kind, fields)
    except (ValueError, AssertionError, TypeError, OverflowError, InputError) as error:
        return Problem(where, f"{raw.kind}: {error}", "export the network again")
    node.metadata = {k: v.decode() if isinstance(v, bytes) else v for k, v in raw.metadata.items()}
    return node


def _node(make: Any, kind: str, fields: dict[str, Any]) -> "nir.NIRNode":
    if kind in NEURON_FIELDS:
        numbers = [np.asarray(v) for v in fields.values()]
        check_elements(len(numbers), np.broadcast_shapes(*(n.shape for n in numbers)), "its parameters")
        full = np.broadcast_arrays(*numbers)
        return make(**{n: v.copy() for n, v in zip(fields, full, strict=True)})
    if kind in ("Input", "Output"):
        side = "input_type" if kind == "Input" else "output_type"
        key = "input" if kind == "Input" else "output"
        return make(**{side: {key: None if fields["shape"] is None else np.atleast_1d(fields["shape"])}})
    if kind == "Flatten":
        return make(None, int(fields["start_dim"]), int(fields["end_dim"]))
    if kind in ("SumPool2d", "AvgPool2d"):
        stride = fields["kernel_size"] if fields["stride"] is None else fields["stride"]
        return make(fields["kernel_size"], stride, fields["padding"])
    if kind in ("Conv1d", "Conv2d"):
        return _convolution(make, fields)
    return make(**fields)


def _convolution(make: Any, fields: dict[str, Any]) -> "nir.NIRNode":
    """Make a convolution without its input shape: from it NIR draws conclusions that are wrong for some kernels."""
    padding = fields["padding"]
    if isinstance(padding, bytes):
        padding = padding.decode()
    stride = 1 if fields["stride"] is None else fields["stride"]
    pad = padding if isinstance(padding, str) else np.asarray(padding)
    groups = int(np.asarray(fields["groups"]).reshape(()))
    return make(None, fields["weight"], np.asarray(stride), pad, np.asarray(fields["dilation"]), groups, fields["bias"])
