"""The neurons of one tile, one step or two: 64 or 32 at a time, their spikes counted and noted as bits.

What a neuron does in a step stands in `step` alone. The form of the loop: ``avx512``, ``sum_bits``, ``steps``;
``checked``, without which there is no wrap, no clip and no reset by subtraction: for populations that reset to zero and
of which a bound proves that u never wraps and v never clips; ``special``, without which no neuron rests, keeps its
v when it fires, or fires at 0; and ``many``, without which a message is one spike.
"""

from typing import Any, NamedTuple

from sim.arithmetic import V_MAX, VTH_SHIFT, WRAP
from sim.fast.layout.grid import TILE_UNIT
from sim.fast.vector.form import settled, sums_in
from sim.fast.vector.isa import block, decay, integers, numbers
from sim.fast.vector.jit import loop, part
from sim.fast.vector.lanes import load, multiply_add, real, splat, store
from sim.fast.vector.masks import (
    above,
    any_exceeds,
    bits_of,
    choose,
    count_up,
    count_up_both,
    either,
    popcount,
    put_bits,
)
from sim.fast.vector.saturating import store_as
from sim.refusal import OUT_OF_SIGHT

__all__ = ["advance_neurons"]


class NeuronConstants(NamedTuple):
    """The registers of a block of neurons that no step changes."""

    factor_u: Any  # the share of u, and of v, that a step leaves
    factor_v: Any
    threshold: Any
    bias: Any


class NeuronStates(NamedTuple):
    """What a block of neurons keeps from step to step."""

    u: Any
    v: Any
    rest: Any


@part
def taken_off(form: Any, p: Any, y: Any, bar: Any) -> Any:
    """Return what is left of y when the threshold has been taken off as often as it fits, and how often that is."""
    zero, left = numbers(form), p.most
    z, theta, over = zero, bar + splat(p.loose, zero), above(y, bar)
    mask = bits_of(over)
    while mask != 0 and left > 0:
        y, z = choose(over, y - theta, y), choose(over, z + splat(1, zero), z)
        over, left = above(y, bar), left - 1
        mask = bits_of(over)
    return y, z


@part
def step(form: Any, p: Any, state: Any, a: Any, constants: Any, faults: Any, valid: int) -> Any:
    """Advance a block of neurons; return what they keep, where they fired, how often, and how many are active.

    All numbers are integers held in float32, exactly: nothing exceeds 2^24 but a v that is clipped, or formed anew,
    whatever it was rounded to, and, where no bound shows 64 |a| <= 2^23, a u that ends the run. A neuron that fires has
    v > threshold >= 0 before its reset, so it is active whatever is left of it. Lanes that are not ``valid`` hold no
    neuron.
    """
    zero, threshold, u, v = numbers(form), constants.threshold, state.u, state.v
    held, moving = above(state.rest, zero), valid
    if settled(form, "special"):
        moving = valid & ~bits_of(held)
    x = multiply_add(real(a), splat(1 << VTH_SHIFT, zero), decay(form, u, constants.factor_u))
    decayed = decay(form, v, constants.factor_v)
    y = decayed + x
    if p.biased:
        y = y + constants.bias
    if settled(form, "checked") and any_exceeds(x, y, splat(V_MAX, zero)):  # seldom; V_MAX is WRAP - 1
        if any_exceeds(x, x, splat(2 * WRAP, zero)):
            faults[0] += OUT_OF_SIGHT
        high, low = above(x, splat(WRAP, zero)), above(splat(1 - WRAP, zero), x)
        faults[0] += popcount(bits_of(high) & valid) + popcount(bits_of(low) & valid)
        x = choose(high, x - splat(2 * WRAP, zero), choose(low, x + splat(2 * WRAP, zero), x))
        y = decayed + x + constants.bias
        high, low = above(y, splat(V_MAX, zero)), above(splat(-V_MAX, zero), y)
        faults[1] += popcount(bits_of(high) & moving) + popcount(bits_of(low) & moving)
        y = choose(high, splat(V_MAX, zero), choose(low, splat(-V_MAX, zero), y))
    rest = state.rest
    if settled(form, "special"):
        raised = choose(held, splat(-2 * WRAP, zero), y)
        fired = above(raised, threshold)
        y = choose(held, v, y)
        rest = choose(fired, splat(p.pause, zero), choose(held, rest - splat(1, zero), zero))
    else:
        raised, fired = y, above(y, threshold)
    left, subtracted, sent = choose(fired, zero, y), y, zero
    if settled(form, "many"):
        subtracted, sent = taken_off(form, p, raised, threshold)
    elif settled(form, "checked"):
        subtracted = y - (threshold + splat(p.loose, zero))
    if settled(form, "checked") and p.subtract:
        left = choose(fired, subtracted, y)
    busy = bits_of(either(x, y))
    if settled(form, "special"):
        busy |= bits_of(fired)
        if p.keeps:
            left = y
    return NeuronStates(x, left, rest), fired, sent, popcount(busy & valid)


@loop
def advance_neurons(form: Any, p: Any, tile: Any, membranes: Any, registers: Any, now: Any, later: Any) -> int:
    """Advance a tile from the sums of one step, or of two; return how many neurons are active.

    u and v stay in registers between the two steps. Which lanes fired is written to ``now.spikes`` and
    ``later.spikes``, as bits, and where a message may be several spikes, how many to ``sent``, as bytes; those behind
    the last lane of the tile mean nothing.
    """
    base, stride = tile.pixel * p.pitch + tile.lane, p.register_stride
    size = (tile.pixel_to - tile.pixel) * tile.lanes
    first, period = p.registers, p.register_period
    r, active, like, sums_like = base % period, 0, numbers(form), integers(form)
    sums, later_sums = sums_in(form, now.sums), sums_in(form, later.sums)
    for j in range(0, size, block(form)):
        valid = -1 if size - j >= TILE_UNIT else (1 << (size - j)) - 1
        at = first + r
        factors = load(registers, at, like), load(registers, at + stride, like)
        constants = NeuronConstants(
            factors[0], factors[1], load(registers, at + 2 * stride, like), load(registers, at + 3 * stride, like)
        )
        rest = like
        if settled(form, "special") and p.pause > 0:
            rest = load(membranes.rest, base + j, like)
        u, v = load(membranes.before_u, base + j, like), load(membranes.before_v, base + j, like)
        state = NeuronStates(u, v, rest)
        state, fired, sent, busy = step(form, p, state, load(sums, j, sums_like), constants, now.faults, valid)
        if settled(form, "many"):
            store_as(now.sent, j, sent)
        if settled(form, "steps") == 2:
            a = load(later_sums, j, sums_like)
            state, fired_later, sent, later_busy = step(form, p, state, a, constants, later.faults, valid)
            if settled(form, "many"):
                store_as(later.sent, j, sent)
            count_up_both(membranes.counters, base + j, fired, fired_later)
            put_bits(later.spikes, j >> 3, fired_later)
            busy += later_busy
        else:
            count_up(membranes.counters, base + j, fired)
        put_bits(now.spikes, j >> 3, fired)
        active += busy
        store(membranes.u, base + j, state.u)
        store(membranes.v, base + j, state.v)
        if settled(form, "special") and p.pause > 0:
            store(membranes.rest, base + j, state.rest)
        r += block(form)
        if r == period:
            r = 0
    return active
