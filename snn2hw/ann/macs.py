"""Multiply-accumulates of an ONNX network: per node from shapes, and per sample from its real activations.

    macs      = products of a real input value with a weight                        (border-exact: no padding zeros)
    nominal   = C_out H_out W_out (C_in / groups) kh kw                             (padding zeros included)
    effective = products whose two factors are both different from zero             (what skipping hardware executes)

>>> census = macs(load("cnn.onnx"))            # doctest: +SKIP
>>> census.total, census.complete              # doctest: +SKIP
(1880256, True)
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.border import foreign_errors
from sim.errors import FileError, InputError
from snn2hw.ann.graph import AnnGraph, AnnNode, load, read_model
from snn2hw.ann.operators import MOVING, MULTIPLYING, NO_MACS, Multiplier, Operands, operands
from snn2hw.ann.weight_forms import WeightCensus, census_of

if TYPE_CHECKING:
    import onnx

__all__ = ["EffectiveMacs", "MacCensus", "NodeMacs", "Uncounted", "effective_macs", "macs"]

SHAPING = frozenset(
    "auto_pad dilations group kernel_shape output_padding output_shape pads strides transA transB".split()  # noqa: SIM905
)
"""The attributes that decide which values meet which weights."""


@dataclass(frozen=True)
class NodeMacs:
    """The counts of one multiplying node for one sample, and the values it reads and writes."""

    name: str
    operator: str
    macs: int
    nominal: int
    weights: int
    """Elements of the right factor: weights, or the second activation of a product of two."""
    reads: int
    writes: int
    weight_bits: int | None = None
    """Where the weights are integers: the bits that hold them."""


@dataclass(frozen=True)
class Uncounted:
    """A node whose MACs are not known, and why."""

    node: AnnNode
    why: str


@dataclass(frozen=True)
class MacCensus:
    """Every node of a network, sorted by what is known of it."""

    sha256: str
    nodes: tuple[NodeMacs, ...]
    unknown: tuple[Uncounted, ...]
    others: tuple[tuple[str, int], ...]
    """Operators without MACs and the number of values each makes: (operator, values), summed over its nodes."""

    @property
    def total(self) -> int:
        """Return the MACs of all known nodes: a lower bound unless ``complete``."""
        return sum(n.macs for n in self.nodes)

    @property
    def nominal(self) -> int:
        """Return the MACs with padding zeros included."""
        return sum(n.nominal for n in self.nodes)

    @property
    def simple_operations(self) -> int:
        """Return the values made by operators that compute without products: activations, additions, pooling."""
        return sum(values for operator, values in self.others if operator not in MOVING)

    @property
    def complete(self) -> bool:
        """Say whether every operator was known."""
        return not self.unknown


@dataclass(frozen=True)
class EffectiveMacs:
    """MACs with both factors non-zero, per node and sample, int64 (n_nodes, n_samples)."""

    names: tuple[str, ...]
    per_sample: NDArray[np.int64]
    upper_bound: tuple[str, ...]
    """Nodes for which the count from shapes stands in, because their inner activations are not visible."""
    weights: Mapping[str, WeightCensus] = field(default_factory=dict)
    """Of every counted node whose right factor does not depend on the sample: how many weights are zero, and where."""

    @property
    def total(self) -> NDArray[np.int64]:
        """Return the sum over nodes, (n_samples,)."""
        return np.asarray(self.per_sample.sum(axis=0), dtype=np.int64)


def macs(graph: AnnGraph) -> MacCensus:
    """Count the MACs of every node from shapes."""
    nodes: list[NodeMacs] = []
    unknown: list[Uncounted] = []
    others: dict[str, int] = {}
    for node in graph.nodes:
        match _classify(graph, node):
            case NodeMacs() as counted:
                nodes.append(counted)
            case Uncounted() as named:
                unknown.append(named)
            case int(values):
                others[node.operator] = others.get(node.operator, 0) + values
    return MacCensus(graph.sha256, tuple(nodes), tuple(unknown), tuple(sorted(others.items())))


def _classify(graph: AnnGraph, node: AnnNode) -> NodeMacs | Uncounted | int:
    """Return a node's MACs, why they are not known, or the number of values it makes without any."""
    multiplier = MULTIPLYING.get((_domain(node), node.operator))
    if multiplier is not None:
        return _count(graph, node, multiplier)
    if node.has_body:
        return Uncounted(node, "the graph inside it runs a number of times no shape tells")
    if _domain(node) == "" and node.operator in NO_MACS:
        return sum(prod(graph.shapes[o]) for o in node.outputs if o in graph.shapes)
    where = f"domain {node.domain}" if _domain(node) else "the standard domain"
    return Uncounted(node, f"this operator of {where} is in no counting rule")


