"""The neurons of one tile, one step: 32 at a time, their spikes counted and appended to the population's list."""

from typing import Any

from sim.arithmetic import V_MAX, VTH_SHIFT, WRAP
from sim.fast.isa import append, decay
from sim.fast.jit import inline, part
from sim.fast.lanes import (
    above,
    absolute,
    bits_of,
    choose,
    count_up,
    either,
    load,
    multiply_add,
    popcount,
    real,
    reals,
    splat,
    store,
    zeros,
)

__all__ = ["LANES", "update"]

LANES = 32
"""What is advanced at once: two vector registers of 32-bit numbers, and one mask of spikes."""

HALF = 16
"""The least pitch: two pixels of it are advanced at once."""
LOWER = (1 << HALF) - 1
"""The spikes of the first of them."""


def _stepper(checked: bool) -> Any:
    """Make the step of 32 neurons, with or without wrap, clip and reset by subtraction.

    Without is for populations of which a bound proves that u never wraps and v never clips, and that reset to zero.
    All numbers are integers held in float32, exactly: a bound has shown 64 |a| <= 2^23, so nothing exceeds 2^24 but a v
    that is clipped whatever it was rounded to. A neuron that fires has v > threshold >= 0 before its reset, so it is
    active whatever is left of it.
    """

    @inline
    def step(
        isa: Any,
        u: Any,
        v: Any,
        a: Any,
        kept_u: Any,
        kept_v: Any,
        threshold: Any,
        bias: Any,
        subtract: int,
        faults: Any,
    ) -> Any:
        zero = reals(LANES)
        x = multiply_add(real(a), splat(1 << VTH_SHIFT, zero), decay(isa, u, kept_u))
        if checked and bits_of(above(absolute(x), splat(WRAP - 1, zero))) != 0:
            high, low = above(x, splat(WRAP, zero)), above(splat(1 - WRAP, zero), x)
            faults[0] += popcount(bits_of(high)) + popcount(bits_of(low))
            x = choose(high, x - splat(2 * WRAP, zero), choose(low, x + splat(2 * WRAP, zero), x))
        y = decay(isa, v, kept_v) + x + bias
        if checked and bits_of(above(absolute(y), splat(V_MAX, zero))) != 0:
            high, low = above(y, splat(V_MAX, zero)), above(splat(-V_MAX, zero), y)
            faults[1] += popcount(bits_of(high)) + popcount(bits_of(low))
            y = choose(high, splat(V_MAX, zero), choose(low, splat(-V_MAX, zero), y))
        fired = above(y, threshold)
        if checked:
            left = choose(fired, y - threshold, y) if subtract else choose(fired, zero, y)
        else:
            left = choose(fired, zero, y)
        return x, left, fired, popcount(bits_of(either(x, y)))

    return step


def _updater(checked: bool, steps: int) -> Any:
    """Make the update of a tile by one step or by two, u and v staying in registers between them.

    ``sums`` may be of 16 or 32 bits; those of the second step begin at ``apart``.
    """
    step = _stepper(checked)

    @inline
    def update(
        isa: Any, p: Any, tile: Any, state: Any, sums: Any, apart: int, registers: Any, first: Any, second: Any
    ) -> int:
        lanes, stride, next_pixel, subtract = tile.lanes, p.register_stride, p.register_step, p.subtract
        pixel, base, left = tile.pixel, tile.pixel * p.pitch + tile.lane, tile.lanes
        r = p.registers + pixel * next_pixel + tile.lane
        events, ends, later_events, later_ends = first.events, first.ends, second.events, second.ends
        n, m = ends[pixel + (tile.lane > 0)], later_ends[pixel + (tile.lane > 0)]
        at_once = 2 if lanes == HALF else 1
        jump = at_once * next_pixel - max(lanes, LANES)
        active, like, whole = 0, reals(LANES), zeros(32, LANES)
        for j in range(0, (tile.pixel_to - tile.pixel) * lanes, LANES):
            kept_u, kept_v = load(registers, r, like), load(registers, r + stride, like)
            threshold, bias = load(registers, r + 2 * stride, like), load(registers, r + 3 * stride, like)
            u, v = load(state.before_u, base + j, like), load(state.before_v, base + j, like)
            u, v, fired, busy = step(
                isa, u, v, load(sums, j, whole), kept_u, kept_v, threshold, bias, subtract, first.faults
            )
            active += busy
            count_up(state.counters, base + j, fired)
            spikes = later = bits_of(fired)
            if steps == 2:
                u, v, fired, busy = step(
                    isa, u, v, load(sums, apart + j, whole), kept_u, kept_v, threshold, bias, subtract, second.faults
                )
                active += busy
                count_up(state.counters, base + j, fired)
                later = bits_of(fired)
            store(state.u, base + j, u)
            store(state.v, base + j, v)
            if lanes == HALF:
                ends[pixel + 1] = n + popcount(spikes & LOWER)
                if steps == 2:
                    later_ends[pixel + 1] = m + popcount(later & LOWER)
            n = append(isa, spikes, base + j, events, n)
            if steps == 2:
                m = append(isa, later, base + j, later_events, m)
            r, left = r + LANES, left - LANES
            if left <= 0:
                pixel, r, left = pixel + at_once, r + jump, lanes
                ends[pixel] = n
                if steps == 2:
                    later_ends[pixel] = m
        return active

    return update


proven_step, proven_steps, checked_step, checked_steps = (
    _updater(checked, steps) for checked in (False, True) for steps in (1, 2)
)


@part
def update(
    isa: Any, p: Any, tile: Any, state: Any, sums: Any, apart: int, registers: Any, first: Any, second: Any, steps: int
) -> Any:
    """Advance a tile by one or two steps from their sums; return how many neurons are active."""
    if p.checked:
        if steps == 2:
            return checked_steps(isa, p, tile, state, sums, apart, registers, first, second)
        return checked_step(isa, p, tile, state, sums, apart, registers, first, second)
    if steps == 2:
        return proven_steps(isa, p, tile, state, sums, apart, registers, first, second)
    return proven_step(isa, p, tile, state, sums, apart, registers, first, second)
