"""From a lowered Source to the machine with real registers: the algebra of neurons, links and biases.

With a_s, a_m the shares of tau_syn, tau_mem in one step and g the gain of an input on v:

| NIR | U, V | g |
|---|---|---|
| CubaLIF, CubaLI | U = a_m r i / g, V = (v - origin) / g | a_m r a_s w_in |
| LIF, LI | share_u = 1 | a_m r |
| IF, I | share_u = 1, share_v = 0 | dt r |
| Threshold | share_u = share_v = 1 | 1 |

The origin is v_reset where a spike resets to it, 0 where it subtracts, v_leak where nothing ever fires.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import Snn2hwError
from sim.program import INPUT
from sim.validate import NAME, RESERVED
from snn2hw.network.network import Always, ConvMap, DenseMap, Float, Layer, Link, Map, Network, Shape
from snn2hw.problems import Problem, refuse
from snn2hw.sources.graph import predecessors, shape_in, shape_out
from snn2hw.sources.order import delay_steps, order_of
from snn2hw.sources.shapes import is_neuron, pair
from snn2hw.sources.source import reset_at_of, reset_of

if TYPE_CHECKING:
    import nir

    from snn2hw.sources import Source
    from snn2hw.sources.order import Order

__all__ = ["read_network"]

NEAR = 1e-6
"""Files store float32: a dt / tau this little above 1 was meant as 1."""


@dataclass(frozen=True)
class _Path:
    """What lies between a message source and a neuron: at most one linear map, and delays."""

    source: str
    linear: "nir.NIRNode | None" = None
    lag: int = 0
    bias_lag: int = 0
    """The delays behind the linear map: they delay its bias too."""


def read_network(source: "Source") -> Network:
    """Return the network of a lowered Source; raise `ProblemsError` with everything that the machine cannot say."""
    problems = list(_unspeakable(source))
    names, order = _names(source), order_of(source)
    layers: list[Layer] = []
    for node_name, node in source.nodes.items():
        if not (is_neuron(node) or _is_bare_output(source, node_name)):
            continue
        try:
            layers.append(_layer(source, order, node_name, names))
        except Snn2hwError as error:
            problems.append(Problem(f"node {node_name!r}", error.what, error.fix or "correct the model"))
    refuse(source.origin, problems + _graded(layers))
    (end,) = (name for name, node in source.nodes.items() if type(node).__name__ == "Output")
    last = names[end] if _is_bare_output(source, end) else names[predecessors(source.graph.edges)[end][0]]
    ordered = _ordered(layers, last)
    return Network(machine_shape(source.input_shape), ordered, source.dt, source.origin, source.notes)


def _graded(layers: list[Layer]) -> list[Problem]:
    """Find links that read a membrane: a machine neuron sends 0 or 1."""
    silent = {layer.name for layer in layers if not layer.fires}
    return [
        Problem(
            f"node {layer.node!r}", f"reads the membrane of {link.source!r}, which never fires", "read spikes instead"
        )
        for layer in layers
        for link in layer.links
        if link.source in silent
    ]


def machine_shape(shape: Shape) -> Shape:
    """Return the machine's form of a shape: (N,) or (C, H, W); a 1-d signal (C, L) has height 1.

    >>> machine_shape((4, 100))
    (4, 1, 100)
    """
    if len(shape) == 2:
        return (shape[0], 1, shape[1])
    if len(shape) in (1, 3):
        return shape
    raise Snn2hwError(f"shape {shape}", "use (N,), (channels, length) or (channels, height, width)")


def _unspeakable(source: "Source") -> Iterator[Problem]:
    semantics = source.semantics
    where = f"semantics {semantics.name!r}"
    if semantics.spikes_per_step == "many":
        yield Problem(where, "several spikes in one step; a machine neuron sends one", "train with one spike a step")
    if semantics.spike_read == "before_input":
        yield Problem(where, "spikes are read before the step's input", "use a neuron that reads v after its input")
    subtracts = [n for n in source.nodes.values() if hasattr(n, "v_threshold") and reset_of(n, source) == "subtract"]
    if semantics.residue == "tested_twice" and subtracts:
        yield Problem(where, "a residue above threshold is tested twice", "use reset_delay=True, or another neuron")


def _names(source: "Source") -> dict[str, str]:
    """Return the population name of every message source and target: the node's own wherever the machine allows it."""
    names = {name: INPUT for name, node in source.nodes.items() if type(node).__name__ == "Input"}
    neurons = [name for name, node in source.nodes.items() if is_neuron(node)]
    for name in [*neurons, *(name for name in source.nodes if _is_bare_output(source, name))]:
        legal = (
            "readout" if name not in neurons else "".join(c if NAME.fullmatch("a" + c) else "_" for c in name) or "_"
        )
        legal = legal if NAME.fullmatch(legal) else f"n{legal}"
        while legal in RESERVED or legal in names.values():
            legal += "_"
        names[name] = legal
    return names


