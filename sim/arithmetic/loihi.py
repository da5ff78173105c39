"""Arithmetic ``loihi``: what the fixed-point models of lava-nc 0.10 compute, as data, and its step.

u = wrap(decay(u, du + 1) + (a << 6))
v = clip(decay(v, dv) + u + bias)                     bias = mantissa << exponent
z = how often theta = vth << 6 can be taken off v while it still fires (v > theta), at most `most` times; 0 unless fires
v = 0 where z > 0  (reset "zero")   |   v - z theta  (reset "subtract")   |   v  (reset "none")

A population may compare with >= (`at_threshold`), send more than one spike in a message (`most`), and rest: for so many
steps after a spike (`refractory`) v stays what the reset made it, u goes on, and nothing is sent.

Every number fits int64: |a| < 2^21, so |a << 6| < 2^27, and a step that leaves |u| beyond 2^31 is refused (`U_STORED`),
so the largest product is 2^31 * 2^12 = 2^43.
"""

from collections.abc import Mapping
from typing import assert_never

import numpy as np

from sim.arithmetic import description
from sim.arithmetic.description import Int, Neurons, Reached, RealDynamics, Stepped

__all__ = [
    "ARITHMETIC",
    "A_LIMIT",
    "DECAY_ONE",
    "MOST",
    "U_STORED",
    "VTH_SHIFT",
    "V_MAX",
    "WRAP",
    "clip",
    "decay",
    "dynamics",
    "greatest_message",
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

MOST = 255
"""Spikes that one message may stand for: a byte."""

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
    clipped = v != raised
    z = _count(neurons, v)
    rest = np.zeros_like(z)
    if pause := neurons.properties["refractory"]:
        held = before["rest"] > 0
        v, z, clipped = np.where(held, before["v"], v), np.where(held, 0, z), clipped & ~held
        rest = np.where(z > 0, pause, np.maximum(before["rest"] - 1, 0))
    match neurons.reset:
        case "zero":
            after = np.where(z, 0, v)
        case "subtract":
            after = v - z * (neurons["vth"] << VTH_SHIFT)
        case "none":
            after = v
        case _:
            assert_never(neurons.reset)
    return Stepped({"u": u, "v": after, "rest": rest}, z, u != grown, clipped)


def _count(neurons: Neurons, v: Int) -> Int:
    """Return how many spikes neurons at v send, rest or not."""
    theta, bar = neurons["vth"] << VTH_SHIFT, _bar(neurons)
    over = (v >= bar) & neurons.fires
    if (most := int(neurons.properties["most"])) == 1:
        return over.astype(np.int64)
    return np.where(over, np.minimum(most, (v - bar) // theta + 1), 0)


def _bar(neurons: Neurons) -> Int:
    """Return the least v that fires."""
    return (neurons["vth"] << VTH_SHIFT) + (0 if neurons.properties["at_threshold"] else 1)


def interval(neurons: Neurons, before: Mapping[str, Int], a: Int) -> Reached:
    """Advance the ends of what may be: decay, sum and reset keep the order, so an end comes from the same end before.

    After the reset v lies in the hull of what stays, up to the threshold, and of what a spike leaves behind.
    """
    u = decay(before["u"], neurons["du"] + 1) + (a << VTH_SHIFT)
    v = decay(before["v"], neurons["dv"]) + u + (neurons["bias_mantissa"] << neurons["bias_exponent"])
    after = _ends_after_reset(neurons, clip(v))
    if neurons.properties["refractory"] and neurons.fires:  # v may rest where it was
        after = np.stack([np.minimum(after[0], before["v"][0]), np.maximum(after[1], before["v"][1])])
    return Reached({"u": u, "v": v}, {"u": u, "v": after})


def _ends_after_reset(neurons: Neurons, ends: Int) -> Int:
    if not neurons.fires or neurons.reset == "none":
        return ends
    bar = _bar(neurons)
    low, high = ends
    quiet_low, quiet_high = low, np.minimum(high, bar - 1)
    match neurons.reset:
        case "zero":
            fired_low = fired_high = np.zeros_like(low)
        case "subtract":
            fired_low, fired_high = _residues(neurons, np.maximum(low, bar), high)
        case _:
            assert_never(neurons.reset)
    may, must = high >= bar, low >= bar
    least = np.where(must, fired_low, np.where(may, np.minimum(quiet_low, fired_low), quiet_low))
    most = np.where(must, fired_high, np.where(may, np.maximum(quiet_high, fired_high), quiet_high))
    return np.stack([least, most])


def _residues(neurons: Neurons, low: Int, high: Int) -> tuple[Int, Int]:
    """Return the ends of what subtraction leaves of v in low..high, of which all fire.

    What is left grows with v as long as the count stays, and falls back to bar - theta where the count goes up.
    """
    theta, bar = neurons["vth"] << VTH_SHIFT, _bar(neurons)
    least, greatest = _count(neurons, low), _count(neurons, high)
    left_low, left_high = low - least * theta, high - greatest * theta
    same = least == greatest
    return np.where(same, left_low, bar - theta), np.where(same, left_high, np.maximum(left_high, bar - 1))


def greatest_message(neurons: Neurons, v_most: int) -> int:
    """Return the greatest message of neurons of which none gets beyond ``v_most``:  min(most, v_most // theta).

    >>> from sim.parts import Population
    >>> neurons = Population("p", (2,), vth=[10, 20], most=31).neurons
    >>> [greatest_message(neurons, v) for v in (5000, 640, 641, 10**6)]
    [7, 0, 1, 31]
    """
    return int(_count(neurons, np.full_like(neurons["vth"], min(v_most, V_MAX))).max())


def legal(neurons: Neurons) -> tuple[str, str] | None:
    """Say what is wrong with neurons that count how often their threshold fits."""
    if int(neurons.properties["most"]) > 1 and neurons["vth"].min() < 1:
        return (
            f"sends up to {neurons.properties['most']} spikes a step and has vth 0",
            "use vth of at least 1, or most=1",
        )
    return None


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


ARITHMETIC = description.Arithmetic(
    name="loihi",
    registers=(
        description.Register("du", (0, DECAY_ONE - 1), default=DECAY_ONE - 1),
        description.Register("dv", (0, DECAY_ONE - 1), sourced_by="du"),
        description.Register("vth", (0, (1 << 17) - 1)),
        description.Register("bias_mantissa", (-4096, 4095)),
        description.Register("bias_exponent", (0, 7), sourced_by="bias_mantissa"),
        description.Register("u0", (-WRAP + 1, WRAP)),
        description.Register("v0", (-V_MAX, V_MAX)),
    ),
    states=(
        description.StateVariable("u", initial="u0", bits=24, overflow="wraps", refused_from=U_STORED),
        description.StateVariable("v", initial="v0", bits=24, overflow="clips"),
    ),
    accumulator=description.Accumulator(A_LIMIT, bits=22),
    resets=("zero", "subtract", "none"),
    exponents=(-8, 7),
    messages=(-(1 << 23) + 1, (1 << 23) - 1),
    weight_rules=("loihi", "signed"),
    step=step,
    interval=interval,
    dynamics=dynamics,
    properties=(
        description.Property("most", 1, (1, MOST)),
        description.Property("at_threshold", default=False),
        description.Property("refractory", 0, (0, 62)),
    ),
    clocks=("rest",),
    decays=("du", "dv"),
    rule=legal,
    greatest=greatest_message,
)
"""A chip adds 1 to du and nothing to dv: du = 4095 forgets everything, dv = 4095 leaves 1/4096."""
