"""The neurons of one tile, one step or two: 64 or 32 at a time, their spikes counted and noted as bits."""

from typing import Any

from sim.arithmetic import V_MAX, VTH_SHIFT, WRAP
from sim.fast.isa import at_once, decay, integers, numbers
from sim.fast.jit import inline, part
from sim.fast.lanes import load, multiply_add, real, splat, store
from sim.fast.masks import (
    above,
    any_beyond,
    bits_of,
    choose,
    count_up,
    count_up_both,
    either,
    popcount,
    put_bits,
)
from sim.fast.refusal import FAR

__all__ = ["LANES", "update"]

LANES = 64
"""What may be advanced at once: tiles, registers and sums are padded to it."""


def _stepper(checked: bool) -> Any:
    """Make the step of so many neurons, with or without wrap, clip and reset by subtraction.

    Without is for populations of which a bound proves that u never wraps and v never clips, and that reset to zero.
    All numbers are integers held in float32, exactly: nothing exceeds 2^24 but a v that is clipped, or formed anew,
    whatever it was rounded to, and, where no bound shows 64 |a| <= 2^23, a u that ends the run. A neuron that fires has
    v > threshold >= 0 before its reset, so it is active whatever is left of it. Lanes that are not ``valid`` hold no
    neuron.
    """

    @inline
    def step(
        isa: Any, p: Any, u: Any, v: Any, a: Any, kept_u: Any, kept_v: Any, threshold: Any, bias: Any, faults: Any,
        valid: int,
    ) -> Any:  # fmt: skip
        zero = numbers(isa)
        x = multiply_add(real(a), splat(1 << VTH_SHIFT, zero), decay(isa, u, kept_u))
        kept = decay(isa, v, kept_v)
        y = kept + x
        if p.biased:
            y = y + bias
        if checked and any_beyond(x, y, splat(V_MAX, zero)):  # seldom; V_MAX is WRAP - 1
            if any_beyond(x, x, splat(2 * WRAP, zero)):
                faults[0] += FAR
            high, low = above(x, splat(WRAP, zero)), above(splat(1 - WRAP, zero), x)
            faults[0] += popcount(bits_of(high) & valid) + popcount(bits_of(low) & valid)
            x = choose(high, x - splat(2 * WRAP, zero), choose(low, x + splat(2 * WRAP, zero), x))
            y = kept + x + bias
            high, low = above(y, splat(V_MAX, zero)), above(splat(-V_MAX, zero), y)
            faults[1] += popcount(bits_of(high) & valid) + popcount(bits_of(low) & valid)
            y = choose(high, splat(V_MAX, zero), choose(low, splat(-V_MAX, zero), y))
        fired = above(y, threshold)
        if checked:
            left = choose(fired, y - threshold, y) if p.subtract else choose(fired, zero, y)
        else:
            left = choose(fired, zero, y)
        return x, left, fired, popcount(bits_of(either(x, y)) & valid)

    return step


def _updater(checked: bool, steps: int) -> Any:
    """Make the update of a tile by one step or by two, u and v staying in registers between them.

    ``sums`` may be of 16 or 32 bits; those of the second step begin at ``apart``. Which lanes fired is written to
    ``spikes`` and ``later_spikes``, as bits; those behind the last lane of the tile mean nothing.
    """
    step = _stepper(checked)

    @inline
    def update(
        isa: Any, p: Any, tile: Any, state: Any, sums: Any, apart: int, registers: Any, spikes: Any, later_spikes: Any,
        faults: Any, later_faults: Any,
    ) -> int:  # fmt: skip
        base, stride = tile.pixel * p.pitch + tile.lane, p.register_stride
        size = (tile.pixel_to - tile.pixel) * tile.lanes
        first, period = p.registers, p.register_period
        r, active, like, whole = base % period, 0, numbers(isa), integers(isa)
        for j in range(0, size, at_once(isa)):
            valid = -1 if size - j >= LANES else (1 << (size - j)) - 1
            at = first + r
            kept_u, kept_v = load(registers, at, like), load(registers, at + stride, like)
            threshold, bias = load(registers, at + 2 * stride, like), load(registers, at + 3 * stride, like)
            u, v = load(state.before_u, base + j, like), load(state.before_v, base + j, like)
            a = load(sums, j, whole)
            u, v, fired, busy = step(isa, p, u, v, a, kept_u, kept_v, threshold, bias, faults, valid)
            if steps == 2:
                a = load(sums, apart + j, whole)
                u, v, fired_later, later_busy = step(
                    isa, p, u, v, a, kept_u, kept_v, threshold, bias, later_faults, valid
                )
                count_up_both(state.counters, base + j, fired, fired_later)
                put_bits(later_spikes, j >> 3, fired_later)
                busy += later_busy
            else:
                count_up(state.counters, base + j, fired)
            put_bits(spikes, j >> 3, fired)
            active += busy
            store(state.u, base + j, u)
            store(state.v, base + j, v)
            r += at_once(isa)
            if r == period:
                r = 0
        return active

    return update


proven_step, proven_steps, checked_step, checked_steps = (
    _updater(checked, steps) for checked in (False, True) for steps in (1, 2)
)


@part
def update(
    isa: Any, p: Any, tile: Any, state: Any, sums: Any, apart: int, registers: Any, spikes: Any, later_spikes: Any,
    faults: Any, later_faults: Any, steps: int,
) -> Any:  # fmt: skip
    """Advance a tile by one or two steps from their sums; return how many neurons are active."""
    if p.checked:
        if steps == 2:
            return checked_steps(
                isa, p, tile, state, sums, apart, registers, spikes, later_spikes, faults, later_faults
            )
        return checked_step(isa, p, tile, state, sums, apart, registers, spikes, later_spikes, faults, later_faults)
    if steps == 2:
        return proven_steps(isa, p, tile, state, sums, apart, registers, spikes, later_spikes, faults, later_faults)
    return proven_step(isa, p, tile, state, sums, apart, registers, spikes, later_spikes, faults, later_faults)