def _is_bare_output(source: "Source", name: str) -> bool:
    """Say whether this is an Output that reads anything but one neuron: it then becomes a readout of its own."""
    if type(source.nodes[name]).__name__ != "Output":
        return False
    read = predecessors(source.graph.edges)[name]
    return len(read) != 1 or not is_neuron(source.nodes[read[0]])


def _layer(source: "Source", order: "Order", name: str, names: dict[str, str]) -> Layer:
    node = source.nodes[name]
    shape = machine_shape(shape_in(node))
    links: list[Link] = []
    always: list[Always] = []
    for path in _paths(source, order, name):
        map_, bias = _map(path.linear, shape_out(source.nodes[path.source]), shape_in(node))
        if map_.weight.any():  # a map without weights only carries a bias
            links.append(Link(names[path.source], map_, path.lag))
        if bias is not None and bias.any():
            full = bias.reshape(shape) if bias.size == np.prod(shape) else np.broadcast_to(bias, shape)
            always.append(Always(full, path.bias_lag))
    bare = _neuron(source, node, (names[name], name), shape)
    if hasattr(node, "v_threshold") and reset_at_of(node, source) == "after_decay":
        links += _late_reset(bare)
    return replace(bare, links=tuple(links), always=_merged(always))


def _late_reset(layer: Layer) -> list[Link]:
    """Return the links that make a reset at once equal to one after the next decay.

    (1 - a)(V - theta z) + x - a theta z = (1 - a) V + x - theta z: a neuron that inhibits itself one step later. Behind
    a synaptic filter that message would linger; a second one, a step later, takes away what the filter kept of it.
    """
    if layer.reset == "zero":
        raise Snn2hwError("the step after a spike ignores what arrives", "use reset by subtraction, or another neuron")
    inhibition = layer.share_v * layer.threshold
    links = [Link(layer.name, _diagonal(-inhibition, layer.shape, layer.shape), 1)]
    if (layer.share_u < 1).any():
        links.append(Link(layer.name, _diagonal((1 - layer.share_u) * inhibition, layer.shape, layer.shape), 2))
    return links


def _merged(always: list[Always]) -> tuple[Always, ...]:
    lags = sorted({a.lag for a in always})
    return tuple(Always(np.asarray(sum(a.values for a in always if a.lag == lag)), lag) for lag in lags)


def _paths(source: "Source", order: "Order", target: str) -> Iterator[_Path]:
    """Walk back from a neuron to every neuron or input that it hears."""
    before = predecessors(source.graph.edges)
    waiting = [(name, target, _Path("")) for name in before.get(target, ())]
    while waiting:
        name, reader, path = waiting.pop(0)
        node = source.nodes[name]
        kind = type(node).__name__
        if (name, reader) in order.late:
            path = replace(path, lag=path.lag + 1)  # a map in a loop has sent its bias before step 0
        if is_neuron(node) or kind == "Input":
            yield replace(path, source=name)
            continue
        if kind == "Delay":
            steps = np.unique(delay_steps(node, source.dt))
            if steps.size != 1:
                raise Snn2hwError("delays that differ between neurons", "use one delay per connection")
            late = int(steps[0])
            path = replace(path, lag=path.lag + late, bias_lag=path.bias_lag + (late if path.linear is None else 0))
        elif kind != "Flatten":
            if path.linear is not None:
                raise Snn2hwError(f"two linear maps in a row before {target!r}", "lower the Source first")
            path = replace(path, linear=node)
        waiting.extend((previous, name, path) for previous in before.get(name, ()))


def _map(node: "nir.NIRNode | None", source: Shape, target: Shape) -> tuple[Map, Float | None]:
    """Return the wiring and the bias (broadcastable to the target) of one linear node."""
    kind = "identity" if node is None else type(node).__name__
    match kind:
        case "identity":
            return _diagonal(np.ones(target), source, target), None
        case "Scale":
            return _diagonal(np.broadcast_to(np.asarray(_of(node, "scale")), target), source, target), None
        case "Linear":
            return DenseMap(_float(_of(node, "weight"))), None
        case "Affine":
            return DenseMap(_float(_of(node, "weight"))), _float(_of(node, "bias"))
        case "Conv1d" | "Conv2d":
            return _conv(node)
        case "SumPool2d" | "AvgPool2d":
            return _pool(node, source[0], mean=kind == "AvgPool2d"), None
        case _:
            raise Snn2hwError(f"a linear map of type {kind}", "lower the Source first")


def _of(node: "nir.NIRNode | None", name: str) -> Any:
    return getattr(node, name)


def _float(values: Any) -> Float:
    return np.asarray(values, dtype=np.float64)