def _domain(node: AnnNode) -> str:
    return "" if node.domain == "ai.onnx" else node.domain


def _count(graph: AnnGraph, node: AnnNode, multiplier: Multiplier) -> NodeMacs | Uncounted:
    factors = operands(node, multiplier)
    out = next((o for o in node.outputs if o), "")
    missing = [t for t in (factors.left, factors.right, out) if t not in graph.shapes]
    if missing:
        return Uncounted(node, f"the shape of {', '.join(map(repr, missing))} could not be inferred")
    left, right, made = (graph.shapes[t] for t in (factors.left, factors.right, out))
    where = f"{graph.path}: node {node.name} ({node.operator})"
    try:
        with foreign_errors(where, "its shapes do not fit together", "export the network again"):
            count, nominal = multiplier.count(node.attributes, left, right, made)
    except FileError as error:
        what = error.what if error.what.startswith(where) else f"{where}: {error.what}"
        raise FileError(what, error.fix) from None
    return NodeMacs(
        name=node.name,
        operator=node.operator,
        macs=count,
        nominal=nominal,
        weights=prod(right),
        reads=prod(left),
        writes=prod(made),
        weight_bits=graph.weight_bits.get(factors.right),
    )


def effective_macs(path: Path | str, inputs: NDArray[Any]) -> EffectiveMacs:
    """Count, for every sample of ``inputs`` (n_samples, *shape), the products whose factors are both non-zero.

    Each multiplying node gets a twin in the graph that reads (x != 0) and (w != 0) and whose output is summed. That
    is exact: a sum of ones below 2^24 is exact in float32, and stride, padding, dilation and groups are the node's own.
    """
    from snn2hw.ann.runtime import execute, session

    graph = load(path)
    census = macs(graph)
    if len(graph.inputs) != 1:
        raise InputError(f"{path}: reads {len(graph.inputs)} inputs", "effective MACs need a network with one input")
    fed = graph.inputs[0]
    if fed.shape[0] != 1:
        raise InputError(f"{path}: its batch is fixed at {fed.shape[0]}", "export it with a free batch, or 1")
    if inputs.shape[1:] != fed.shape[1:]:
        raise InputError(f"{path}: reads samples of shape {fed.shape[1:]}, got {inputs.shape[1:]}")
    counting, names, bounds = _counting_model(path, graph, census)
    rows = np.empty((len(names) + len(bounds), len(inputs)), dtype=np.int64)
    rows[len(names) :] = np.array([n.macs for n in bounds], dtype=np.int64)[:, None]
    weights: dict[str, WeightCensus] = {}
    if names:
        runner = session(counting.SerializeToString(), optimise=False)
        fixed = [node for node in names if _right_of(graph, node) in _settled(graph)]
        arrays = execute(runner, [f"{names[n]}.right" for n in fixed], {fed.name: inputs[:1]}, str(path))
        weights = {node: census_of(array) for node, array in zip(fixed, arrays, strict=True)}
        for index, sample in enumerate(inputs):
            found = execute(runner, list(names.values()), {fed.name: sample[None]}, str(path))
            rows[: len(names), index] = [int(v) for v in found]
    bounded = tuple(n.name for n in bounds)
    return EffectiveMacs((*names, *bounded), rows, bounded, weights)


