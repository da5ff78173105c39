"""One step of every NIR neuron under every order of events that a `Semantics` names."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from snn2hw.sources.source import reset_at_of, reset_of
from tests.network.interpreter.maps import Float

if TYPE_CHECKING:
    import nir

    from snn2hw.sources.semantics import Reset, ResetAt, Scheme, Semantics
    from snn2hw.sources.source import Source

__all__ = ["Dynamics", "State", "dynamics", "held_message", "start", "step"]

UNIT = 4 * float(np.finfo(np.float64).eps)
"""A product of a number and its reciprocal may miss 1 by this; then 1 was meant."""


@dataclass(frozen=True, eq=False)
class Dynamics:
    """The coefficients of one step:  i = keep_i i + gain_i x;  u = gain_v i;  v = keep_v v + u + drive.

    Without a synapse ``keep_i`` is 0 and ``gain_i`` 1. ``threshold`` is None for integrators, which send v.
    """

    keep_i: Float
    gain_i: Float
    keep_v: Float
    gain_v: Float
    drive: Float
    v0: Float
    threshold: Float | None
    v_reset: Float
    reset: "Reset"
    semantics: "Semantics"
    reset_at: "ResetAt"


@dataclass(frozen=True, eq=False)
class State:
    """Synaptic current and membrane potential, (B, *shape)."""

    i: Float
    v: Float


def _near_unit(x: Float) -> Float:
    return np.where(np.abs(x - 1) <= UNIT, 1.0, x)


def _share(tau: object, dt: float, scheme: "Scheme") -> tuple[Float, Float]:
    """Return (a, 1 - a): how much of the way to its target a leaky state goes in one step, and what it keeps."""
    ratio = _near_unit(dt / np.asarray(tau, np.float64))
    if scheme == "euler":
        return ratio, 1 - ratio
    return -np.expm1(-ratio), np.exp(-ratio)


def _threshold_of(node: "nir.NIRNode") -> Float | None:
    """Return the firing threshold in float64, None for a neuron that never fires."""
    return np.asarray(node.v_threshold, np.float64) if hasattr(node, "v_threshold") else None


def dynamics(name: str, source: "Source") -> Dynamics:
    """Return the step coefficients of one neuron node of a Source."""
    node = source.nodes[name]
    kind, dt, scheme = type(node).__name__, source.dt, source.scheme
    r = np.asarray(node.r, np.float64)
    zero, one = np.zeros_like(r), np.ones_like(r)
    keep_i, gain_i = zero, one
    if kind.startswith("Cuba"):
        a_s, keep_i = _share(node.tau_syn, dt, scheme)
        gain_i = _near_unit(a_s * np.asarray(node.w_in, np.float64))
    if kind in ("I", "IF"):
        keep_v, gain_v, leak = one, _near_unit(dt * r), zero
    else:
        a_m, keep_v = _share(node.tau_mem if kind.startswith("Cuba") else node.tau, dt, scheme)
        gain_v, leak = _near_unit(a_m * r), np.asarray(node.v_leak, np.float64)
    threshold = _threshold_of(node)
    v_reset = np.asarray(node.v_reset, np.float64) if threshold is not None else zero
    rest = leak if kind not in ("I", "IF") else v_reset
    return Dynamics(
        keep_i=keep_i,
        gain_i=gain_i,
        keep_v=keep_v,
        gain_v=gain_v,
        drive=(1 - keep_v) * leak,
        v0=np.asarray(node.metadata.get("v0", rest), np.float64),
        threshold=threshold,
        v_reset=v_reset,
        reset=reset_of(node, source),
        semantics=source.semantics,
        reset_at=reset_at_of(node, source),
    )


def start(d: Dynamics, batch: int) -> State:
    """Return the state before step 0."""
    v = np.broadcast_to(d.v0, (batch, *d.v0.shape)).copy()
    return State(np.zeros_like(v), v)


def step(d: Dynamics, state: State, x: Float) -> tuple[State, Float, Float]:
    """Return the state after one step with input ``x``, the message sent, and u, the term that the membrane added."""
    rules = d.semantics
    i = d.keep_i * state.i + d.gain_i * x
    u = d.gain_v * i
    if d.threshold is None:
        v = d.keep_v * state.v + u + d.drive
        return State(i, v), v, u
    if d.reset_at == "spike" and rules.spike_read == "after_input" and rules.residue == "kept":
        v = d.keep_v * state.v + u + d.drive
        z = _fire(d, v)
        return State(i, _reset(d, v, z)), z, u
    held = _fire(d, state.v)  # what the state before this step would send: spikes that have not reset it yet
    v = _reset(d, state.v, held) if d.reset_at == "before_decay" else state.v
    v = d.keep_v * v + u + d.drive
    v = _reset(d, v, held) if d.reset_at == "after_decay" else v
    tested = v - held * d.threshold if rules.residue == "tested_twice" and d.reset == "subtract" else v
    z = _fire(d, tested)
    v = _reset(d, v, z) if d.reset_at == "spike" else v
    return State(i, v), held if rules.spike_read == "before_input" else z, u


def held_message(d: Dynamics, state: State) -> Float:
    """Return what a neuron sends in a step in which spikes are read before the input."""
    return _fire(d, state.v)


def _fire(d: Dynamics, v: Float) -> Float:
    threshold = d.threshold
    assert threshold is not None
    over = v > threshold if d.semantics.fires_at == ">" else v >= threshold
    if d.semantics.spikes_per_step == "many":
        return np.where(over, np.floor(v / threshold), 0.0)
    return over.astype(np.float64)


def _reset(d: Dynamics, v: Float, z: Float) -> Float:
    if d.reset == "none":
        return v
    if d.reset == "subtract":
        assert d.threshold is not None
        return v - z * d.threshold
    return np.where(z > 0, d.v_reset, v)
