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


def _stepper(checked: bool) -> Any:
    """Make the step of 32 neurons, with or without wrap, clip and reset by subtraction.

    Without is for populations of which a bound proves that u never wraps and v never clips, and that reset to zero.
    All numbers are integers held in float32, exactly: a bound has shown 64 |a| <= 2^23, so nothing exceeds 2^24 but a v
    that is clipped whatever it was rounded to. A neuron that fires has v > threshold >= 0 before its reset, so it is
    active whatever is left of it.
    """

    @inline
    def step(
        isa: Any, state: Any, at: int, sums: Any, place: int, registers: Any, r: int, stride: int, subtract: int,
        faults: Any,
    ) -> Any:  # fmt: skip
        like = reals(LANES)
        threshold = load(registers, r + 2 * stride, like)
        a = real(load(sums, place, zeros(32, LANES)))
        x = decay(isa, load(state.before_u, at, like), load(registers, r, like))
        x = multiply_add(a, splat(1 << VTH_SHIFT, like), x)
        if checked and bits_of(above(absolute(x), splat(WRAP - 1, like))) != 0:
            high, low = above(x, splat(WRAP, like)), above(splat(1 - WRAP, like), x)
            faults[0] += popcount(bits_of(high)) + popcount(bits_of(low))
            x = choose(high, x - splat(2 * WRAP, like), choose(low, x + splat(2 * WRAP, like), x))
        y = decay(isa, load(state.before_v, at, like), load(registers, r + stride, like))
        y = y + x + load(registers, r + 3 * stride, like)
        if checked and bits_of(above(absolute(y), splat(V_MAX, like))) != 0:
            high, low = above(y, splat(V_MAX, like)), above(splat(-V_MAX, like), y)
            faults[1] += popcount(bits_of(high)) + popcount(bits_of(low))
            y = choose(high, splat(V_MAX, like), choose(low, splat(-V_MAX, like), y))
        fired = above(y, threshold)
        store(state.u, at, x)
        if checked:
            left = choose(fired, y - threshold, y) if subtract else choose(fired, like, y)
        else:
            left = choose(fired, like, y)
        store(state.v, at, left)
        return fired, either(x, y)

    return step


def _updater(checked: bool) -> Any:
    """Make the update of a tile; ``sums`` may be of 16 or 32 bits."""
    step = _stepper(checked)

    @inline
    def update(
        isa: Any, p: Any, tile: Any, state: Any, sums: Any, registers: Any, events: Any, ends: Any, faults: Any
    ) -> int:
        lanes, stride, next_pixel, subtract = tile.lanes, p.register_stride, p.register_step, p.subtract
        pixel, base = tile.pixel, tile.pixel * p.pitch + tile.lane
        left = lanes
        r = p.registers + pixel * next_pixel + tile.lane
        n = ends[pixel + (tile.lane > 0)]
        active = 0
        for j in range(0, (tile.pixel_to - tile.pixel) * lanes, LANES):
            fired, busy = step(isa, state, base + j, sums, j, registers, r, stride, subtract, faults)
            active += popcount(bits_of(busy))
            count_up(state.counters, base + j, fired)
            spikes = bits_of(fired)
            if lanes == HALF:
                ends[pixel + 1] = n + popcount(spikes & ((1 << HALF) - 1))
                n = append(isa, spikes, base + j, events, n)
                pixel, r = pixel + 2, r + 2 * next_pixel
                ends[pixel] = n
            else:
                n = append(isa, spikes, base + j, events, n)
                r, left = r + LANES, left - LANES
                if left == 0:
                    pixel, r, left = pixel + 1, r + next_pixel - lanes, lanes
                    ends[pixel] = n
        return active

    return update


update_proven, update_checked = _updater(False), _updater(True)


@part
def update(
    isa: Any, p: Any, tile: Any, state: Any, scratch: Any, registers: Any, events: Any, ends: Any, faults: Any
) -> Any:
    """Advance a tile by one step from its sums; return how many neurons are active."""
    if p.wide:
        if p.checked:
            return update_checked(isa, p, tile, state, scratch.sums32, registers, events, ends, faults)
        return update_proven(isa, p, tile, state, scratch.sums32, registers, events, ends, faults)
    if p.checked:
        return update_checked(isa, p, tile, state, scratch.sums16, registers, events, ends, faults)
    return update_proven(isa, p, tile, state, scratch.sums16, registers, events, ends, faults)
