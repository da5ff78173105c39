"""Arithmetic ``xylo``: the neuron of SynSense's Xylo chips as `xylosim` 0.1.3 computes it, as data, and its step.

i_k = sat(i_k + (weight << shift) * message)          for one source neuron after the other (`sim.arrival`), port k
i_k = sat(i_k - dash(i_k, dash_syn_k))
v   = sat(v + sat(sat(i_1 + i_2 - dash(v, dash_mem)) + bias))
z   = min(most, v // theta) where v >= theta;   v = v - z * theta

dash(x, n) = x >> n (arithmetic), but 1 where that is 0 and x > 0;   sat(x) = min(max(x, -2^15), 2^15 - 1)

A state is 16 bits wide, and so is the negation of a dash: -(-32768) is -32768.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import description
from sim.arithmetic.description import Int, Neurons, Reached, RealDynamics, Stepped

__all__ = ["ARITHMETIC", "LEAST", "MOST", "dash", "dynamics", "greatest_message", "interval", "saturate", "step"]

LEAST, MOST = -(1 << 15), (1 << 15) - 1
"""The ends of every state."""

STATE = (LEAST, MOST)


def dash(x: Int, n: Int | int) -> Int:
    """Return what a state loses in a step: x / 2^n rounded down, but at least 1 of what is above zero.

    >>> dash(np.array([40, 3, 0, -3]), 2).tolist()
    [10, 1, 0, -1]
    """
    lost = np.asarray(x >> n, dtype=np.int64)
    return np.where((lost == 0) & (x > 0), 1, lost)


def saturate(x: Int) -> Int:
    """Keep x within 16 bits: ``min(max(x, -32768), 32767)``.

    >>> saturate(np.array([32768, -32769])).tolist()
    [32767, -32768]
    """
    return np.clip(x, LEAST, MOST)


def _negated(x: Int) -> Int:
    """Negate in 16 bits."""
    return np.where(x == LEAST, LEAST, -x)


def _decayed(x: Int, n: Int) -> Int:
    return x - dash(x, n)


def step(neurons: Neurons, before: Mapping[str, Int], a: Int) -> Stepped:
    """Advance every neuron by one local step; ``a`` is by how much messages have moved i and i2."""
    i = _decayed(before["i"] + a[0], neurons["dash_syn"])
    i2 = _decayed(before["i2"] + a[1], neurons["dash_syn2"])
    first = _negated(dash(before["v"], neurons["dash_mem"])) + i + i2
    second = saturate(first) + neurons["bias"]
    third = before["v"] + saturate(second)
    v: Int = saturate(third)
    theta = neurons["theta"]
    clips: NDArray[np.bool_] = (_outside(first) | _outside(second)) | _outside(third)
    z: Int = np.where((v >= theta) & neurons.fires, np.minimum(v // theta, neurons.properties["most"]), 0)
    return Stepped({"i": i, "i2": i2, "v": v - z * theta}, z, np.zeros_like(clips), clips)


def _outside(x: Int) -> NDArray[np.bool_]:
    return np.asarray((x < LEAST) | (x > MOST))


def interval(neurons: Neurons, before: Mapping[str, Int], a: Int) -> Reached:
    """Advance the ends of what may be; ``a`` holds the sums of all negative and of all positive products.

    i and v before a spike keep the order of what they come from. A spike leaves less than a threshold, or what the
    greatest number of spikes could not take away.
    """
    arrived = {"i": before["i"] + a[0], "i2": before["i2"] + a[1]}
    i = _decayed(saturate(arrived["i"]), neurons["dash_syn"])
    i2 = _decayed(saturate(arrived["i2"]), neurons["dash_syn2"])
    lost = _negated(dash(before["v"], neurons["dash_mem"]))
    apart = np.stack([lost.min(axis=0), lost.max(axis=0)]) + i + i2  # a v at one end with currents at the other
    biased = saturate(apart) + neurons["bias"]
    raised = before["v"] + saturate(saturate(lost + i + i2) + neurons["bias"])
    sums = np.stack([apart, biased, raised])
    ends = np.stack([sums[:, 0].min(axis=0), sums[:, 1].max(axis=0)])
    return Reached({**arrived, "v": ends}, {"i": i, "i2": i2, "v": _ends_after_spikes(neurons, saturate(raised))})


def _ends_after_spikes(neurons: Neurons, ends: Int) -> Int:
    if not neurons.fires:
        return ends
    low, high = ends
    theta = neurons["theta"]
    may = high >= theta
    left = high - theta * int(neurons.properties["most"])
    return np.stack([np.where(may, np.minimum(low, 0), low), np.where(may, np.maximum(theta - 1, left), high)])


def greatest_message(neurons: Neurons, v_most: int) -> int:
    """Return the greatest message of neurons of which none gets beyond ``v_most``."""
    most = min(int(neurons.properties["most"]), max(0, min(v_most, MOST) // int(neurons["theta"].min())))
    return most if neurons.fires else 0


def dynamics(neurons: Neurons) -> RealDynamics:
    """Return the neuron without rounding and with its first current alone.

    The chip's current decays after its input, so it is (1 - share) times a current that decays before it: all of v is
    counted in that unit.
    """
    share = 2.0 ** -neurons["dash_syn"].astype(np.float64)
    unit = np.where(share < 1, 1 - share, 1.0)
    return RealDynamics(
        share_u=share,
        share_v=2.0 ** -neurons["dash_mem"].astype(np.float64),
        drive=neurons["bias"] / unit,
        threshold=neurons["theta"] / unit,
        v0=neurons["v0"] / unit,
    )


ARITHMETIC = description.Arithmetic(
    name="xylo",
    registers=(
        description.Register("dash_syn", (0, 15), default=1),
        description.Register("dash_syn2", (0, 15), default=1, optional=True),
        description.Register("dash_mem", (0, 15), default=1, sourced_by="dash_syn"),
        description.Register("theta", (1, MOST), default=1),
        description.Register("bias", STATE),
        description.Register("i0", STATE, optional=True),
        description.Register("i20", STATE, optional=True),
        description.Register("v0", STATE, optional=True),
    ),
    states=(
        description.StateVariable("i", initial="i0", bits=16, overflow="clips"),
        description.StateVariable("i2", initial="i20", bits=16, overflow="clips"),
        description.StateVariable("v", initial="v0", bits=16, overflow="clips"),
    ),
    accumulator=description.Accumulator(None, bits=16),
    resets=("subtract",),
    exponents=(0, 8),
    messages=(0, 15),
    weight_rules=("signed",),
    step=step,
    interval=interval,
    dynamics=dynamics,
    properties=(description.Property("most", 1, (1, 31)),),
    receiving=("i", "i2"),
    decays=("dash_syn", "dash_mem"),
    weights=(-128, 127),
    synop_of="spike",
    greatest=greatest_message,
)
"""A connection arrives at port 0, the current i, or at port 1, the current i2."""
