"""Arithmetic ``loihi``: what the fixed-point models of lava-nc 0.10 compute, as data, and its step.

u = wrap(decay(u, du + 1) + (a << 6))
v = clip(decay(v, dv) + u + bias)                     bias = mantissa << exponent
z = fires and v > (vth << 6)
v = 0 where z  (reset "zero")   |   v - (vth << 6) where z  (reset "subtract")

Every number fits int64: |a| < 2^21, so |a << 6| < 2^27, and a step that leaves |u| beyond 2^31 is refused (`U_STORED`),
so the largest product is 2^31 * 2^12 = 2^43.
"""

from collections.abc import Mapping
from typing import assert_never

import numpy as np

from sim.arithmetic.description import (
    Accumulator,
    Arithmetic,
    Int,
    Neurons,
    Reached,
    RealDynamics,
    Register,
    StateVariable,
    Stepped,
)

__all__ = [
    "ARITHMETIC",
    "A_LIMIT",
    "DECAY_ONE",
    "U_STORED",
    "VTH_SHIFT",
    "V_MAX",
    "WRAP",
    "clip",
    "decay",
    "dynamics",
    "interval",
    "step",
    "wrap",
]

A_LIMIT = 1 << 21
"""The accumulator holds -2^21 < a < 2^21; an engine refuses a step that leaves it."""

DECAY_ONE = 1 << 12
"""A decay is a fraction of this: ``decay(x, 4096) == 0``."""

VTH_SHIFT = 6
"""Messages and thresholds stand this many bits above the registers u and v."""

V_MAX = (1 << 23) - 1
"""v saturates at plus and minus this."""

WRAP = 1 << 23
"""u lives in (-2^23, 2^23]: the upper end is reachable, the lower is not."""

U_STORED = 1 << 31
"""A wrap takes off 2^24 once, so repeated overflow can grow u; past this an engine refuses (lava-nc stores int32)."""


def decay(x: Int, d: Int | int) -> Int:
    """Shrink by d / 4096, rounding toward zero: ``sign(x) * ((|x| * (4096 - d)) >> 12)``, 0 <= d <= 4096.

    >>> decay(np.array([-1000, 1000, -1]), 1).tolist()
    [-999, 999, 0]
    """
    kept = np.asarray(np.abs(x) * (DECAY_ONE - d), dtype=np.int64)
    return np.asarray(np.sign(x) * (kept >> 12), dtype=np.int64)


def wrap(x: Int) -> Int:
    """Bring one overflow of u back: subtract 2^24 above 2^23, add 2^24 at or below -2^23.

    >>> wrap(np.array([2**23, 2**23 + 1, -(2**23)])).tolist()
    [8388608, -8388607, 8388608]
    """
    return np.where(x > WRAP, x - 2 * WRAP, np.where(x <= -WRAP, x + 2 * WRAP, x))


def clip(x: Int) -> Int:
    """Saturate v: ``min(max(x, -(2^23 - 1)), 2^23 - 1)``.

    >>> clip(np.array([2**23, -(2**23)])).tolist()
    [8388607, -8388607]
    """
    return np.clip(x, -V_MAX, V_MAX)


def step(neurons: Neurons, before: Mapping[str, Int], a: Int) -> Stepped:
    """Advance every neuron by one local step."""
    grown = decay(before["u"], neurons["du"] + 1) + (a << VTH_SHIFT)
    u = wrap(grown)
    raised = decay(before["v"], neurons["dv"]) + u + (neurons["bias_mantissa"] << neurons["bias_exponent"])
    v = clip(raised)
    threshold = neurons["vth"] << VTH_SHIFT
    z = ((v > threshold) & neurons.fires).astype(np.int64)
    match neurons.reset:
        case "zero":
            after = np.where(z, 0, v)
        case "subtract":
            after = np.where(z, v - threshold, v)
        case _:
            assert_never(neurons.reset)
    return Stepped({"u": u, "v": after}, z, u != grown, v != raised)


def interval(neurons: Neurons, before: Mapping[str, Int], a: Int) -> Reached:
    """Advance the ends of what may be: decay, sum and reset keep the order, so an end comes from the same end before.

    After the reset v lies in the hull of what stays, up to the threshold, and of what a spike leaves behind.
    """
    u = decay(before["u"], neurons["du"] + 1) + (a << VTH_SHIFT)
    v = decay(before["v"], neurons["dv"]) + u + (neurons["bias_mantissa"] << neurons["bias_exponent"])
    return Reached({"u": u, "v": v}, {"u": u, "v": _ends_after_reset(neurons, clip(v))})


def _ends_after_reset(neurons: Neurons, ends: Int) -> Int:
    if not neurons.fires:
        return ends
    theta = neurons["vth"] << VTH_SHIFT
    low, high = ends
    quiet_low, quiet_high = low, np.minimum(high, theta)
    match neurons.reset:
        case "zero":
            fired_low = fired_high = np.zeros_like(low)
        case "subtract":
            fired_low, fired_high = np.maximum(low, theta + 1) - theta, high - theta
        case _:
            assert_never(neurons.reset)
    may, must = high > theta, low > theta
    least = np.where(must, fired_low, np.where(may, np.minimum(quiet_low, fired_low), quiet_low))
    most = np.where(must, fired_high, np.where(may, np.maximum(quiet_high, fired_high), quiet_high))
    return np.stack([least, most])


def dynamics(neurons: Neurons) -> RealDynamics:
    """Return the neuron without rounding: u and v divided by 64 are in units of a weight."""
    unit = 1 << VTH_SHIFT
    return RealDynamics(
        share_u=(neurons["du"].astype(np.float64) + 1) / DECAY_ONE,
        share_v=neurons["dv"].astype(np.float64) / DECAY_ONE,
        drive=(neurons["bias_mantissa"] << neurons["bias_exponent"]) / unit,
        threshold=neurons["vth"].astype(np.float64),
        v0=neurons["v0"] / unit,
    )


ARITHMETIC = Arithmetic(
    name="loihi",
    registers=(
        Register("du", (0, DECAY_ONE - 1), default=DECAY_ONE - 1),
        Register("dv", (0, DECAY_ONE - 1), sourced_by="du"),
        Register("vth", (0, (1 << 17) - 1)),
        Register("bias_mantissa", (-4096, 4095)),
        Register("bias_exponent", (0, 7), sourced_by="bias_mantissa"),
        Register("u0", (-WRAP + 1, WRAP)),
        Register("v0", (-V_MAX, V_MAX)),
    ),
    states=(
        StateVariable("u", initial="u0", bits=24, overflow="wraps", refused_from=U_STORED),
        StateVariable("v", initial="v0", bits=24, overflow="clips"),
    ),
    accumulator=Accumulator(A_LIMIT, bits=22),
    resets=("zero", "subtract"),
    exponents=(-8, 7),
    messages=(-(1 << 23) + 1, (1 << 23) - 1),
    weight_rules=("loihi", "signed"),
    step=step,
    interval=interval,
    dynamics=dynamics,
)
"""A chip adds 1 to du and nothing to dv: du = 4095 forgets everything, dv = 4095 leaves 1/4096."""
