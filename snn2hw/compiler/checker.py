"""The checker of certificates: it shares no code with the prover, nor with the engines.

It derives every bound again, from the definition in docs/compile.md, by its own route: a convolution's extreme sums
come from which taps reach the image at each place instead of from a run on constant input; decays are floor divisions;
resets are taken apart by cases per neuron. A certificate passes if every bound equals the derived one and is safe.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.border import MAX_CHECKED_STEPS
from sim.program import Conv, Program
from snn2hw.compiler.checker_taps import reached
from snn2hw.compiler.checker_xylo import NAMES, derive_xylo

__all__ = ["check_certificate"]

Ints = NDArray[np.int64]

NAMES_OF = {"loihi": ("a", "u", "v"), "xylo": NAMES}
"""The arithmetics whose bounds are derived here, and what a certificate bounds in each."""

LIMITS = {"loihi": (("a", 2**21), ("u", 2**23)), "xylo": ()}
"""Magnitudes that must not be reached, written here again so that no mistake is shared; a Xylo state saturates."""


def check_certificate(program: Program, certificate: Mapping[str, Any]) -> list[str]:
    """Return everything that is wrong with a certificate in its JSON form; an empty list means that it holds."""
    faults = _header_faults(program, certificate)
    if faults:
        return faults
    derived = DERIVED[program.arithmetic](program, certificate["steps"])
    for name, found in derived.items():
        stated = certificate["bounds"][name]
        for what, span in found.items():
            if list(stated[what]) != span:
                said = f"{what} is stated as {list(stated[what])}, the registers give {span}"
                faults.append(f"population {name!r}: {said}")
        for what, limit in LIMITS[program.arithmetic]:
            if max(-found[what][0], found[what][1]) >= limit:
                faults.append(f"population {name!r}: {what} may reach {found[what]}")
    return faults


def _header_faults(program: Program, certificate: Mapping[str, Any]) -> list[str]:
    if program.arithmetic not in NAMES_OF:
        return [f"arithmetic {program.arithmetic!r}: this checker derives bounds for {', '.join(NAMES_OF)} only"]
    if certificate.get("schema") != "snn2hw.certificate/1":
        return [f"schema {certificate.get('schema')!r} is not snn2hw.certificate/1"]
    faults = []
    if certificate.get("digest") != program.digest:
        faults.append(f"is of program {certificate.get('digest')}, this is {program.digest}")
    if list(certificate.get("messages", ())) != [program.input.lo, program.input.hi]:
        faults.append(f"assumes messages {certificate.get('messages')}, the program reads other ones")
    steps = certificate.get("steps")
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        faults.append(f"holds for {steps!r} steps, which is no number of steps")
    elif steps > MAX_CHECKED_STEPS:
        faults.append(f"holds for {steps} steps, at most {MAX_CHECKED_STEPS} are checked")
    bounds = certificate.get("bounds")
    if not isinstance(bounds, Mapping) or set(bounds) != {p.name for p in program.populations}:
        return [*faults, "bounds other populations than the program has"]
    for name, stated in bounds.items():
        wanted = NAMES_OF[program.arithmetic]
        pairs = [stated.get(r) for r in wanted] if isinstance(stated, Mapping) else []
        if len(pairs) != len(wanted) or not all(isinstance(p, list | tuple) and len(p) == 2 for p in pairs):
            faults.append(f"population {name!r}: does not state {', '.join(wanted[:-1])} and {wanted[-1]} as pairs")
    return faults


def _derive_loihi(program: Program, steps: int) -> dict[str, dict[str, list[int]]]:
    """Return the extremes of a, u and v of every population."""
    spikes = _spikes_per_message(program, steps)
    return {p.name: _derive(program, p.name, steps, spikes) for p in program.populations}


def _spikes_per_message(program: Program, steps: int) -> dict[str, int]:
    """Return the most spikes that a message of each population can hold, whatever the others send."""
    spikes = {p.name: int(p.properties["most"]) if p.fires else 0 for p in program.populations}
    many = [p for p in program.populations if spikes[p.name] > 1]
    before = None
    while spikes != before:
        before = dict(spikes)
        for p in many:
            top = min(_derive(program, p.name, steps, before)["v"][1], 2**23 - 1)
            lowest = 64 * int(p.vth.min())
            over = top if p.properties["at_threshold"] else top - 1
            spikes[p.name] = max(0, min(int(p.properties["most"]), over // lowest))
    return spikes


def _derive(program: Program, name: str, steps: int, spikes: Mapping[str, int]) -> dict[str, list[int]]:
    """Return the extremes of a, u and v of one population whose sources send up to so many spikes a message."""
    p = program.by_name[name]
    sums = [_extremes(program, p.shape, c, spikes) for c in p.inputs]
    low = sum((s[0] for s in sums), np.zeros(p.shape, dtype=np.int64)).reshape(-1)
    high = sum((s[1] for s in sums), np.zeros(p.shape, dtype=np.int64)).reshape(-1)
    keep_u = 4095 - p.du.reshape(-1).astype(np.int64)
    keep_v = 4096 - p.dv.reshape(-1).astype(np.int64)
    bias = p.bias_mantissa.reshape(-1).astype(np.int64) * 2 ** p.bias_exponent.reshape(-1).astype(np.int64)
    ends = []
    u_low = u_high = p.u0.reshape(-1).astype(np.int64)
    v_low = v_high = p.v0.reshape(-1).astype(np.int64)
    for _ in range(steps):
        last = (u_low, u_high, v_low, v_high)
        u_low, u_high = _kept(u_low, keep_u) + 64 * low, _kept(u_high, keep_u) + 64 * high
        v_low, v_high = _kept(v_low, keep_v) + u_low + bias, _kept(v_high, keep_v) + u_high + bias
        ends.append((u_low.min(), u_high.max(), v_low.min(), v_high.max()))
        if max(abs(ends[-1][0]), abs(ends[-1][1])) >= 2**24:
            break
        v_low, v_high = _settled(program, name, _saturated(v_low), _saturated(v_high))
        if p.fires and p.properties["refractory"]:  # a resting neuron keeps what it had
            v_low, v_high = np.minimum(v_low, last[2]), np.maximum(v_high, last[3])
        if all((a == b).all() for a, b in zip(last, (u_low, u_high, v_low, v_high), strict=True)):
            break
    seen = np.array(ends, dtype=np.int64)
    return {
        "a": [int(low.min()), int(high.max())],
        "u": [int(seen[:, 0].min()), int(seen[:, 1].max())],
        "v": [int(seen[:, 2].min()), int(seen[:, 3].max())],
    }


def _kept(x: Ints, part: Ints) -> Ints:
    """Return part / 4096 of x, rounded toward zero."""
    return np.where(x < 0, -((-x * part) // 4096), (x * part) // 4096)


def _saturated(v: Ints) -> Ints:
    return np.clip(v, 1 - 2**23, 2**23 - 1)


def _settled(program: Program, name: str, low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Return where v may be after the reset: one case per number of spikes, each a stretch of v that may be met."""
    p = program.by_name[name]
    if not p.fires or p.reset == "none":
        return low, high
    theta = 64 * p.vth.reshape(-1).astype(np.int64)
    first = theta if p.properties["at_threshold"] else theta + 1
    least, greatest = np.where(low < first, low, 2**62), np.where(low < first, np.minimum(high, first - 1), -(2**62))
    for count in range(1, int(p.properties["most"]) + 1):
        start = first + (count - 1) * theta
        end = start + theta - 1 if count < p.properties["most"] else np.full_like(theta, 2**40)
        here, there = np.maximum(low, start), np.minimum(high, end)
        taken = count * theta if p.reset == "subtract" else here
        met = here <= there
        least = np.where(met, np.minimum(least, here - taken), least)
        kept = there - taken if p.reset == "subtract" else 0
        greatest = np.where(met, np.maximum(greatest, kept), greatest)
    return least, greatest


def _extremes(
    program: Program, target: tuple[int, ...], connection: Any, spikes: Mapping[str, int]
) -> tuple[Ints, Ints]:
    """Return the least and greatest shifted sum that one connection can bring to every neuron."""
    if connection.source == "input":
        least, most = program.input.lo, program.input.hi
    else:
        least, most = 0, spikes[connection.source]
    weight = connection.wiring.weight.astype(np.int64)
    up, down = np.maximum(weight * least, weight * most), np.minimum(weight * least, weight * most)
    if isinstance(connection.wiring, Conv):
        shape = program.shape_of(connection.source)
        low, high = (reached(part, connection.wiring, shape, target) for part in (down, up))
    else:
        low, high = (part.sum(axis=1).reshape(target) for part in (down, up))
    factor = 2.0**connection.exponent
    return np.floor(low * factor).astype(np.int64), np.floor(high * factor).astype(np.int64)


DERIVED = {"loihi": _derive_loihi, "xylo": derive_xylo}
"""By arithmetic, what derives the bounds of every population again."""
