"""Lists of events: made from the raster, counted against the fan-out, and written out as recorded spikes."""

from typing import Any

import numpy as np

from sim.fast.layout.records import BARE, CONTIGUOUS, LOW
from sim.fast.vector.isa import append
from sim.fast.vector.jit import inline
from sim.fast.vector.lanes import load, zeros
from sim.fast.vector.masks import bits_of, lowest, popcount, unlike
from sim.fast.vector.pointers import pointer_to, put_unaligned64, unaligned64

__all__ = [
    "are_equal",
    "list_fired",
    "list_graded",
    "list_messages",
    "list_sent",
    "pack_bits",
    "record_spikes",
    "record_state",
    "repeat",
    "synops_of",
    "synops_of_steps",
]

MASK = 32
"""Messages of which one vector comparison tells which are not zero."""
WORD = 64
"""Bits that tell at once which neurons fired."""


@inline
def mask_at(step: Any, i: int, to: int, room: int) -> Any:
    """Return which of the messages i..i + 31, but none from ``to`` on, are not zero; up to ``room`` may be read."""
    if i + MASK <= room:
        like = zeros(8, MASK)
        mask = bits_of(unlike(load(step, i, like), like))
        return mask if i + MASK <= to else mask & ((1 << (to - i)) - 1)
    mask = 0
    for k in range(i, to):
        mask |= (step[k] != 0) << (k - i)
    return mask


@inline
def list_messages(isa: Any, source: Any, step: Any, room: int, block: Any, events: Any, ends: Any) -> None:
    """List the messages, all 0 or 1, of one step, with the ends of pixels."""
    if source.form == CONTIGUOUS:
        list_in_order(isa, source, step, room, events, ends)
    elif source.pixel_step == 1:
        list_planes(isa, source, step, room, block, events, ends)
    else:
        n = 0
        for pixel in range(source.pixels):
            first = pixel * source.pixel_step
            to = min(first + source.channels, source.size)
            for i in range(first, to, MASK):
                n = append(isa, mask_at(step, i, to, room), pixel * source.pitch + i - first, events, n)
            ends[pixel + 1] = n


@inline
def list_in_order(isa: Any, source: Any, step: Any, room: int, events: Any, ends: Any) -> None:
    """List the messages of a step where the program has them in the order of the list."""
    n = pixel = 0
    for i in range(0, source.size, MASK):
        n = append(isa, mask_at(step, i, source.size, room), i, events, n)
    for i in range(n):
        while (pixel + 1) * source.pitch <= events[i]:
            pixel += 1
            ends[pixel] = i
    while pixel + 1 < source.pixels:
        pixel += 1
        ends[pixel] = n
    ends[source.pixels] = n


@inline
def list_planes(isa: Any, source: Any, step: Any, room: int, block: Any, events: Any, ends: Any) -> None:
    """List the messages of a step that has one plane of pixels after another.

    Bits of 64 pixels of 64 channels are turned around at once.
    """
    n, groups = 0, (source.channels + WORD - 1) // WORD
    for first in range(0, source.pixels, WORD):
        to, anything = min(first + WORD, source.pixels), 0
        for channel in range(source.channels):
            plane = channel * source.channel_step
            mask = mask_at(step, plane + first, plane + to, room)
            if first + MASK < to:
                mask |= mask_at(step, plane + first + MASK, plane + to, room) << MASK
            block[channel] = mask
            anything |= mask
        for channel in range(source.channels, groups * WORD):
            block[channel] = 0
        if anything != 0:
            for group in range(groups):
                turn(pointer_to(block, group * WORD))
        for pixel in range(first, to):
            for group in range(groups):
                word = block[group * WORD + pixel - first]
                if word != 0:
                    n = append(isa, word, pixel * source.pitch + group * WORD, events, n)
            ends[pixel + 1] = n


