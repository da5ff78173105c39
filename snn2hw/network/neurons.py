"""The neurons of the float machine: what each one's parameters are, and one step of it in every order of events.

With a_s, a_m the shares that the synapse and the membrane lose in a step (`Leak`), one step of a neuron is

    i = (1 - a_s) i + a_s w_in x;    u = a_m r i;    v = (1 - a_m) v + u + a_m v_leak

Without a synapse i is x, without a leak u is r i and v loses nothing. `Spiking` says what follows: when v fires, how
many spikes, and what they leave of v.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, assert_never

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from snn2hw.sources.semantics import Reset, ResetAt, Scheme

__all__ = [
    "Coefficients",
    "Float",
    "Integrating",
    "Leak",
    "Membrane",
    "Neuron",
    "Potentials",
    "Relay",
    "Spiking",
    "ThresholdGate",
    "advance",
    "coefficients",
    "held_message",
    "leak",
    "membrane_of",
    "start",
]

Float = NDArray[np.float64]

UNIT = 4 * float(np.finfo(np.float64).eps)
"""A product of a number and its reciprocal may miss 1 by this; then 1 was meant."""


@dataclass(frozen=True, eq=False)
class Leak:
    """What a state loses in one step and what it keeps: share + keep = 1, each rounded on its own."""

    share: Float
    keep: Float


@dataclass(frozen=True, eq=False)
class Membrane:
    """The parameters of a potential and of the synapse before it, each array of the neurons' shape.

    Args:
        r: volts per unit of current; without ``leak`` volts per unit of current and step.
        v_leak: where the potential comes to rest.
        v0: the potential before step 0.
        leak: None for an integrator, which forgets nothing.
        w_in: the gain of the synapse.
        synapse: None where messages reach the potential in the step in which they arrive, and leave nothing behind.
    """

    r: Float
    v_leak: Float
    v0: Float
    leak: Leak | None = None
    w_in: Float | None = None
    synapse: Leak | None = None


@dataclass(frozen=True, eq=False)
class Integrating:
    """A neuron that never fires: it sends its potential."""

    membrane: Membrane


@dataclass(frozen=True, eq=False)
class Spiking:
    """A neuron that fires; the names of the rules are those of `snn2hw.sources.semantics.Semantics`."""

    membrane: Membrane
    threshold: Float
    v_reset: Float
    reset: "Reset"
    reset_at: "ResetAt" = "spike"
    fires_at: Literal[">", ">="] = ">"
    spikes_per_step: Literal["one", "many"] = "one"
    spike_read: Literal["after_input", "before_input"] = "after_input"
    residue: Literal["kept", "tested_twice"] = "kept"
    refractory: int = 0
    """Steps after a spike in which v stays where the reset left it, and nothing is sent."""
    most: int = 0
    """The most spikes in one step, where there may be many; 0: as many as fit."""

    @property
    def sends_the_past(self) -> bool:
        """Whether what it sends in a step is known before anything arrives in that step."""
        return self.spike_read == "before_input"


@dataclass(frozen=True, eq=False)
class ThresholdGate:
    """A neuron without memory: it sends 1 where what arrives exceeds the threshold."""

    threshold: Float


@dataclass(frozen=True, eq=False)
class Relay:
    """It sends what arrives: the output of a network."""


Neuron = Spiking | Integrating | ThresholdGate | Relay


@dataclass(frozen=True, eq=False)
class Coefficients:
    """One step in numbers:  i = keep_i i + gain_i x;  u = gain_v i;  v = keep_v v + u + drive."""

    keep_i: Float
    gain_i: Float
    keep_v: Float
    gain_v: Float
    drive: Float


@dataclass(frozen=True, eq=False)
class Potentials:
    """Synaptic current and membrane potential of a batch, (B, *shape)."""

    i: Float
    v: Float
    rest: Float | None = None
    """Steps in which v stays where it is; None where nothing rests."""


def _near_unit(x: Float) -> Float:
    return np.where(np.abs(x - 1) <= UNIT, 1.0, x)


def leak(tau: object, dt: float, scheme: "Scheme") -> Leak:
    """Return what a time constant loses and keeps in a step: dt / tau of it, or 1 - exp(-dt / tau); of 0 no number."""
    constant = np.asarray(tau, np.float64)
    ratio = _near_unit(dt / np.where(constant == 0, np.nan, constant))
    return Leak(ratio, 1 - ratio) if scheme == "euler" else Leak(-np.expm1(-ratio), np.exp(-ratio))


def membrane_of(neuron: Neuron) -> Membrane | None:
    """Return the membrane of a neuron that has one."""
    return neuron.membrane if isinstance(neuron, Spiking | Integrating) else None


def coefficients(membrane: Membrane) -> Coefficients:
    """Return the numbers of one step."""
    zero, one = np.zeros_like(membrane.r), np.ones_like(membrane.r)
    keep_i, gain_i = zero, one
    if membrane.synapse is not None and membrane.w_in is not None:
        keep_i, gain_i = membrane.synapse.keep, _near_unit(membrane.synapse.share * membrane.w_in)
    if membrane.leak is None:
        return Coefficients(keep_i, gain_i, one, _near_unit(membrane.r), zero)
    gain_v, keep_v = _near_unit(membrane.leak.share * membrane.r), membrane.leak.keep
    return Coefficients(keep_i, gain_i, keep_v, gain_v, (1 - keep_v) * membrane.v_leak)


def start(membrane: Membrane, batch: int) -> Potentials:
    """Return the state before step 0."""
    v = np.broadcast_to(membrane.v0, (batch, *membrane.v0.shape)).copy()
    return Potentials(np.zeros_like(v), v)


def advance(
    neuron: Spiking | Integrating, c: Coefficients, state: Potentials, x: Float
) -> tuple[Potentials, Float, Float]:
    """Return the state after one step with input ``x``, the message sent, and u, the term that the membrane added."""
    i = c.keep_i * state.i + c.gain_i * x
    u = c.gain_v * i
    if isinstance(neuron, Integrating):
        v = c.keep_v * state.v + u + c.drive
        return Potentials(i, v), v, u
    if neuron.reset_at == "spike" and not neuron.sends_the_past and neuron.residue == "kept":
        v = c.keep_v * state.v + u + c.drive
        z = _fire(neuron, v)
        if not neuron.refractory:
            return Potentials(i, _reset(neuron, v, z)), z, u
        rest = np.zeros_like(v) if state.rest is None else state.rest
        z = np.where(rest > 0, 0.0, z)
        v = np.where(rest > 0, state.v, _reset(neuron, v, z))
        return Potentials(i, v, np.where(z > 0, neuron.refractory, np.maximum(rest - 1, 0.0))), z, u
    held = _fire(neuron, state.v)  # what the state before this step would send: spikes that have not reset it yet
    v = _reset(neuron, state.v, held) if neuron.reset_at == "before_decay" else state.v
    v = c.keep_v * v + u + c.drive
    v = _reset(neuron, v, held) if neuron.reset_at == "after_decay" else v
    twice = neuron.residue == "tested_twice" and neuron.reset == "subtract"
    z = _fire(neuron, v - held * neuron.threshold if twice else v)
    v = _reset(neuron, v, z) if neuron.reset_at == "spike" else v
    return Potentials(i, v), held if neuron.sends_the_past else z, u


def held_message(neuron: Spiking, state: Potentials) -> Float:
    """Return what a neuron sends in a step in which spikes are read before the input."""
    return _fire(neuron, state.v)


def _fire(neuron: Spiking, v: Float) -> Float:
    over = v > neuron.threshold if neuron.fires_at == ">" else v >= neuron.threshold
    if neuron.spikes_per_step == "many":
        fitting = np.where(over, np.floor(v / neuron.threshold), 0.0)
        return np.minimum(fitting, neuron.most) if neuron.most else fitting
    return over.astype(np.float64)


def _reset(neuron: Spiking, v: Float, z: Float) -> Float:
    match neuron.reset:
        case "subtract":
            return v - z * neuron.threshold
        case "value":
            return np.where(z > 0, neuron.v_reset, v)
        case "none":
            return v
        case _:
            assert_never(neuron.reset)
