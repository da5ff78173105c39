"""The step of `sim.arithmetic.xylo` in lanes of 16 bits, 64 or 32 neurons at a time."""

from typing import Any, NamedTuple

from sim.fast.vector.isa import append, block, words
from sim.fast.vector.jit import part
from sim.fast.vector.lanes import load, splat, store
from sim.fast.vector.masks import above, bits_of, choose, popcount, unlike
from sim.fast.vector.pointers import pointer_to
from sim.fast.vector.saturating import add_saturating, greater, smaller, store_as

__all__ = ["ChipNeurons", "ChipSent", "advance"]


class ChipNeurons(NamedTuple):
    """States and registers of a population, from its first lane on."""

    i: Any
    i2: Any
    v: Any
    clipped: Any  # bits that are set where a sum was clipped
    registers: Any
    stride: int  # from one register to the next


class ClippedSum(NamedTuple):
    """v before spikes, and bits that are set where a sum on the way there was clipped."""

    v: Any
    over: Any


@part
def lost(x: Any, n: Any) -> Any:
    """Return the dash: x >> n, at least 1 of what is above 0; x itself where it is 0 or 1, or below."""
    return greater(x >> n, smaller(x, splat(1, x)))


@part
def summed(total: Any, more: Any, over: Any) -> Any:
    """Add two numbers; the sum is clipped, and ``over`` knows of it."""
    clipped = add_saturating(total, more)
    return ClippedSum(clipped, over | (clipped ^ (total + more)))


@part
def of_three(a: Any, b: Any, c: Any, over: Any) -> Any:
    """Add three numbers that are clipped once, when all are added; none of b and c is -2^15.

    The least and the greatest come first: where their signs differ, their sum has 16 bits; where not, all three have
    the same sign, and clipping twice is clipping once. What the clipped sum lacks is less than 2^16.
    """
    high, low, plain = greater(a, b), smaller(a, b), a + b + c
    high, low = greater(high, c), smaller(low, c)
    clipped = add_saturating(add_saturating(high, low), plain - high - low)
    return ClippedSum(clipped, over | (clipped ^ plain))


@part
def raised(p: Any, own: Any, at: int, like: Any) -> Any:
    """Advance the currents of a block of neurons, and what they and the bias make of v."""
    registers, stride, over = own.registers, own.stride, load(own.clipped, at, like)
    i, v = load(own.i, at, like), load(own.v, at, like)
    i = i - lost(i, load(registers, at, like))
    store(own.i, at, i)
    kept = like - lost(v, load(registers, at + 2 * stride, like))  # -(-2^15) is -2^15
    if p.second:
        i2 = load(own.i2, at, like)
        i2 = i2 - lost(i2, load(registers, at + stride, like))
        store(own.i2, at, i2)
        change = of_three(kept, i, i2, over)
    else:
        change = summed(kept, i, over)
    biased = summed(change.v, load(registers, at + 4 * stride, like), change.over)
    return summed(v, biased.v, biased.over)


class ChipSent(NamedTuple):
    """What a population sends in a step: the list, how long it is, and by neuron how many spikes."""

    events: Any
    values: Any


@part
def advance(isa: Any, p: Any, own: Any, sent: Any, counts: Any) -> Any:
    """Advance all neurons of a population by one step; return how many of them fired.

    ``counts``: spikes, neurons that are active, wraps, clips, messages.
    """
    n, like, bars = 0, words(isa), pointer_to(own.registers, 3 * own.stride)
    for at in range(0, p.lanes, block(isa)):
        found = raised(p, own, at, like)
        v, z, theta = found.v, like, load(bars, at, like)
        bar = theta - splat(1, like)
        fired = above(v, bar)
        mask = bits_of(fired)
        if mask != 0 and p.most > 0:
            n = append(isa, mask, at, sent.events, n)
            left = p.most
            while mask != 0 and left > 0:
                counts[0] += popcount(mask)
                v = choose(fired, v - theta, v)
                z = choose(fired, z + splat(1, like), z)
                fired = above(v, bar)
                mask, left = bits_of(fired), left - 1
        store(own.v, at, v)
        store_as(sent.values, at, z)
        busy = load(own.i, at, like) | v | z
        if p.second:
            busy = busy | load(own.i2, at, like)
        counts[1] += popcount(bits_of(unlike(busy, like)))
        counts[3] += popcount(bits_of(unlike(found.over, like)))
        store(own.clipped, at, like)
    counts[4] += n
    return n