@inline
def turn(words: Any) -> None:
    """Exchange rows and columns of 64 x 64 bits: squares of 32, of 16 and so on change places across the diagonal."""
    size, low = WORD // 2, (1 << WORD // 2) - 1
    while size > 0:
        for first in range(0, WORD, 2 * size):
            for k in range(first, first + size):
                moved = (words[k] >> size ^ words[k + size]) & low
                words[k + size] ^= moved
                words[k] ^= moved << size
        size >>= 1
        low ^= low << size


@inline
def list_fired(isa: Any, pitch: int, tile: Any, spikes: Any, events: Any, ends: Any) -> Any:
    """Append to the list of a population what fired in a tile, bit by bit in ``spikes``; return the length before."""
    n = before = ends[tile.pixel + (tile.lane > 0)]
    lanes, pixel, to, base = tile.lanes, tile.pixel, tile.pixel_to, tile.pixel * pitch + tile.lane
    last = lanes & (WORD - 1)
    mask, at = (1 << last) - 1, 0
    if lanes < WORD:
        while pixel < to:  # a word holds a few pixels
            word, k = unaligned64(spikes, at >> 3), n
            if (to - pixel) * lanes < WORD:
                word &= (1 << (to - pixel) * lanes) - 1
            n = append(isa, word, base + at, events, n)
            at += WORD
            for bit in range(0, WORD, lanes):
                k += popcount(word >> bit & mask)
                if pixel < to:
                    pixel += 1
                    ends[pixel] = k
        return before
    in_words = lanes - last
    while pixel < to:
        end = at + in_words
        while at != end:
            n = append(isa, unaligned64(spikes, at >> 3), base + at, events, n)
            at += WORD
        if last > 0:
            n = append(isa, unaligned64(spikes, at >> 3) & mask, base + at, events, n)
            at += last
        pixel += 1
        ends[pixel] = n
    return before


@inline
def list_sent(pitch: int, tile: Any, spikes: Any, sent: Any, events: Any, ends: Any, pixels: int) -> Any:
    """Append to the list of a population what a tile sends, an entry for each spike; return the length before.

    Bits of ``spikes`` tell who sends, ``sent`` how many spikes.
    """
    n = before = ends[tile.pixel + (tile.lane > 0)]
    messages, at, base = 0, 0, tile.pixel * pitch + tile.lane
    for pixel in range(tile.pixel, tile.pixel_to):
        end = at + tile.lanes
        while at < end:
            word = unaligned64(spikes, at >> 3)
            if at + WORD > end:
                word &= (1 << (end - at)) - 1
            messages += popcount(word)
            while word != 0:
                lane = at + lowest(word)
                for _ in range(sent[lane]):
                    events[n] = base + lane
                    n += 1
                word &= word - 1
            at = at + WORD if at + WORD < end else end
        ends[pixel + 1] = n
    ends[pixels + 1] = messages + (ends[pixels + 1] if tile.pixel + tile.lane > 0 else 0)
    return before


@inline
def list_graded(sizes: Any, source: Any, step: Any, mine: Any) -> None:
    """List the messages of one step with their values, and write them into its image, channels last."""
    n, column, line = 0, 0, sizes.image_first
    for pixel in range(source.pixels):
        for channel in range(source.channels):
            i = channel * source.channel_step + pixel * source.pixel_step
            if sizes.image_size > 0 and i < source.size:
                mine.image[line + column * source.channels + channel] = step[i]
            if i < source.size and step[i] != 0:
                mine.events[n] = pixel * source.pitch + channel
                mine.values[n] = step[i]
                n += 1
        mine.ends[pixel + 1] = n
        column += 1
        if column == sizes.image_width:
            column, line = 0, line + sizes.image_row


@inline
def are_equal(left: Any, right: Any, size: int) -> Any:
    """Return whether two steps of the raster hold the same bytes."""
    like, end = zeros(8, MASK), size // MASK * MASK
    for i in range(0, end, MASK):
        if bits_of(unlike(load(left, i, like), load(right, i, like))) != 0:
            return False
    return all_equal(left, right, end, size)


