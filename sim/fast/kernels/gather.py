"""What lists of events bring to the pixels of a tile: rows of weights, summed in registers, one row for each event.

The events in a line of pixels are one range of the source's list, so a window is a few ranges, which are put together
into one list of rows. The row of an event is its distance from the start of the line, modulo 2^16, as the list is.

Every function here takes the form of its loop: ``lanes``, ``sum_bits``, ``weight_bits``, ``entries`` and ``ahead``.
"""

from typing import Any, NamedTuple

from sim.fast.layout.records import LOW
from sim.fast.vector.form import accumulators, entries, settled, sums_in, weights_in
from sim.fast.vector.jit import inline, loop, part
from sim.fast.vector.lanes import load, splat, store, zeros

__all__ = ["add_one_by_one", "add_rows_of_events", "add_weighted_rows"]


class Line(NamedTuple):
    """Where lines of a window lie in the lists of a source that it is inside of."""

    span: int  # pixels of a line
    lines: int
    down: int  # pixels of the source from one line to the next
    pitch: int  # lanes of a pixel


class Corner(NamedTuple):
    """Where a window begins: its first line and column in the source, the first of its rows of weights."""

    top: int
    left: int
    at: int


@part
def put_rows(form: Any, i: int, to: int, distance: int, events: Any, window: Any, n: Any) -> Any:
    """Put the rows of events i..to behind the n rows of a list, ``entries`` of them by one store."""
    like = entries(form)
    far = splat(distance, like)
    store(window, n, load(events, i, like) + far)
    k = i + settled(form, "entries")
    while k < to:  # seldom
        store(window, n + k - i, load(events, k, like) + far)
        k += settled(form, "entries")
    return n + to - i


@part
def add_rows(form: Any, acc: Any, weights: Any, at: int, group: int, window: Any, n: int) -> Any:
    """Add the rows of a list, ``ahead`` between two tests for its end; behind a group of rows stands one of zeros."""
    lanes = settled(form, "lanes")
    store(window, n, splat(group, zeros(16, 16)))
    i = 0
    while i < n:
        for k in range(settled(form, "ahead")):
            acc = acc + load(weights, at + window[i + k] * lanes, acc)
        i += settled(form, "ahead")
    return acc


@part
def list_window(form: Any, pixel: int, line: Any, step: Any, window: Any) -> Any:
    """List the rows of a window that lies inside of the source, from its first pixel on; return how many."""
    n, distance, next_line, lines = 0, -pixel * line.pitch, (line.span - line.down) * line.pitch, line.lines
    while lines > 0:  # of a few lines: as a range, it would be unrolled for many
        lines -= 1
        n = put_rows(form, step.ends[pixel], step.ends[pixel + line.span], distance, step.events, window, n)
        pixel, distance = pixel + line.down, distance + next_line
    return n


@inline
def add_at_border(form: Any, c: Any, acc: Any, corner: Any, weights: Any, step: Any, window: Any) -> Any:
    """Add what is in a window that the border of the source may cut, or that is listed in several groups."""
    span, pitch, group, width = c.span, c.in_pitch, c.group, c.width
    line, at, offset, n = corner.top, corner.at, 0, 0
    for _ in range(c.kernel_y):
        column = corner.left
        for _ in range(c.spans):
            first = column if column > 0 else 0
            to = column + span if column + span < width else width
            if 0 <= line < c.height and first < to:
                k = line * width
                distance = offset - (k + column) * pitch
                n = put_rows(form, step.ends[k + first], step.ends[k + to], distance, step.events, window, n)
            column += c.gap_x
            offset += span * pitch
            if offset == group:
                acc = add_rows(form, acc, weights, at, group, window, n)
                at += (group + 1) * settled(form, "lanes")
                offset, n = 0, 0
        line += c.gap_y
    return acc


