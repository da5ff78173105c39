"""What a Source computes, in float64: the other end of every proof.

It runs the float machine (`snn2hw.network.network`) of any Source, in every order of events that
`snn2hw.sources.Semantics` can name, and knows nothing of chips. That a framework's own run equals it proves the reading
and the lowering; that a program equals it proves the compiler.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, assert_never

import numpy as np
from numpy.typing import ArrayLike

from sim.errors import InputError
from snn2hw.network.apply import applied
from snn2hw.network.lowering import network_of
from snn2hw.network.maps import Map
from snn2hw.network.network import FloatLayer, Link, Network
from snn2hw.network.neurons import (
    Float,
    Integrating,
    Relay,
    Spiking,
    ThresholdGate,
    advance,
    coefficients,
    held_message,
    membrane_of,
    start,
)
from snn2hw.sources.source import Source

__all__ = [
    "FloatRecorder",
    "FloatTrace",
    "Recorded",
    "float_rasters",
    "float_reference",
    "joined",
    "recorder_of",
    "run_network",
]

Recorded = Literal["spikes", "u", "v"]

MESSAGE_BYTES = 1 << 27
"""How much the messages of the largest layer may take: beyond it samples are run in parts, one after the other."""


@dataclass(frozen=True, eq=False)
class FloatTrace:
    """Every neuron's messages and registers, (B, T, *shape) float64, by node name.

    ``spikes`` are the messages of firing neurons and of Threshold nodes, ``u`` the term that a step adds to the
    membrane (a_m r i), ``v`` the membrane after the reset (before it where the reset comes in the next step).
    ``output`` is what arrives at the Output node: spikes of a firing neuron, v of an integrator.
    """

    spikes: Mapping[str, Float]
    u: Mapping[str, Float]
    v: Mapping[str, Float]
    output: Float


def joined(parts: Sequence[FloatTrace]) -> FloatTrace:
    """Return runs of different samples as one."""
    first, *rest = parts
    if not rest:
        return first
    return FloatTrace(
        spikes={name: np.concatenate([p.spikes[name] for p in parts]) for name in first.spikes},
        u={name: np.concatenate([p.u[name] for p in parts]) for name in first.u},
        v={name: np.concatenate([p.v[name] for p in parts]) for name in first.v},
        output=np.concatenate([p.output for p in parts]),
    )


@dataclass(frozen=True, eq=False)
class FloatRecorder:
    """Which registers a run is asked for, and the arrays that it writes them into."""

    asked: frozenset[Recorded]
    spikes: dict[str, Float] = field(default_factory=dict)
    u: dict[str, Float] = field(default_factory=dict)
    v: dict[str, Float] = field(default_factory=dict)

    def trace(self, output: Float) -> FloatTrace:
        """Return what was recorded, with what arrived at the output."""
        return FloatTrace(self.spikes, self.u, self.v, output)


def recorder_of(record: Collection[Recorded]) -> FloatRecorder:
    """Return a recorder of these registers, of which none is written yet; refuse names that nothing has."""
    unknown = set(record) - {"spikes", "u", "v"}
    if unknown:
        raise InputError(f"record: {sorted(unknown)} cannot be recorded", "choose from spikes, u and v")
    return FloatRecorder(frozenset(record))


def float_rasters(rasters: ArrayLike, shape: tuple[int, ...], origin: str) -> Float:
    """Return messages (B, T, *shape) as numbers; refuse those of another shape."""
    x = np.asarray(rasters, np.float64)
    if x.ndim != len(shape) + 2 or x.shape[2:] != shape:
        expected = ("B", "T", *shape)
        raise InputError(f"{origin}: rasters have shape {x.shape}", f"give ({', '.join(map(str, expected))})")
    return x


def float_reference(
    source: Source, rasters: ArrayLike, *, record: Collection[Recorded] = ("spikes", "v")
) -> FloatTrace:
    """Run ``source`` on ``rasters`` (B, T, *input shape), all samples at once, every sample from its initial state."""
    return run_network(network_of(source), rasters, record=record)


def run_network(network: Network, rasters: ArrayLike, *, record: Collection[Recorded] = ("spikes", "v")) -> FloatTrace:
    """Run the float machine on ``rasters`` (B, T, *input shape)."""
    x = float_rasters(rasters, network.input_shape, network.origin)
    largest = max(int(np.prod(network.input_shape, dtype=np.int64)), *(layer.size for layer in network.layers))
    together = max(1, MESSAGE_BYTES // max(1, 8 * x.shape[1] * largest))
    parts = [_run_some(network, x[i : i + together], recorder_of(record)) for i in range(0, max(1, len(x)), together)]
    return joined(parts)


def _run_some(network: Network, x: Float, recorder: FloatRecorder) -> FloatTrace:
    run = _NetworkRun(network, x, recorder)
    for group in network.groups:
        layers = [run.layers[name] for name in group]
        if len(layers) > 1 or any(link.source == group[0] for link in layers[0].links):
            _run_loop(run, layers)
        else:
            _run_alone(run, layers[0])
        run.forget(layers)
    return recorder.trace(run.sent[network.output])


@dataclass(eq=False)
class _NetworkRun:
    """The messages of the layers computed so far; those that nobody reads any more are dropped."""

    network: Network
    x: Float
    recorder: FloatRecorder
    sent: dict[str, Float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.layers = dict(self.network.by_name)
        self.sent[self.network.input_name] = self.x
        self.unread: dict[str, int] = {}
        for layer in self.network.layers:
            for link in layer.links:
                self.unread[link.source] = self.unread.get(link.source, 0) + 1

    def forget(self, layers: list[FloatLayer]) -> None:
        """Drop what these layers were the last to read."""
        for link in (link for layer in layers for link in layer.links):
            self.unread[link.source] -= 1
            if not self.unread[link.source]:
                del self.sent[link.source]

    def shape_of(self, layer: FloatLayer) -> tuple[int, ...]:
        """Return the shape of all that a layer sends."""
        return (*self.x.shape[:2], *layer.shape)


def _brought(run: _NetworkRun, layer: FloatLayer, link: Link[Map]) -> Float:
    """Return what one link brings in all steps; nothing arrives before its lag."""
    sent, (batch, steps) = run.sent[link.source], run.x.shape[:2]
    if link.lag:
        late = np.zeros_like(sent)
        late[:, link.lag :] = sent[:, : max(0, steps - link.lag)]
        sent = late
    return applied(link.map, sent.reshape(batch * steps, *sent.shape[2:])).reshape(run.shape_of(layer))


def _sum(layer: FloatLayer, parts: Iterable[Float], first_step: int) -> Float:
    """Return the sum of what all links bring and of what is always on, for steps (or one step) from the first given."""
    first, *rest = parts
    constants = {always.lag: always.values for always in layer.always}
    total = first + constants.pop(0) if 0 in constants else first
    for part in rest:
        total = total + part
    for lag, values in constants.items():
        if total.ndim == len(layer.shape) + 2:
            total = total.copy()
            total[:, lag:] += values
        elif first_step >= lag:
            total = total + values
    return total


class _Neurons:
    """The neurons of one layer as they go through time, and where their registers are recorded."""

    def __init__(self, run: _NetworkRun, layer: FloatLayer) -> None:
        self.layer = layer
        self.sent = run.sent[layer.name] = np.zeros(run.shape_of(layer))
        self.made: dict[Recorded, Float] = {}
        neuron = layer.neuron
        if "spikes" in run.recorder.asked and isinstance(neuron, Spiking | ThresholdGate):
            run.recorder.spikes[layer.name] = self.sent
        membrane = membrane_of(neuron)
        if membrane is None:
            return
        self.coefficients, self.state = coefficients(membrane), start(membrane, len(run.x))
        if "u" in run.recorder.asked:
            self.made["u"] = run.recorder.u[layer.name] = np.empty(self.sent.shape)
        if "v" in run.recorder.asked:
            self.made["v"] = run.recorder.v[layer.name] = (
                np.empty(self.sent.shape) if isinstance(neuron, Spiking) else self.sent
            )

    @property
    def sends_the_past(self) -> bool:
        """Whether what is sent in a step is known before anything arrives in it."""
        return isinstance(self.layer.neuron, Spiking) and self.layer.neuron.sends_the_past

    def hold(self, t: int) -> None:
        """Send what the state says before anything arrives, where a neuron does so."""
        if isinstance(self.layer.neuron, Spiking) and self.sends_the_past:
            self.sent[:, t] = held_message(self.layer.neuron, self.state)

    def take(self, t: int, x: Float) -> None:
        """Go through one step."""
        match self.layer.neuron:
            case Spiking() | Integrating() as neuron:
                self.state, self.sent[:, t], u = advance(neuron, self.coefficients, self.state, x)
                if "u" in self.made:
                    self.made["u"][:, t] = u
                if "v" in self.made:
                    self.made["v"][:, t] = self.state.v
            case ThresholdGate(threshold):
                self.sent[:, t] = x > threshold
            case Relay():
                self.sent[:, t] = x
            case _:
                assert_never(self.layer.neuron)


def _run_alone(run: _NetworkRun, layer: FloatLayer) -> None:
    """Compute a layer outside any loop."""
    arriving = _sum(layer, (_brought(run, layer, link) for link in layer.links), 0)
    if isinstance(layer.neuron, Relay):
        run.sent[layer.name] = arriving
        return
    neurons = _Neurons(run, layer)
    for t in range(run.x.shape[1]):
        neurons.take(t, arriving[:, t])


def _run_loop(run: _NetworkRun, layers: list[FloatLayer]) -> None:
    """Compute the layers of a loop together, step by step."""
    inside = {layer.name for layer in layers}
    outer = {
        (layer.name, i): _brought(run, layer, link)
        for layer in layers
        for i, link in enumerate(layer.links)
        if link.source not in inside
    }
    neurons = [_Neurons(run, layer) for layer in layers]
    neurons.sort(key=lambda going: going.sends_the_past)  # what they send is known, what they hear may not be yet

    def brought(layer: FloatLayer, t: int) -> Iterator[Float]:
        for i, link in enumerate(layer.links):
            if link.source not in inside:
                yield outer[layer.name, i][:, t]
            elif t < link.lag:
                yield np.zeros((len(run.x), *layer.shape))
            else:
                yield applied(link.map, run.sent[link.source][:, t - link.lag]).reshape(len(run.x), *layer.shape)

    for t in range(run.x.shape[1]):
        for going in neurons:
            going.hold(t)
        for going in neurons:
            going.take(t, _sum(going.layer, brought(going.layer, t), t))