def _right_of(graph: AnnGraph, name: str) -> str:
    node = next(n for n in graph.nodes if n.name == name)
    return operands(node, MULTIPLYING[(_domain(node), node.operator)]).right


def _settled(graph: AnnGraph) -> set[str]:
    """Return the tensors that no input reaches: weights, and what is made of them alone."""
    reached = {value.name for value in graph.inputs}
    for node in graph.nodes:  # in the order of computation
        if reached & set(node.inputs) or node.has_body:
            reached |= set(node.outputs)
    made = {name for node in graph.nodes for name in node.outputs}
    return (made | set(graph.constants)) - reached


def _counting_model(
    path: Path | str, graph: AnnGraph, census: MacCensus
) -> tuple["onnx.ModelProto", dict[str, str], list[NodeMacs]]:
    """Return the model with its counting twins, {node: name of its count}, and the nodes that have no twin."""
    from onnx import TensorProto, helper

    model = read_model(path)
    named = {n.name: n for n in census.nodes}
    protos = {graph.nodes[i].name: proto for i, proto in enumerate(model.graph.node)}
    names: dict[str, str] = {}
    bounds: list[NodeMacs] = []
    for node in graph.nodes:
        if node.name not in named:
            continue
        factors = operands(node, MULTIPLYING[(_domain(node), node.operator)])
        if not factors.plain:
            bounds.append(named[node.name])
            continue
        names[node.name] = f"snn2hw.count.{len(names)}"
        axes = len(graph.shapes[factors.right])
        model.graph.node.extend(_twin(protos[node.name], factors, axes, names[node.name]))
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(n, TensorProto.INT64, []) for n in names.values())
    rights = (f"{n}.right" for n in names.values())
    model.graph.output.extend(helper.make_tensor_value_info(r, TensorProto.FLOAT, None) for r in rights)
    return model, names, bounds


def _twin(proto: "onnx.NodeProto", factors: Operands, axes: int, count: str) -> Iterator["onnx.NodeProto"]:
    from onnx import TensorProto, helper

    make: Callable[..., onnx.NodeProto] = helper.make_node
    yield from _is_real(factors.left, factors.left_zero, None, f"{count}.left")
    along = (-1, *[1] * (axes - 1)) if factors.plain == "Conv" else None  # one zero point per output channel
    yield from _is_real(factors.right, factors.right_zero, along, f"{count}.right")
    twin = make(factors.plain, [f"{count}.left", f"{count}.right"], [f"{count}.sums"])
    twin.attribute.extend(a for a in proto.attribute if a.name in SHAPING)
    yield twin
    yield make("Cast", [f"{count}.sums"], [f"{count}.whole"], to=TensorProto.INT64)
    yield make("ReduceSum", [f"{count}.whole"], [count], keepdims=0)


def _is_real(tensor: str, zero: str, along: tuple[int, ...] | None, name: str) -> Iterator["onnx.NodeProto"]:
    """Make ``name`` the float32 array of (tensor != its zero point)."""
    from onnx import TensorProto, helper

    if zero:
        yield helper.make_node("Cast", [tensor], [f"{name}.value"], to=TensorProto.INT32)
        yield helper.make_node("Cast", [zero], [f"{name}.zero"], to=TensorProto.INT32)
        if along is not None:
            yield helper.make_node("Constant", [], [f"{name}.along"], value_ints=along)
            yield helper.make_node("Reshape", [f"{name}.zero", f"{name}.along"], [f"{name}.zeros"])
        zeros = f"{name}.zero" if along is None else f"{name}.zeros"
        yield helper.make_node("Sub", [f"{name}.value", zeros], [f"{name}.centred"])
        tensor = f"{name}.centred"
    yield helper.make_node("Cast", [tensor], [f"{name}.bool"], to=TensorProto.BOOL)
    yield helper.make_node("Cast", [f"{name}.bool"], [name], to=TensorProto.FLOAT)
