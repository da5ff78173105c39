"""Put neurons in the place of ReLUs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from snn2hw.sources.expression.neurons import RESERVED, NetworkStep, NeuronLayer, NeuronParameters
from snn2hw.sources.expression.operations import Array, Pool, Relu, Scale
from snn2hw.sources.expression.values import Applied, Neuron, Total, Value

__all__ = ["READOUT", "Stand", "neurons", "spiking"]

READOUT = "readout"
"""The layer of integrators that adds the output up."""


@dataclass(frozen=True, eq=False)
class Stand:
    """What stands for one ReLU layer: its neurons, and what each spike of theirs counts."""

    neurons: NeuronParameters
    worth: Array


def neurons(threshold: Array, leak: float | None) -> NeuronParameters:
    """Return neurons that fire x / threshold times a step for a constant input x, started in the middle.

    With a leak the potential relaxes to half the threshold, the mean of what a regularly firing neuron goes through, so
    that on average nothing leaks; the input is divided by the leak, so that it enters with gain 1 all the same.
    """
    half = threshold / 2
    return NeuronParameters(
        v0=half,
        leak=None if leak is None else np.full(threshold.shape, leak),
        v_leak=None if leak is None else half,
        v_threshold=threshold,
        v_reset=np.zeros(threshold.shape),
    )


@dataclass
class _Replacing:
    """The layers of neurons so far, in the order in which their inputs are known."""

    stands: Sequence[Stand] | None
    ors: Mapping[str, float]
    layers: list[NeuronLayer] = field(default_factory=list)
    caps: dict[str, float | None] = field(default_factory=dict)
    done: dict[bytes, Value] = field(default_factory=dict)


def spiking(
    output: Value, stands: Sequence[Stand] | None, ors: Mapping[str, float] = MappingProxyType({})
) -> tuple[NetworkStep, dict[str, float | None]]:
    """Return ``output`` with neurons for its ReLUs and a readout behind it, and the cap of every ReLU by name.

    Without ``stands`` the neurons only mark where ReLUs are. ``ors`` says what a spike counts behind a max pool.
    """
    run = _Replacing(stands, ors)
    last = _replaced(run, output)
    run.layers.append(NeuronLayer(READOUT, "output", last.shape, NeuronParameters(np.zeros(last.shape)), last))
    return NetworkStep(tuple(run.layers), Neuron(len(run.layers) - 1, 0, last.shape), "last step"), run.caps


def _replaced(run: _Replacing, value: Value) -> Value:
    if value.key in run.done:
        return run.done[value.key]
    new = value
    if isinstance(value, Total):
        new = Total(tuple(_replaced(run, v) for v in value.of), value.shape)
    elif isinstance(value, Applied):
        inner = _replaced(run, value.of)
        if isinstance(value.layer, Relu):
            new = _fired(run, value, value.layer, inner)
        elif isinstance(value.layer, Pool) and value.layer.kind == "max":
            new = _pooled(value, inner, run.ors)
        else:
            new = Applied(value.layer, inner, value.shape, value.path, value.where)
    run.done[value.key] = new
    return new


def _fired(run: _Replacing, value: Applied, relu: Relu, inner: Value) -> Value:
    """Add the neurons of one ReLU and return what their spikes are worth."""
    index, shape = len(run.layers), value.shape
    one = np.ones(shape)
    stand = Stand(neurons(one, None), one) if run.stands is None else run.stands[index]
    name = _free(value.path, [*RESERVED, READOUT, *run.caps])
    if stand.neurons.leak is not None:
        inner = Applied(Scale(1.0 / stand.neurons.leak), inner, shape, f"{name}_gain", value.where)
    run.layers.append(NeuronLayer(name, value.where, shape, stand.neurons, inner))
    run.caps[name] = relu.cap
    spikes = Neuron(index, 0, shape)
    return spikes if run.stands is None else Applied(Scale(stand.worth), spikes, shape, f"{name}_worth", value.where)


def _pooled(value: Applied, inner: Value, ors: Mapping[str, float]) -> Value:
    """Return the OR of spikes in the place of a maximum; one of them counts what its channel's do."""
    if not (isinstance(inner, Applied) and isinstance(inner.layer, Scale)):
        return Applied(value.layer, inner, value.shape, value.path, value.where)
    spikes = Applied(value.layer, inner.of, value.shape, value.path, value.where)
    channels = inner.layer.factor.reshape(value.shape[0], -1)[:, 0] * ors.get(value.path, 1.0)
    worth = np.broadcast_to(channels.reshape(-1, *(1,) * (len(value.shape) - 1)), value.shape)
    return Applied(Scale(worth), spikes, value.shape, f"{value.path}_worth", value.where)


def _free(wanted: str, taken: Iterable[str]) -> str:
    names = set(taken)
    return next(n for n in (wanted, *(f"{wanted}_{k}" for k in range(2, len(names) + 3))) if n not in names)
