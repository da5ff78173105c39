"""Write one step of a network as NIR nodes and edges.

Sums become several edges into one node, messages from earlier steps ``Delay`` nodes, max pooling of spikes a sum and a
threshold, a batch norm part of the layer before it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

import numpy as np

from snn2hw.problems import Problem
from snn2hw.sources.expression.neurons import RESERVED, NetworkStep
from snn2hw.sources.expression.nodes import layer_node, neuron_node
from snn2hw.sources.expression.operations import Convolution, Linear, Norm, Operation, Pool, Shape
from snn2hw.sources.expression.values import (
    Applied,
    Constant,
    HeldInput,
    InputStep,
    Neuron,
    Noise,
    Total,
    Unreadable,
    Value,
    parts,
)

if TYPE_CHECKING:
    import nir

__all__ = ["Emitted", "emit"]


class Emitted:
    """Nodes and edges while they are written, the notes for the user, and what cannot be written."""

    def __init__(self, step: NetworkStep, dt: float) -> None:
        self.step, self.dt = step, dt
        self.nodes: dict[str, nir.NIRNode] = {}
        self.edges: list[tuple[str, str]] = []
        self.notes: dict[str, None] = {}
        self.problems: list[Problem] = []
        self.names: dict[bytes, str] = {}
        self.uses = Counter(_uses(step))
        self.reserved = {*RESERVED, *(layer.name for layer in step.layers)}
        self.where = ""

    def free(self, wanted: str) -> str:
        """Return ``wanted``, or the first numbered form of it that no node has."""
        taken = self.nodes.keys() | self.reserved
        return next(n for n in (wanted, *(f"{wanted}_{k}" for k in range(2, len(taken) + 3))) if n not in taken)

    def add(self, wanted: str, node: "nir.NIRNode", sources: list[str], shape: Shape) -> str:
        """Add a node that reads the sum of ``sources``, each of ``shape``."""
        name = self.free(wanted)
        self.nodes[name] = node
        self.connect(sources, name, shape)
        return name

    def connect(self, sources: list[str], target: str, shape: Shape) -> None:
        """Add one edge per source; what is added twice is doubled first, since NIR knows an edge only once."""
        import nir

        for source, count in Counter(sources).items():
            reads = source
            if count > 1:
                double = nir.Scale(np.full(shape, float(count)))
                reads = self.add(f"{source}_times_{count}", double, [source], shape)
            self.edges.append((reads, target))


def emit(step: NetworkStep, input_shape: Shape, dt: float) -> Emitted:
    """Return the NIR nodes and edges of ``step``; ``problems`` lists what NIR cannot say."""
    import nir

    out = Emitted(step, dt)
    out.nodes["input"] = nir.Input(input_type={"input": np.array(input_shape)})
    for layer in step.layers:
        _shapes_known(out, layer.name, layer.shape)
    for layer in step.layers:
        out.where = layer.where
        sources = _sources(out, layer.reads)
        out.nodes.pop(layer.name, None)
        out.nodes[layer.name] = neuron_node(layer.neurons, layer.shape, dt)
        out.connect(sources, layer.name, layer.shape)
        if layer.neurons.recurrent is not None:
            back = out.add(f"{layer.name}_rec", nir.Linear(layer.neurons.recurrent), [layer.name], layer.shape)
            out.edges.append((back, layer.name))
    out.where = "output"
    sources = _sources(out, step.output)
    out.nodes["output"] = nir.Output(output_type={"output": np.array(step.output.shape)})
    out.connect(sources, "output", step.output.shape)
    return out


def _shapes_known(out: Emitted, name: str, shape: Shape) -> None:
    """Put a stand-in where a layer will be, for those that read it before it is written."""
    import nir

    out.nodes[name] = nir.Input(input_type={"input": np.array(shape)})


def _uses(step: NetworkStep) -> Iterator[bytes]:
    """Yield the key of every value once per place that reads it."""
    seen: set[bytes] = set()
    stack = [step.output, *(layer.reads for layer in step.layers)]
    while stack:
        value = stack.pop()
        yield value.key
        if value.key in seen:
            continue
        seen.add(value.key)
        stack.extend(parts(value))


def _sources(out: Emitted, value: Value) -> list[str]:
    """Return the nodes whose sum ``value`` is, written if they are not yet."""
    match value:
        case InputStep(time=time, shape=shape):
            return [_delayed(out, "input", shape, -time)]
        case Neuron(index=index, time=time, shape=shape, port="z"):
            return [_delayed(out, out.step.layers[index].name, shape, -time)]
        case Neuron(index=index, port=port):
            what = f"reads the state variable {port} of {out.step.layers[index].name}"
            return _refused(out, what, "read the output; a membrane that shall be read is a LICell")
        case Constant():
            fix = "add one number per channel, or put it into the bias of a Linear or Conv layer"
            return _refused(out, "adds a constant that is no signal's", fix)
        case Total(of=several):
            return [name for term in _with_constants(several) for name in _sources(out, term)]
        case HeldInput() | Noise() | Unreadable():
            raise AssertionError("a step reads inputs of steps, no noise, and nothing that was refused")
        case Applied():
            if value.key not in out.names:
                out.names[value.key] = _applied(out, value)
            return [out.names[value.key]]
        case _:
            assert_never(value)


def _with_constants(terms: tuple[Value, ...]) -> tuple[Value, ...]:
    """Give a constant that is the same all over each channel to one of the other terms, as a shift of its channels."""
    *others, last = terms
    if not others or not isinstance(last, Constant):
        return terms
    rows = last.array.reshape(last.shape[0], -1)
    if not np.array_equal(rows, np.broadcast_to(rows[:, :1], rows.shape)):
        return terms
    shift = Norm(np.ones(last.shape[0]), rows[:, 0].copy())
    layered = next((n for n, v in enumerate(others) if isinstance(v, Applied)), 0)
    path = getattr(others[layered], "path", "shift")
    others[layered] = Applied(shift, others[layered], last.shape, f"{path}_shift")
    return tuple(others)


def _refused(out: Emitted, what: str, fix: str) -> list[str]:
    out.problems.append(Problem(out.where, what, fix))
    return []


def _delayed(out: Emitted, name: str, shape: Shape, steps: int) -> str:
    import nir

    if steps == 0:
        return name
    key = f"{name} {steps}".encode()
    if key not in out.names:
        out.names[key] = out.add(f"{name}_delay{steps}", nir.Delay(np.full(shape, steps * out.dt)), [name], shape)
    return out.names[key]


def _applied(out: Emitted, value: Applied) -> str:
    norm, inner = value.layer, value.of
    if isinstance(norm, Norm) and isinstance(inner, Applied) and out.uses[inner.key] == 1:
        merged = _normed(inner.layer, norm)
        if merged is not None:
            return _applied(out, replace(value, layer=merged, of=inner.of, path=inner.path))
    sources = _sources(out, inner)
    if isinstance(value.layer, Pool) and value.layer.kind == "max":
        return _max_pool(out, value.layer, value, sources)
    return out.add(value.path, layer_node(value.layer, inner.shape), sources, inner.shape)


def _normed(layer: Operation, norm: Norm) -> Operation | None:
    """Return a linear layer with the norm behind it in its weights, None for any other layer."""
    if not isinstance(layer, Linear | Convolution):
        return None
    weight = layer.weight * norm.factor.reshape(-1, *(1,) * (layer.weight.ndim - 1))
    bias = norm.shift if layer.bias is None else layer.bias * norm.factor + norm.shift
    if isinstance(layer, Linear):
        return Linear(weight, bias)
    return replace(layer, weight=weight, bias=bias)


def _max_pool(out: Emitted, pool: Pool, value: Applied, sources: list[str]) -> str:
    """The maximum of spikes is 1 where their sum is above 0: a sum, then a threshold."""
    import nir

    of, path = value.of, value.path
    if isinstance(of, InputStep):
        out.notes[f"{path}: max pooling of the input, which must be 0 or 1"] = None
    plain = Pool("sum", pool.kernel, pool.stride, pool.padding, pool.dilation)
    summed = out.add(f"{path}_sum", layer_node(plain, of.shape), sources, of.shape)
    return out.add(path, nir.Threshold(np.full(value.shape, 0.5)), [summed], value.shape)
