"""Bounds on a, u and v that hold for every input in the message range, by interval arithmetic over the registers.

For step t, with every message anywhere in its range, whatever was sent before (all functions are monotone):

    a in [a-, a+]: each weight meets the end of the range that pushes its way; the shift of a connection keeps the order
    u+[t] = decay(u+[t-1], du + 1) + (a+ << 6),     u+[-1] = u0                      (and the same for u-)
    v+[t] = decay(w+[t-1], dv) + u+[t] + bias,      w+[-1] = v0                      (before the clip)
    w[t]  = hull of what stays ([v-, min(v+, theta)]) and what a reset leaves (0, or v - theta), theta = vth << 6

The certificate states the extremes over t < steps and over all neurons of a population. |a| < 2^21 and |u| < 2^23 are
demanded; v may clip where no bound below 2^23 exists, and the certificate then says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

import numpy as np

from sim.arithmetic import A_LIMIT, V_MAX, VTH_SHIFT, WRAP, Int, clip, decay, shift
from sim.border import MAX_CHECKED_STEPS
from sim.errors import UnsupportedError
from sim.program import INPUT, Conv, Dense, Population, Program, Wiring
from sim.wiring import apply

__all__ = ["Bounds", "Certificate", "bounds_of", "certify", "prove"]

SCHEMA = "snn2hw.certificate/1"


@dataclass(frozen=True)
class Bounds:
    """(least, greatest) of a, of u and of v before its clip, over all neurons of one population and all steps."""

    a: tuple[int, int]
    u: tuple[int, int]
    v: tuple[int, int]

    @property
    def safe(self) -> bool:
        """Whether the accumulator never leaves its range and u never wraps."""
        return max(map(abs, self.a)) < A_LIMIT and max(map(abs, self.u)) < WRAP

    @property
    def clip_free(self) -> bool:
        """Whether v never clips."""
        return self.v[0] >= -V_MAX and self.v[1] <= V_MAX


@dataclass(frozen=True)
class Certificate:
    """What was proven of one Program: its digest, the assumptions, and the bounds of every population."""

    digest: str
    steps: int
    """The bounds hold for samples of at most this many steps."""
    messages: tuple[int, int]
    """The input messages lie in this range."""
    bounds: Mapping[str, Bounds]

    @property
    def clip_free(self) -> tuple[str, ...]:
        """Return the populations in which v never clips: what an engine takes as ``clip_free``."""
        return tuple(name for name, bounds in self.bounds.items() if bounds.clip_free)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "schema": SCHEMA,
            "digest": self.digest,
            "steps": self.steps,
            "messages": list(self.messages),
            "bounds": {n: {"a": list(b.a), "u": list(b.u), "v": list(b.v)} for n, b in self.bounds.items()},
        }


def certify(program: Program, steps: int) -> Certificate:
    """Prove that no sum leaves the accumulator and no u wraps within ``steps`` steps, or name the population."""
    certificate = prove(program, steps)
    for name, bounds in certificate.bounds.items():
        if not bounds.safe:
            what = f"population {name!r}: within {steps} steps a may reach {bounds.a} and u {bounds.u}"
            raise UnsupportedError(f"{what}; |a| < 2^21 and |u| < 2^23 are needed", "compile with a lower scale")
    return certificate


def prove(program: Program, steps: int) -> Certificate:
    """Return the bounds as they are, good or bad."""
    if steps > MAX_CHECKED_STEPS:
        what = f"a certificate for {steps} steps: at most {MAX_CHECKED_STEPS} are checked"
        raise UnsupportedError(what, "cut the samples, or certify for fewer steps")
    ranges = {INPUT: (program.input.lo, program.input.hi)} | {p.name: (0, int(p.fires)) for p in program.populations}
    bounds = {p.name: bounds_of(p, ranges, program.shape_of, steps) for p in program.populations}
    return Certificate(program.digest, steps, ranges[INPUT], bounds)


def bounds_of(
    population: Population,
    messages: Mapping[str, tuple[int, int]],
    shape_of: Callable[[str], tuple[int, ...]],
    steps: int,
) -> Bounds:
    """Return the bounds of one population from the message range and the shape of each of its sources."""
    low, high = _sums(population, messages, shape_of)
    bias = population.bias_mantissa.astype(np.int64) << population.bias_exponent
    du, dv = population.du.astype(np.int64) + 1, population.dv.astype(np.int64)
    u = np.stack([population.u0, population.u0]).astype(np.int64)
    w = np.stack([population.v0, population.v0]).astype(np.int64)
    arriving = np.stack([low, high]) << VTH_SHIFT
    ends: list[tuple[int, int, int, int]] = []
    for _ in range(steps):
        before_u, before_w = u, w
        u = decay(u, du) + arriving
        v = decay(w, dv) + u + bias
        w = _after_reset(population, clip(v))
        ends.append((int(u[0].min()), int(u[1].max()), int(v[0].min()), int(v[1].max())))
        if max(map(abs, ends[-1][:2])) >= 2 * WRAP:
            break  # lost already; the numbers must not outgrow 64 bits
        if np.array_equal(u, before_u) and np.array_equal(w, before_w):
            break  # nothing will ever change again
    least_u, most_u, least_v, most_v = zip(*ends, strict=True)
    u_range, v_range = (min(least_u), max(most_u)), (min(least_v), max(most_v))
    return Bounds((int(low.min()), int(high.max())), u_range, v_range)


def _sums(
    population: Population, messages: Mapping[str, tuple[int, int]], shape_of: Callable[[str], tuple[int, ...]]
) -> tuple[Int, Int]:
    """Return the least and the greatest a of every neuron."""
    low = np.zeros(population.shape, dtype=np.int64)
    high = np.zeros(population.shape, dtype=np.int64)
    for connection in population.inputs:
        least, most = messages[connection.source]
        shape = shape_of(connection.source)
        positive, negative = _parts(connection.wiring)

        def pushed(wiring: Wiring, message: int, shape: tuple[int, ...] = shape) -> Int:
            return np.asarray(apply(wiring, np.full((1, *shape), message, dtype=np.int64), shape, population.shape)[0])

        high += shift(pushed(positive, most) + pushed(negative, least), connection.exponent)
        low += shift(pushed(positive, least) + pushed(negative, most), connection.exponent)
    return low, high


def _parts(wiring: Wiring) -> tuple[Wiring, Wiring]:
    """Return the wiring with its positive weights alone, and with its negative ones."""
    positive, negative = np.maximum(wiring.weight, 0), np.minimum(wiring.weight, 0)
    match wiring:
        case Dense():
            return Dense(positive), Dense(negative)
        case Conv():
            place = (wiring.stride, wiring.padding, wiring.dilation, wiring.groups)
            return Conv(positive, *place), Conv(negative, *place)
        case _:
            assert_never(wiring)


def _after_reset(population: Population, v: Int) -> Int:
    """Return the interval of v after the step's spikes; ``v`` holds its two ends."""
    if not population.fires:
        return v
    theta = population.vth.astype(np.int64) << VTH_SHIFT
    low, high = v
    quiet_low, quiet_high = low, np.minimum(high, theta)
    match population.reset:
        case "zero":
            fired_low = fired_high = np.zeros_like(low)
        case "subtract":
            fired_low, fired_high = np.maximum(low, theta + 1) - theta, high - theta
        case _:
            assert_never(population.reset)
    may, must = high > theta, low > theta
    least = np.where(must, fired_low, np.where(may, np.minimum(quiet_low, fired_low), quiet_low))
    most = np.where(must, fired_high, np.where(may, np.maximum(quiet_high, fired_high), quiet_high))
    return np.stack([least, most])
