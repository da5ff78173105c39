"""Sums without lists: a line of a window looked up in a table, or a whole window of an image times its weights."""

from typing import Any, NamedTuple

from sim.fast.layout.lookup import BITS
from sim.fast.vector.form import accumulators, settled, sums_in, weights_in
from sim.fast.vector.jit import loop, part
from sim.fast.vector.lanes import load, splat, store
from sim.fast.vector.pointers import unaligned64

__all__ = ["look_up", "multiply_windows"]


class Lines(NamedTuple):
    """The tables of a window's lines, and how the lines lie as bits."""

    start: int  # of the first table
    to: int
    entries: int  # of one table
    row_size: int  # bytes from one line to the next
    mask: int  # the bits of a pattern


@part
def add_two_windows(form: Any, lines: Any, weights: Any, bits: Any, line: int, shifts: Any) -> Any:
    """Return the sums of two windows next to one another, from zero; each line of both is in one word of bits."""
    lanes, at, acc, next_acc = settled(form, "lanes"), lines.start, accumulators(form), accumulators(form)
    while at != lines.to:  # of a few lines: as a range, it would be unrolled for many
        word = unaligned64(bits, line)
        acc = acc + load(weights, at + (word >> shifts[0] & lines.mask) * lanes, acc)
        next_acc = next_acc + load(weights, at + (word >> shifts[1] & lines.mask) * lanes, acc)
        at, line = at + lines.entries, line + lines.row_size
    return acc, next_acc


@part
def add_window(form: Any, acc: Any, lines: Any, weights: Any, bits: Any, line: int, shift: int) -> Any:
    """Add the sums of one window of which a line is one pattern."""
    at = lines.start
    while at != lines.to:
        pattern = unaligned64(bits, line) >> shift & lines.mask
        acc = acc + load(weights, at + pattern * settled(form, "lanes"), acc)
        at, line = at + lines.entries, line + lines.row_size
    return acc


@part
def add_window_by_spans(form: Any, c: Any, acc: Any, lines: Any, weights: Any, bits: Any, corner: Any) -> Any:
    """Add the sums of one window of which a line is several patterns; it begins at a byte and a bit of it."""
    at, line = lines.start, corner[0]
    while at != lines.to:
        pattern = unaligned64(bits, line) >> corner[1]
        for _ in range(c.spans):
            acc = acc + load(weights, at + (pattern & lines.mask) * settled(form, "lanes"), acc)
            at, pattern = at + lines.entries, pattern >> c.span
        line += lines.row_size
    return acc


@loop
def look_up(form: Any, c: Any, tile: Any, lane: int, sums: Any, fresh: Any, step: Any, memory: Any) -> None:
    """Sum one piece of every pixel of a tile, ``pixels`` neighbours at once: the lanes are those of all of them."""
    lanes, pixels, bits = settled(form, "lanes"), settled(form, "pixels"), step.bits
    sums, weights = sums_in(form, sums), weights_in(form, memory.weights)
    start, span, spans = c.weights + c.rows_total * lane, c.span, c.spans
    to = start + c.ins * c.kernel_y * spans * (lanes << span)
    lines = Lines(start, to, lanes << span, c.bits_row, (1 << span) - 1)
    first_column, right, down = c.bits_pad_x - c.pad_x, c.stride_x, c.stride_y * c.ins * c.bits_row
    top = (tile.y * c.stride_y + c.bits_pad_y - c.pad_y) * c.ins * c.bits_row
    column, last_column = tile.x * right + first_column, c.out_width * right + first_column
    place, next_place, right = lane - tile.lane, tile.lanes * pixels, right * pixels
    left, two_fit = tile.pixel_to - tile.pixel, fresh and spans == 1 and right + span <= BITS
    while left > 0:
        line, shift, acc = top + (column >> 3), column & 7, accumulators(form)
        if two_fit and left > pixels and column + right != last_column:
            acc, next_acc = add_two_windows(form, lines, weights, bits, line, (shift, shift + right))
            store(sums, place, acc)
            place, column, left = place + next_place, column + right, left - pixels
            acc = next_acc
        else:
            if not fresh:
                acc = load(sums, place, acc)
            if spans == 1:
                acc = add_window(form, acc, lines, weights, bits, line, shift)
            else:
                acc = add_window_by_spans(form, c, acc, lines, weights, bits, (line, shift))
        store(sums, place, acc)
        place, column, left = place + next_place, column + right, left - pixels
        if column == last_column:
            column, top = first_column, top + down


@loop
def multiply_windows(form: Any, c: Any, tile: Any, lane: int, sums: Any, fresh: Any, step: Any, memory: Any) -> None:
    """Sum one piece of every pixel of a tile: every row of the window, times what the image of the step holds there."""
    lanes, sums, weights = settled(form, "lanes"), sums_in(form, sums), weights_in(form, memory.weights)
    count, down = c.span * c.in_pitch, c.gap_y * c.image_row
    right, next_row = c.stride_x * c.image_pixel, c.stride_y * c.image_row
    x, line = tile.x, c.image_first + tile.y * next_row
    for p in range(tile.pixel, tile.pixel_to):
        place = (p - tile.pixel) * tile.lanes + lane - tile.lane
        acc = accumulators(form)
        if not fresh:
            acc = load(sums, place, acc)
        at, start = c.weights + c.rows_total * lane + p * c.rows_step * lanes, line + x * right
        for _ in range(c.kernel_y):
            for k in range(count):
                acc = acc + load(weights, at + k * lanes, acc) * splat(step.image[start + k], acc)
            at, start = at + count * lanes, start + down
        store(sums, place, acc)
        x += 1
        if x == c.out_width:
            x, line = 0, line + next_row
