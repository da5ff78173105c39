"""Sums of a step of many messages as a product of matrices of bytes, for CPUs with the instruction (VNNI).

The lines of a step that a tile reads are drawn as an image of bytes, the windows of several pixels are read whole, four
messages at a time, and every register of weights serves all of these pixels. Sums are exact modulo 2^32.
"""

from typing import Any

from sim.fast.layout.matrix import SUMS, UNIT
from sim.fast.layout.records import LOW
from sim.fast.vector.form import settled, sums_in
from sim.fast.vector.jit import inline, loop, part
from sim.fast.vector.lanes import splat, zeros
from sim.fast.vector.pointers import pointer_to
from sim.fast.vector.products import BLOCK, dots, folded, pairs, put

__all__ = ["multiply_pixels", "multiply_single", "multiply_two_steps"]

CLEARED = 64
"""Bytes behind an image that are zero, because a product may read them."""


@inline
def draw(c: Any, tile: Any, step: Any, image: Any) -> None:
    """Draw the lines of a step that a tile reads, zeros around them."""
    top, events, ends = tile.y * c.stride_y - c.pad_y, step.events, step.ends
    lines = ((tile.pixel_to - 1) // c.out_width - tile.y) * c.stride_y + (c.kernel_y - 1) * c.gap_y + 1
    for i in range(lines * c.bytes_row + CLEARED):
        image[i] = 0
    pitch = c.width * c.in_pitch
    for j in range(lines):
        line, out = top + j, j * c.bytes_row + c.pad_x * c.in_pitch
        if 0 <= line < c.height:
            first = line * pitch
            i, to = ends[line * c.width], ends[(line + 1) * c.width]
            if step.graded:
                for k in range(i, to):
                    image[out + ((events[k] - first) & LOW)] = step.values[k]
            else:
                for k in range(i, to):
                    image[out + ((events[k] - first) & LOW)] += 1


@part
def multiply_lanes(form: Any, c: Any, tile: Any, lane: int, sums: Any, mask: int, memory: Any) -> None:
    """Make the sums of as many lanes as the form has, from one on, at every pixel of a tile."""
    lanes, image = settled(form, "lanes"), pointer_to(memory.drawn, -(tile.y * c.stride_y * c.bytes_row))
    first, count, down = c.bytes_weights + lane * c.bytes_each, c.bytes_line, c.gap_y * c.bytes_row
    place, starts = lane - tile.lane, pointer_to(memory.starts, c.bytes_starts)
    for p in range(tile.pixel, tile.pixel_to, SUMS // lanes):
        acc, at = zeros(32, SUMS), first
        for _ in range(c.bytes_planes):
            acc = acc << splat(8, acc)
            for y in range(c.kernel_y):
                for k in range(y * down, y * down + count, 4):
                    acc = dots(form, acc, memory.weights, at, image, k, pointer_to(starts, p))
                    at += 4 * lanes
        put(form, sums, place, tile.lanes, acc, mask)
        place += SUMS // lanes * tile.lanes


@loop
def multiply_pixels(form: Any, c: Any, tile: Any, lane: int, sums: Any, fresh: Any, step: Any, memory: Any) -> None:
    """Sum all lanes of every pixel of a tile."""
    draw(c, tile, step, memory.drawn)
    sums, mask = sums_in(form, sums), 0 if fresh else -1
    for first in range(lane, lane + tile.lanes, settled(form, "lanes")):
        multiply_lanes(form, c, tile, first, sums, mask, memory)


@inline
def multiply_pair(form: Any, c: Any, tile: Any, sums: Any, strides: Any, mask: int, memory: Any) -> None:
    """Make the sums of the one pixel of a tile in two images.

    ``strides``: sums from the first to the second, and bytes from one image to the next. Weights come from a cache that
    is not the nearest, and bound the time: two images take no longer than one.
    """
    count, down = c.bytes_line, c.gap_y * c.bytes_row
    for lane in range(tile.lane, tile.lane + tile.lanes, BLOCK):
        acc, at = zeros(32, SUMS), c.bytes_weights + lane * c.bytes_each
        for _ in range(c.bytes_planes):
            acc = acc << splat(8, acc)
            for y in range(c.kernel_y):
                for k in range(y * down, y * down + count, UNIT):
                    acc = pairs(acc, memory.weights, at, memory.drawn, k, strides[1])
                    at += UNIT * BLOCK
        put(form, sums, lane - tile.lane, strides[0], folded(acc), mask)


@loop
def multiply_single(form: Any, c: Any, tile: Any, lane: int, sums: Any, fresh: Any, step: Any, memory: Any) -> None:
    """Sum all lanes of the one pixel of a tile: the same image twice, for what is behind the sums of a tile is free."""
    draw(c, tile, step, memory.drawn)
    multiply_pair(form, c, tile, sums_in(form, sums), (tile.lanes, 0), 0 if fresh else -1, memory)


@loop
def multiply_two_steps(
    form: Any, c: Any, tile: Any, sums: Any, stride: int, step: Any, later: Any, memory: Any
) -> None:
    """Make the sums of the one pixel of a tile in two steps, those of the second ``stride`` behind the first."""
    draw(c, tile, step, memory.drawn)
    draw(c, tile, later, pointer_to(memory.drawn, c.bytes_size))
    multiply_pair(form, c, tile, sums_in(form, sums), (stride, c.bytes_size), 0, memory)
