"""The machine in plain loops, and what other tools do otherwise.

A deviation explains a difference if with it the machine gives the tool's values, all of them.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agreeing.plain import Values, matrix_of
from sim.arithmetic import V_MAX, WRAP
from sim.order import step_order
from sim.program import Population, Program

__all__ = ["NEAR", "deviating", "explained"]

Array = NDArray[Any]
Weights = tuple[Array, int]
"""A matrix of mantissas, and the exponent of their sum."""

NEAR = 1e-4
"""Two float runs are one where values differ by so little of the greatest: float32 has seven digits."""
FLOAT = "nothing is cut to whole numbers"
UNCUT = "a right shift drops nothing"
SINGLE = "float32"
AGAIN = "a residue above the threshold is taken off again"
LOOSE = "nothing wraps or clips"


def _mixed(w: Array) -> bool:
    return bool((w < 0).any() and (w > 0).any())


def _truncated(w: Array, e: int) -> Weights:
    low, high = (-256 if _mixed(w) else -255 if (w < 0).any() else 0), 255 if (w > 0).any() or not (w < 0).any() else 0
    kept = np.clip(w, low, high)
    return (kept >> 1 << 1 if _mixed(w) else kept), e


def _rounded(w: Array, e: int) -> Weights:
    s = int(_mixed(w))
    most = (1 << (8 - s)) - 1
    return np.clip(np.round(w / 2**s), -most, most).astype(np.int64) << s, e


def _rounded_singly(w: Array, e: int) -> Weights:
    s, down = int(_mixed(w)), int(_mixed(w)) + e
    if down >= 0:
        return w << e if e >= 0 else w >> -e, 0
    most = (1 << (8 - s)) - 1
    near = (np.round((w >> s) * 2.0**down) / 2.0**down).clip(-most, most).astype(np.int64)
    return near >> -down, 0


def _cut(w: Array, e: int) -> Weights:
    return (np.trunc(w / 2).astype(np.int64) * 2 if _mixed(w) else w), e


def _floored_singly(w: Array, e: int) -> Weights:
    return np.floor(w * 2.0**e).astype(np.int64), 0


WEIGHTS: Mapping[str, Callable[[Array, int], Weights]] = {
    "weights clipped to 8 bits, odd ones truncated": _truncated,
    "odd weights rounded": _rounded,
    "weights cut to even toward zero": _cut,
    "weights shifted and rounded one by one": _rounded_singly,
    "weights shifted and floored one by one": _floored_singly,
    "exponents ignored": lambda w, e: (w, 0),
}


def _modulo(x: Array, bits: int) -> Array:
    """Wrap to a signed number of so many bits."""
    half = 1 << (bits - 1)
    return (x + half) % (2 * half) - half


@dataclass(eq=False)
class _Machine:
    """One population with its states."""

    p: Population
    has: frozenset[str]
    u: Array = field(init=False)
    v: Array = field(init=False)
    rest: Array = field(init=False)

    def __post_init__(self) -> None:
        real = np.float64 if self.has & {FLOAT, UNCUT} else np.int64
        self.u, self.v = (self.full(r).astype(real) for r in (self.p.u0, self.p.v0))
        self.rest = np.zeros(self.p.size, dtype=np.int64)

    def full(self, register: Array) -> Array:
        return np.broadcast_to(register, self.p.shape).reshape(-1).astype(np.int64)

    def kept(self, x: Array, share: Array) -> Array:
        if FLOAT in self.has:
            return np.asarray(x * (4096 - share) / 4096)
        if UNCUT in self.has:
            return np.asarray(np.sign(x) * np.floor(np.abs(x) * (4096 - share) / 4096))
        return np.sign(x) * ((np.abs(x) * (4096 - share)) >> 12)

    def step(self, a: Array) -> tuple[Array, Array, Array]:
        p, bias = self.p, self.full(self.p.bias_mantissa) << self.full(self.p.bias_exponent)
        arrived = a * 64
        if "a, shifted, wraps at 22 bits" in self.has:
            arrived = _modulo(arrived, 22)
        u = self.kept(self.u, self.full(p.du) + 1) + arrived
        pushed = u + bias
        if "u with its bias wraps at 24 bits" in self.has:
            u = _modulo(u, 24)
            pushed = _modulo(u + bias, 24)
        elif not self.has & {LOOSE, FLOAT}:
            u = np.where(u > WRAP, u - 2 * WRAP, np.where(u <= -WRAP, u + 2 * WRAP, u))
            pushed = u + bias
        self.u = u
        resting = self.rest > 0
        moved = self.kept(self.v, self.full(p.dv)) + pushed
        if not self.has & {LOOSE, FLOAT}:
            moved = np.clip(moved, -V_MAX, V_MAX)
        z, after = self._fired(moved)
        self.v = np.where(resting, self.v, after)
        z = np.where(resting, 0, z)
        self.rest = np.where(z > 0, p.properties["refractory"], np.maximum(self.rest - 1, 0))
        return z, self.u.copy(), self.v.copy()

    def _fired(self, v: Array) -> tuple[Array, Array]:
        p, theta = self.p, self.full(self.p.vth) * 64
        if not p.fires:
            return np.zeros(p.size, dtype=np.int64), v
        if AGAIN in self.has and p.reset == "subtract":
            before = self.v > theta
            v = v - before * theta
            z = v > theta
            return z.astype(np.int64), v - (z.astype(np.int64) - before) * theta
        bar = theta if p.properties["at_threshold"] else theta + 1
        if self.has & {FLOAT, UNCUT}:
            z = (v >= theta if p.properties["at_threshold"] else v > theta).astype(np.int64)
        else:
            times = (v - bar) // np.maximum(theta, 1) + 1
            z = np.where(v >= bar, np.minimum(p.properties["most"], times) if p.properties["most"] > 1 else 1, 0)
        match p.reset:
            case "zero":
                return z, np.where(z > 0, 0, v)
            case "subtract":
                return z, v - z * theta
            case _:
                return z, v


def deviating(program: Program, raster: Any, deviations: Collection[str] = ()) -> Values:
    """Run a program of arithmetic loihi in local time, doing otherwise what the deviations name."""
    has = frozenset(deviations)
    order = step_order(program.populations)
    weights = {
        (p.name, i): _weights(matrix_of(program, p, c), c.exponent, has) for p in order for i, c in enumerate(p.inputs)
    }
    x = np.asarray(raster).reshape(*raster.shape[:2], -1)
    made: dict[str, Array] = {}
    for b, sample in enumerate(x):
        machines = {p.name: _Machine(p, has) for p in order}
        sent: dict[str, list[Array]] = {"input": list(sample), **{p.name: [] for p in order}}
        for t in range(len(sample)):
            for p in order:
                a = np.zeros(p.size, dtype=np.int64)
                for i, c in enumerate(p.inputs):
                    if t >= c.lag:
                        w, e = weights[p.name, i]
                        total = w @ sent[c.source][t - c.lag].astype(np.int64)
                        if "a connection's sum wraps at 24 bits" in has:
                            total = _modulo(total, 24)
                        uncut = total * 2.0**e if has & {FLOAT, UNCUT} else None
                        a = a + (uncut if uncut is not None else total << e if e >= 0 else total >> -e)
                values = machines[p.name].step(a)
                sent[p.name].append(values[0])
                for kind, one in zip(("spikes", "u", "v"), values, strict=True):
                    shape = (*x.shape[:2], p.size)
                    made.setdefault(f"{kind}.{p.name}", np.zeros(shape, dtype=one.dtype))[b, t] = one
    return made


def _weights(w: Array, e: int, has: frozenset[str]) -> Weights:
    for name, change in WEIGHTS.items():
        if name in has:
            w, e = change(w, e)
    return w, e


def explained(program: Program, raster: Any, got: Values, possible: Collection[str]) -> tuple[str, ...] | None:
    """Return the fewest deviations with which the machine gives a tool's values; None where none of them do."""
    exact = [name for name in possible if name != SINGLE]
    if FLOAT in exact:
        return _float_cause(program, raster, got, exact)
    for count in range(len(exact) + 1):
        for chosen in combinations(exact, count):
            made = deviating(program, raster, chosen)
            if all((np.asarray(values) == made[name]).all() for name, values in got.items()):
                return chosen
    return None


def _float_cause(program: Program, raster: Any, got: Values, possible: Collection[str]) -> tuple[str, ...] | None:
    """Say which of the deviations of a float tool explain its run, in float64; what that leaves is float32."""
    whole = deviating(program, raster)
    others = [name for name in possible if name != FLOAT]
    for chosen in ((), *((name,) for name in others)):
        if _near(got, deviating(program, raster, (FLOAT, *chosen)), program):
            real = deviating(program, raster, (FLOAT, *chosen))
            left = [FLOAT] if any((real[name] != whole[name]).any() for name in got) else []
            return (*left, *chosen) or (SINGLE,)
    return None


def _near(got: Values, made: Values, program: Program) -> bool:
    for name, values in got.items():
        if name.startswith("spikes."):
            if (values != made[name]).any():
                return False
        elif np.abs(values - made[name]).max(initial=0) > NEAR * max(1.0, float(np.abs(made[name]).max(initial=0))):
            return False
    return True