def _diagonal(scale: Any, source: Shape, target: Shape) -> Map:
    """Return neuron i to neuron i; per channel a convolution of one tap, else a diagonal matrix."""
    scale = _float(scale)
    per_channel = scale.reshape(scale.shape[0], -1)
    if len(target) in (2, 3) and source == target and (per_channel == per_channel[:, :1]).all():
        return ConvMap(per_channel[:, 0].reshape(-1, 1, 1, 1).copy(), groups=target[0])
    return DenseMap(np.diag(scale.reshape(-1)))


def _conv(node: Any) -> tuple[Map, Float]:
    weight = _float(node.weight)
    flat = weight.ndim == 3
    if flat:
        weight = weight[:, :, None, :]
    stride, padding, dilation = (pair(getattr(node, n), n) for n in ("stride", "padding", "dilation"))
    if flat:
        stride, padding, dilation = (1, stride[1]), (0, padding[1]), (1, dilation[1])
    return ConvMap(weight, stride, padding, dilation, int(node.groups)), _float(node.bias).reshape(-1, 1, 1)


def _pool(node: Any, channels: int, *, mean: bool) -> Map:
    kernel, stride, padding = (pair(getattr(node, n), n) for n in ("kernel_size", "stride", "padding"))
    value = 1.0 / (kernel[0] * kernel[1]) if mean else 1.0
    return ConvMap(np.full((channels, 1, *kernel), value), stride, padding, groups=channels)


def _neuron(source: "Source", node: Any, names: tuple[str, str], shape: Shape) -> Layer:
    """Return the registers of one neuron node, without its connections."""
    kind = type(node).__name__
    reset = reset_of(node, source)

    def field(what: str) -> Float:
        return np.broadcast_to(_float(getattr(node, what)).reshape(shape), shape)

    zero, one = np.zeros(shape), np.ones(shape)
    if kind in ("Threshold", "Output"):
        limit = field("threshold") if kind == "Threshold" else zero
        if (limit < 0).any():
            raise Snn2hwError("a threshold below 0, which fires without any input", "raise it to 0 or above")
        return Layer(*names, shape, (), (), one, one, limit, zero, zero, zero, one, zero, "zero", kind == "Threshold")
    a_m, gain = zero, source.dt * field("r") if kind in ("IF", "I") else field("r")
    if kind not in ("IF", "I"):
        a_m = _share(source, field("tau" if kind in ("LIF", "LI") else "tau_mem"))
        gain = gain * a_m
    a_s = one
    if kind.startswith("Cuba"):
        a_s = _share(source, field("tau_syn"))
        gain = gain * a_s * field("w_in")
    if not (gain > 0).all():
        raise Snn2hwError("r or w_in of zero or below", "give positive r and w_in; put signs into the weights")
    rest = zero if kind in ("IF", "I") else field("v_leak")
    fires = kind in ("IF", "LIF", "CubaLIF")
    to_value = fires and reset == "value"
    origin = field("v_reset") if to_value else zero if fires or kind == "I" else rest
    start = _float(node.metadata["v0"]).reshape(shape) if "v0" in node.metadata else _start(kind, field, rest)
    threshold = (field("v_threshold") - origin) / gain if fires else zero
    if (threshold < 0).any():
        raise Snn2hwError("v_threshold below the value it resets to", "raise v_threshold or lower v_reset")
    return Layer(
        name=names[0],
        node=names[1],
        shape=shape,
        links=(),
        always=(),
        share_u=a_s,
        share_v=a_m,
        threshold=threshold,
        drive=a_m * (rest - origin) / gain,
        u0=zero,
        v0=(start - origin) / gain,
        unit=gain,
        origin=origin,
        reset="zero" if to_value or not fires else "subtract",
        fires=fires,
        fires_at_threshold=fires and source.semantics.fires_at == ">=",
    )


def _start(kind: str, field: Any, rest: Float) -> Float:
    return np.asarray(field("v_reset")) if kind == "IF" else rest


def _share(source: "Source", tau: Float) -> Float:
    """Return how much of a state is lost in one step."""
    if not (tau > 0).all():
        raise Snn2hwError("a time constant of zero or below", "give positive time constants")
    share = source.dt / tau if source.scheme == "euler" else -np.expm1(-source.dt / tau)
    if (share > 1 + NEAR).any():
        raise Snn2hwError(f"dt / tau = {share.max():g} is above 1 and makes the neuron unstable", "use a smaller dt")
    return np.minimum(share, 1.0)


def _ordered(layers: list[Layer], last: str) -> tuple[Layer, ...]:
    """Sort: sources of links without lag before their targets, but the output last."""
    waiting, done = list(layers), list[Layer]()
    while waiting:
        ready = {INPUT, *(layer.name for layer in done)}
        following = next(x for x in waiting if all(k.lag > 0 or k.source in ready for k in x.links))
        waiting.remove(following)
        done.append(following)
    return tuple(sorted(done, key=lambda layer: layer.name == last))