@inline
def all_equal(left: Any, right: Any, i: int, to: int) -> Any:
    """Return whether bytes i..to are the same, one by one."""
    while i < to and left[i] == right[i]:
        i += 1
    return i == to


@inline
def repeat(sizes: Any, source: Any, before: Any, now: Any) -> None:
    """Make the lists of a step that brings what the step before brought."""
    n = before.ends[source.pixels] if source.form != BARE else 0
    for i in range(n):
        now.events[i] = before.events[i]
    for i in range(source.pixels + 1):
        now.ends[i] = before.ends[i]
    if sizes.graded:
        for i in range(n):
            now.values[i] = before.values[i]
        for i in range(sizes.image_size):
            now.image[i] = before.image[i]
    for i in range(sizes.bits_size):
        now.bits[i] = before.bits[i]


@inline
def pack_bits(sizes: Any, step: Any, room: int, bits: Any) -> int:
    """Write every row of a step as bits, all channels of a row together, with columns and rows of zeros around them.

    Returned is the number of messages.
    """
    messages = 0
    for channel in range(sizes.bits_channels):
        for y in range(sizes.bits_height):
            line = ((sizes.bits_pad_y + y) * sizes.bits_channels + channel) * sizes.bits_row
            first = (channel * sizes.bits_height + y) * sizes.bits_width
            for x in range(0, sizes.bits_width, MASK):
                mask = mask_at(step, first + x, first + sizes.bits_width, room)
                place = sizes.bits_pad_x + x
                at = line + (place >> 3)
                before = unaligned64(bits, at) & ((1 << (place & 7)) - 1) if x > 0 else 0
                put_unaligned64(bits, at, before | mask << (place & 7))
                messages += popcount(mask)
    return messages


@inline
def synops_of(c: Any, source: Any, fan_out: Any, events: Any, ends: Any) -> int:
    """Return the synapses that the messages of one step's list meet: several spikes of a neuron are one message."""
    synops = 0
    block = (1 << 16) // source.pitch
    for pixel in range(0, source.pixels, block):
        base = pixel * source.pitch
        last = pixel + block if pixel + block < source.pixels else source.pixels
        for i in range(ends[pixel], ends[last]):
            if i == ends[pixel] or events[i] != events[i - 1]:
                synops += fan_out[c.fan_at + base + ((events[i] - base) & LOW)]
    return synops


@inline
def synops_of_steps(values: Any, pitch: int, steps: int, size: int, fan_out: Any, heard: Any) -> int:
    """Return the synapses that the messages of steps meet, ``pitch`` values apart; ``heard`` counts them by place."""
    for i in range(size):
        heard[i] = 0
    for t in range(steps):
        step = pointer_to(values, t * pitch)
        for i in range(size):
            heard[i] += step[i]
    synops = 0
    for i in range(size):
        synops += np.int64(heard[i]) * fan_out[i]
    return synops


@inline
def record_spikes(source: Any, tile: Any, events: Any, ends: Any, since: int, out: Any) -> None:
    """Write the spikes that a tile has just appended to the list, the first of them at ``since``."""
    i = since
    for pixel in range(tile.pixel, tile.pixel_to):
        for k in range(i, ends[pixel + 1]):
            channel = (events[k] - pixel * source.pitch) & LOW
            out[channel * source.channel_step + pixel * source.pixel_step] += 1
        i = ends[pixel + 1]


@inline
def record_state(source: Any, tile: Any, state: Any, out: Any) -> None:
    """Write u or v of a tile in the order of the program."""
    to = tile.lane + tile.lanes if tile.lane + tile.lanes < source.channels else source.channels
    for pixel in range(tile.pixel, tile.pixel_to):
        for lane in range(tile.lane, to):
            i = lane * source.channel_step + pixel * source.pixel_step
            if i < source.size:
                out[i] = np.int32(state[pixel * source.pitch + lane])
