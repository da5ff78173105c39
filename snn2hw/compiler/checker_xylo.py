"""Bounds of Xylo programs for the checker of certificates; no code is shared with the prover, nor with the engines.

Every neuron's currents are pushed up by all positive products at once and down by all negative ones, in plain minima
and maxima; then the same for the potential. A spike leaves 0 to theta - 1, or what the most spikes leave of the top.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.program import Conv, Population, Program
from snn2hw.compiler.checker_taps import reached

__all__ = ["NAMES", "derive_xylo"]

Ints = NDArray[np.int64]
Pair = tuple[Ints, Ints]

NAMES = ("a", "i", "i2", "v")
BOTTOM, TOP = -(2**15), 2**15 - 1


def derive_xylo(program: Program, steps: int) -> dict[str, dict[str, list[int]]]:
    """Return the extremes of what arrives at one port and of every state, for every population."""
    sent = {p.name: int(p.properties["most"]) if p.fires else 0 for p in program.populations}
    while True:
        found = {p.name: _extremes(program, p, steps, sent) for p in program.populations}
        lower = {p.name: _most_sent(p, found[p.name]["v"][1]) for p in program.populations}
        if lower == sent:
            return found
        sent = lower


def _most_sent(p: Population, top: int) -> int:
    if not p.fires:
        return 0
    most = int(p.properties["most"])
    return most if most == 1 else max(0, min(most, min(top, TOP) // int(p.theta.min())))


def _extremes(program: Program, p: Population, steps: int, sent: Mapping[str, int]) -> dict[str, list[int]]:
    flat = {name: values.reshape(-1).astype(np.int64) for name, values in p.registers.items()}
    pushes = [_pushes(program, p, port, sent) for port in (0, 1)]
    ends = {"i": (flat["i0"],) * 2, "i2": (flat["i20"],) * 2, "v": (flat["v0"],) * 2}
    seen: dict[str, list[int]] = {
        "a": [min(int(x[0].min()) for x in pushes), max(int(x[1].max()) for x in pushes)],
        **{name: [2**62, -(2**62)] for name in ("i", "i2", "v")},
    }
    for _ in range(steps):
        last, currents = ends, []
        for port, (name, dash) in enumerate((("i", "dash_syn"), ("i2", "dash_syn2"))):
            low, high = ends[name][0] + pushes[port][0], ends[name][1] + pushes[port][1]
            _widen(seen[name], low, high)
            currents.append(tuple(_kept(_held(x), flat[dash]) for x in (low, high)))
        low, high = (currents[0][k] + currents[1][k] for k in (0, 1))
        potential = _potential(p, flat, ends["v"], (low, high), seen["v"])
        ends = {"i": _pair(currents[0]), "i2": _pair(currents[1]), "v": potential}
        if all((a == b).all() for name in ends for a, b in zip(last[name], ends[name], strict=True)):
            break
    return seen


def _pair(values: tuple[Ints, ...]) -> Pair:
    return values[0], values[1]


def _potential(p: Population, flat: Mapping[str, Ints], v: Pair, current: Pair, seen: list[int]) -> Pair:
    """Return where v may be after a step, and widen what was seen by every sum that is clipped on the way."""
    leak = [np.where(_lost(x, flat["dash_mem"]) == BOTTOM, BOTTOM, -_lost(x, flat["dash_mem"])) for x in v]
    least, most = np.minimum(*leak) + current[0], np.maximum(*leak) + current[1]
    _widen(seen, least, most)
    _widen(seen, _held(least) + flat["bias"], _held(most) + flat["bias"])
    low, high = (v[k] + _held(_held(leak[k] + current[k]) + flat["bias"]) for k in (0, 1))
    _widen(seen, low, high)
    low, high = _held(low), _held(high)
    if not p.fires:
        return low, high
    fired = high >= flat["theta"]
    rest = high - int(p.properties["most"]) * flat["theta"]
    return np.where(fired & (low > 0), 0, low), np.where(fired, np.maximum(rest, flat["theta"] - 1), high)


def _widen(seen: list[int], low: Ints, high: Ints) -> None:
    seen[0], seen[1] = min(seen[0], int(low.min())), max(seen[1], int(high.max()))


def _held(x: Ints) -> Ints:
    return np.minimum(np.maximum(x, BOTTOM), TOP)


def _lost(x: Ints, dash: Ints) -> Ints:
    return np.where(x > 0, np.maximum(x // 2**dash, 1), x // 2**dash)


def _kept(x: Ints, dash: Ints) -> Ints:
    return x - _lost(x, dash)


def _pushes(program: Program, p: Population, port: int, sent: Mapping[str, int]) -> Pair:
    low = high = np.zeros(p.size, dtype=np.int64)
    for c in (c for c in p.inputs if c.port == port):
        most = program.input.hi if c.source == "input" else sent[c.source]
        weight = c.wiring.weight.astype(np.int64) * most * 2**c.exponent
        sides = []
        for part in (np.minimum(weight, 0), np.maximum(weight, 0)):
            if isinstance(c.wiring, Conv):
                sides.append(reached(part, c.wiring, program.shape_of(c.source), p.shape).reshape(-1))
            else:
                sides.append(part.sum(axis=1))
        low, high = low + sides[0], high + sides[1]
    return low, high
