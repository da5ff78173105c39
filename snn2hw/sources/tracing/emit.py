"""Write one step of a network as NIR nodes and edges.

Sums become several edges into one node, messages from earlier steps ``Delay`` nodes, max pooling of spikes a sum and a
threshold, a batch norm part of the layer before it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np

from snn2hw.problems import Problem
from snn2hw.sources.tracing.layers import Array, Convolution, Flatten, Linear, Norm, Pool, Relu, Scale, Shape
from snn2hw.sources.tracing.layers import Layer as Operation
from snn2hw.sources.tracing.step import Step
from snn2hw.sources.tracing.values import Applied, Constant, Input, Neuron, Total, Unknown, Value

if TYPE_CHECKING:
    import nir

__all__ = ["Emitted", "emit"]


class Emitted:
    """Nodes and edges while they are written, the notes for the user, and what cannot be written."""

    def __init__(self, step: Step, dt: float) -> None:
        self.step, self.dt = step, dt
        self.nodes: dict[str, nir.NIRNode] = {}
        self.edges: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self.problems: list[Problem] = []
        self.names: dict[bytes, str] = {}
        self.uses = Counter(_uses(step))
        self.reserved = {"input", "output", *(layer.name for layer in step.layers)}
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


def emit(step: Step, input_shape: Shape, dt: float) -> Emitted:
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
        out.nodes[layer.name] = _neurons(layer.neurons, layer.shape, dt)
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


def _uses(step: Step) -> Iterator[bytes]:
    """Yield the key of every value once per place that reads it."""
    seen: set[bytes] = set()
    stack = [step.output, *(layer.reads for layer in step.layers)]
    while stack:
        value = stack.pop()
        yield value.key
        if value.key in seen:
            continue
        seen.add(value.key)
        match value:
            case Applied(of=of):
                stack.append(of)
            case Total(of=several) | Unknown(of=several):
                stack.extend(several)
            case Input() | Neuron() | Constant():
                pass


def _sources(out: Emitted, value: Value) -> list[str]:
    """Return the nodes whose sum ``value`` is, written if they are not yet."""
    match value:
        case Input(time=time, shape=shape):
            return [_delayed(out, "input", shape, -time)]
        case Neuron(index=index, time=time, shape=shape, port="z"):
            return [_delayed(out, out.step.layers[index].name, shape, -time)]
        case Neuron(index=index, port=port):
            what = f"reads the state variable {port} of {out.step.layers[index].name}"
            return _refused(out, what, "read the output; a membrane that shall be read is a LICell")
        case Constant():
            return _refused(out, "adds a constant to a signal", "put it into the bias of a Linear or Conv layer")
        case Total(of=several):
            return [name for term in several for name in _sources(out, term)]
        case Unknown():
            return []
        case Applied():
            if value.key not in out.names:
                out.names[value.key] = _applied(out, value)
            return [out.names[value.key]]
        case _:
            assert_never(value)


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
    return out.add(value.path, _node(value.layer, inner.shape), sources, inner.shape)


def _normed(layer: Operation, norm: Norm) -> Operation | None:
    """Return a linear layer with the norm behind it in its weights, None for any other layer."""
    if not isinstance(layer, Linear | Convolution):
        return None
    weight = layer.weight * norm.factor.reshape(-1, *(1,) * (layer.weight.ndim - 1))
    bias = norm.shift if layer.bias is None else layer.bias * norm.factor + norm.shift
    if isinstance(layer, Linear):
        return Linear(weight, bias)
    return Convolution(weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)


def _max_pool(out: Emitted, pool: Pool, value: Applied, sources: list[str]) -> str:
    """The maximum of spikes is 1 where their sum is above 0: a sum, then a threshold."""
    import nir

    of, path = value.of, value.path
    spikes = isinstance(of, Neuron) and out.step.layers[of.index].neurons.v_threshold is not None
    pooled = isinstance(of, Applied) and isinstance(of.layer, Pool) and of.layer.kind == "max"
    if isinstance(of, Input):
        out.notes.append(f"{path}: max pooling of the input, which must be 0 or 1")
    elif not spikes and not pooled:
        fix = "put it behind the neuron, where it is an OR of spikes, or use AvgPool"
        out.problems.append(Problem(value.where or path, "max pooling of something that is not spikes", fix))
    plain = Pool("sum", pool.kernel, pool.stride, pool.padding, pool.dilation)
    summed = out.add(f"{path}_sum", _node(plain, of.shape), sources, of.shape)
    return out.add(path, nir.Threshold(np.full(value.shape, 0.5)), [summed], value.shape)


def _node(layer: Operation, shape: Shape) -> "nir.NIRNode":
    """Return the NIR node of ``layer`` on an input of ``shape``."""
    import nir

    match layer:
        case Linear(weight=weight, bias=None):
            return nir.Linear(weight)
        case Linear(weight=weight, bias=bias):
            return nir.Affine(weight, bias)
        case Convolution(weight, bias, stride, padding, dilation, groups):
            return _convolution(weight, bias, stride, padding, dilation, groups, shape)
        case Scale(factor=factor):
            return nir.Scale(np.array(factor))
        case Flatten(start=start, end=end):
            return nir.Flatten({"input": np.array(shape)}, start, end)
        case Norm(factor=factor, shift=shift) if len(shape) == 1:
            return nir.Affine(np.diag(factor), shift)
        case Norm(factor=factor, shift=shift):
            ones = (1,) * (len(shape) - 1)
            weight = factor.reshape(-1, 1, *ones)
            return _convolution(weight, shift, ones, tuple(0 for _ in ones), ones, shape[0], shape)
        case Pool(kind, kernel, stride, padding, dilation):
            return _pool(kind, kernel, stride, padding, dilation, shape)
        case Relu():
            raise AssertionError("a rectifier has no node: it is refused or replaced before")
        case _:
            assert_never(layer)


def _pool(kind: str, kernel: Shape, stride: Shape, padding: Shape, dilation: Shape, shape: Shape) -> "nir.NIRNode":
    import nir

    if len(kernel) == 2 and set(dilation) == {1}:
        make = nir.SumPool2d if kind == "sum" else nir.AvgPool2d
        return make(np.array(kernel), np.array(stride), np.array(padding))
    weight = np.full((shape[0], 1, *kernel), 1.0 if kind == "sum" else 1.0 / np.prod(kernel))
    return _convolution(weight, None, stride, padding, dilation, shape[0], shape)


def _convolution(
    weight: Array, bias: Array | None, stride: Shape, padding: Any, dilation: Shape, groups: int, shape: Shape
) -> "nir.NIRNode":
    import nir

    bias = np.zeros(weight.shape[0]) if bias is None else bias
    if weight.ndim == 3:
        padding = padding if padding == "same" else padding[0]
        return nir.Conv1d(shape[1], weight, stride[0], padding, dilation[0], groups, bias)
    return nir.Conv2d(shape[1:], weight, stride, padding, dilation, groups, bias)


def _neurons(p: Any, shape: Shape, dt: float) -> "nir.NIRNode":
    """Return the NIR node whose Euler step at ``dt`` is that of the layer of neurons ``p``."""
    import nir

    one = np.ones(shape)
    rest = p.v_reset if p.kind == "IF" else p.v_leak
    metadata: dict[str, Any] = {} if np.array_equal(p.v0, rest) else {"v0": p.v0}
    if p.v_threshold is not None and p.subtract:
        metadata["reset"] = "subtract"
    fires = {} if p.v_threshold is None else {"v_threshold": p.v_threshold, "v_reset": p.v_reset}
    if p.kind == "IF":
        return nir.IF(r=one / dt, **fires, metadata=metadata)
    leaks = {"r": one, "v_leak": p.v_leak, "metadata": metadata}
    match p.kind:
        case "LI":
            return nir.LI(tau=dt / p.leak, **leaks)
        case "LIF":
            return nir.LIF(tau=dt / p.leak, **leaks, **fires)
        case "CubaLI":
            return nir.CubaLI(tau_syn=dt / p.synapse, tau_mem=dt / p.leak, w_in=1.0 / p.synapse, **leaks)
        case "CubaLIF":
            return nir.CubaLIF(tau_syn=dt / p.synapse, tau_mem=dt / p.leak, w_in=1.0 / p.synapse, **leaks, **fires)
        case _:
            raise AssertionError(p.kind)
