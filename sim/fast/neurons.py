"""The neurons of one tile, one step: 16 lanes at a time, their spikes appended to the population's list."""

from typing import Any

from sim.arithmetic import V_MAX, VTH_SHIFT, WRAP
from sim.fast.isa import append, decay
from sim.fast.jit import inline, part
from sim.fast.lanes import above, bits_of, choose, load, popcount, splat, store, unlike, zeros

__all__ = ["LANES", "update"]

LANES = 16
"""What is advanced at once: the 32-bit numbers of one vector register."""


def _stepper(checked: bool) -> Any:
    """Make the step of 16 neurons, with or without wrap, clip and reset by subtraction.

    Without is for populations of which a bound proves that u never wraps and v never clips, and that reset to zero.
    """

    @inline
    def step(
        isa: Any, u: Any, v: Any, at: int, sums: Any, place: int, registers: Any, r: int, stride: int, subtract: int
    ) -> tuple[int, int, int, int]:
        like = zeros(32, LANES)
        wraps, clips = 0, 0
        threshold = load(registers, r + 2 * stride, like)
        x = decay(isa, load(u, at, like), load(registers, r, like))
        x = x + (load(sums, place, like) << splat(VTH_SHIFT, like))
        if checked:
            high, low = above(x, splat(WRAP, like)), above(splat(1 - WRAP, like), x)
            wraps = popcount(bits_of(high)) + popcount(bits_of(low))
            x = choose(high, x - splat(2 * WRAP, like), choose(low, x + splat(2 * WRAP, like), x))
        y = decay(isa, load(v, at, like), load(registers, r + stride, like))
        y = y + x + load(registers, r + 3 * stride, like)
        if checked:
            high, low = above(y, splat(V_MAX, like)), above(splat(-V_MAX, like), y)
            clips = popcount(bits_of(high)) + popcount(bits_of(low))
            y = choose(high, splat(V_MAX, like), choose(low, splat(-V_MAX, like), y))
        fired = above(y, threshold)
        y = choose(fired, (y - threshold) & splat(subtract, like) if checked else like, y)
        store(u, at, x)
        store(v, at, y)
        spikes = bits_of(fired)
        active = popcount(bits_of(unlike(x | y, like)) | spikes)
        return spikes, active, wraps, clips

    return step


def _updater(checked: bool) -> Any:
    """Make the update of a tile; ``sums`` may be of 16 or 32 bits."""
    step = _stepper(checked)

    @inline
    def update(
        isa: Any, p: Any, tile: Any, u: Any, v: Any, sums: Any, registers: Any, events: Any, ends: Any
    ) -> tuple[int, int, int]:
        n = ends[tile.pixel + (tile.lane > 0)]
        active, wraps, clips = 0, 0, 0
        for pixel in range(tile.pixel, tile.pixel_to):
            base = pixel * p.pitch + tile.lane
            r = p.registers + pixel * p.register_step + tile.lane
            place = (pixel - tile.pixel) * tile.lanes
            for j in range(0, tile.lanes, 2 * LANES):
                spikes, more, w, c = step(
                    isa, u, v, base + j, sums, place + j, registers, r + j, p.register_stride, p.subtract
                )
                active, wraps, clips = active + more, wraps + w, clips + c
                k = j + LANES
                if k < tile.lanes:
                    upper, more, w, c = step(
                        isa, u, v, base + k, sums, place + k, registers, r + k, p.register_stride, p.subtract
                    )
                    spikes |= upper << LANES
                    active, wraps, clips = active + more, wraps + w, clips + c
                n = append(isa, spikes, base + j, events, n)
            ends[pixel + 1] = n
        return active, wraps, clips

    return update


update_proven, update_checked = _updater(False), _updater(True)


@part
def update(isa: Any, p: Any, tile: Any, u: Any, v: Any, scratch: Any, registers: Any, events: Any, ends: Any) -> Any:
    """Advance a tile by one step from its sums; return how many neurons are active, wrapped and clipped."""
    if p.wide:
        if p.checked:
            return update_checked(isa, p, tile, u, v, scratch.sums32, registers, events, ends)
        return update_proven(isa, p, tile, u, v, scratch.sums32, registers, events, ends)
    if p.checked:
        return update_checked(isa, p, tile, u, v, scratch.sums16, registers, events, ends)
    return update_proven(isa, p, tile, u, v, scratch.sums16, registers, events, ends)