@loop
def add_rows_of_events(form: Any, c: Any, tile: Any, lane: int, sums: Any, fresh: Any, step: Any, memory: Any) -> None:
    """Sum, in one piece of every pixel of a tile, the rows of the events in its window."""
    lanes, sums, weights, window = (
        settled(form, "lanes"),
        sums_in(form, sums),
        weights_in(form, memory.weights),
        memory.window,
    )
    line = Line(c.span, c.kernel_y, c.gap_y * c.width, c.in_pitch)
    group, width, place, next_pixel = c.group, c.width, lane - tile.lane, c.rows_step * lanes
    at = c.weights + c.rows_total * lane + tile.pixel * next_pixel
    x, top = tile.x, tile.y * c.stride_y - c.pad_y
    lowest, rightmost = c.height - (line.lines - 1) * c.gap_y, width - line.span
    if c.spans > 1 or line.lines * line.span * line.pitch != group:
        rightmost = -1  # no window is one group of rows
    for _ in range(tile.pixel, tile.pixel_to):
        acc, left = accumulators(form), x * c.stride_x - c.pad_x
        if not fresh:
            acc = load(sums, place, acc)
        if c.direct:  # all of the source, as the source lists it
            acc = add_rows(form, acc, weights, at, group, step.events, step.ends[width])
        elif 0 <= top < lowest and 0 <= left <= rightmost:
            n = list_window(form, top * width + left, line, step, window)
            acc = add_rows(form, acc, weights, at, group, window, n)
        else:
            acc = add_at_border(form, c, acc, Corner(top, left, at), weights, step, window)
        store(sums, place, acc)
        place += tile.lanes
        at += next_pixel
        x += 1
        if x == c.out_width:
            x, top = 0, top + c.stride_y


@part
def add_weighted_line(form: Any, c: Any, acc: Any, corner: Any, weights: Any, step: Any, offset: int) -> Any:
    """Add the rows of the events in a line of a window, each times its message; ``offset`` rows come before."""
    left = corner.left if corner.left > 0 else 0
    right = corner.left + c.span if corner.left + c.span < c.width else c.width
    if 0 <= corner.top < c.height and left < right:
        base, first = (corner.top * c.width + corner.left) * c.in_pitch, corner.top * c.width
        for i in range(step.ends[first + left], step.ends[first + right]):
            row = offset + ((step.events[i] - base) & LOW)
            found = load(weights, corner.at + row * settled(form, "lanes"), acc)
            acc = acc + found * splat(step.values[i], acc)
    return acc


@loop
def add_weighted_rows(form: Any, c: Any, tile: Any, lane: int, sums: Any, fresh: Any, step: Any, memory: Any) -> None:
    """Sum, in one piece of every pixel of a tile, the rows of the events in its window, each times its message."""
    lanes, sums, weights = settled(form, "lanes"), sums_in(form, sums), weights_in(form, memory.weights)
    y, x = tile.y, tile.x
    for p in range(tile.pixel, tile.pixel_to):
        place, acc = (p - tile.pixel) * tile.lanes + lane - tile.lane, accumulators(form)
        if not fresh:
            acc = load(sums, place, acc)
        at, offset = c.weights + c.rows_total * lane + p * c.rows_step * lanes, 0
        top = y * c.stride_y - c.pad_y
        for _ in range(c.kernel_y):
            left = x * c.stride_x - c.pad_x
            for _ in range(c.spans):
                acc = add_weighted_line(form, c, acc, Corner(top, left, at), weights, step, offset)
                left += c.gap_x
                offset += c.span * c.in_pitch
                if offset == c.group:
                    at, offset = at + (c.group + 1) * lanes, 0
            top += c.gap_y
        store(sums, place, acc)
        x += 1
        if x == c.out_width:
            x, y = 0, y + 1


@part
def add_at_pixel(c: Any, pixel: int, weights: Any, at: int, sums: Any, place: int, step: Any) -> None:
    """Add what the events of one source pixel bring to the channels of their own groups at one target pixel."""
    for i in range(step.ends[pixel], step.ends[pixel + 1]):
        channel = (step.events[i] - pixel * c.in_pitch) & LOW
        message = step.values[i] if step.graded else 1
        target = place + channel // c.ins * c.outs
        for o in range(c.outs):
            sums[target + o] += weights[at + channel * c.outs + o] * message


@loop
def add_one_by_one(form: Any, c: Any, tile: Any, lane: int, sums: Any, fresh: Any, step: Any, memory: Any) -> None:
    """Sum a convolution of many small groups at every pixel of a tile; the sums are begun already."""
    sums, weights = sums_in(form, sums), weights_in(form, memory.weights)
    for p in range(tile.pixel, tile.pixel_to):
        place = (p - tile.pixel) * tile.lanes
        y = p // c.out_width
        line, at = y * c.stride_y - c.pad_y, c.weights
        for _ in range(c.kernel_y):
            column = (p - y * c.out_width) * c.stride_x - c.pad_x
            for _ in range(c.spans):
                if 0 <= line < c.height and 0 <= column < c.width:
                    add_at_pixel(c, line * c.width + column, weights, at, sums, place, step)
                column += c.gap_x
                at += c.in_pitch * c.outs
            line += c.gap_y
