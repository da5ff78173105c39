"""What arrives at the pixels of a tile: rows of weights, summed in registers, one row for each event in the window.

The events in a line of pixels are one range of the source's list, so a window is a few ranges, which are put together
into one list of rows. The row of an event is its distance from the start of the line, modulo 2^16, as the list is.
"""

from typing import Any

from sim.fast.jit import inline, part
from sim.fast.lanes import load, row, splat, store, unaligned64, zeros
from sim.fast.lookup import BITS, PAIRED
from sim.fast.product import multiply as multiply_bytes
from sim.fast.product import seldom
from sim.fast.records import GROUPED, LOW, TABLE, VALUED

__all__ = ["deliver"]

NARROW = 32
"""Lanes of rows of one register or two."""
AHEAD, AHEAD_NARROW = 4, 12
"""Rows that are summed between two tests for the end: a narrow row of zeros costs less than a branch not foreseen."""
AT_ONCE, AT_ONCE_NARROW = 32, 16
"""Rows that are listed by one store: narrow rows belong to few channels, so a line of a window holds few events."""


def _row_putter(at_once: int) -> Any:
    """Make what puts the rows of events i..to behind the n rows of a list, ``at_once`` by one store."""

    @part
    def put_rows(i: int, to: int, distance: int, events: Any, window: Any, n: Any) -> Any:
        like = zeros(16, at_once)
        far = splat(distance, like)
        store(window, n, load(events, i, like) + far)
        k = i + at_once
        while k < to:  # seldom
            store(window, n + k - i, load(events, k, like) + far)
            k += at_once
        return n + to - i

    return put_rows


put_rows, put_few_rows = _row_putter(AT_ONCE), _row_putter(AT_ONCE_NARROW)


def _row_adder(lanes: int, ahead: int) -> Any:
    """Make what adds the rows of a list, ``ahead`` between two tests for its end."""
    none = -(-ahead // AT_ONCE_NARROW) * AT_ONCE_NARROW

    @part
    def add_rows(acc: Any, weights: Any, at: int, in_group: int, rows: Any, n: int) -> Any:
        store(rows, n, splat(in_group, zeros(16, none)))  # the row of zeros behind a group of rows
        i = 0
        while i < n:
            for k in range(ahead):
                acc = acc + load(weights, at + rows[i + k] * lanes, acc)
            i += ahead
        return acc

    return add_rows


def _window_lister(put: Any) -> Any:
    """Make what lists the rows of a whole window that lies inside of the source."""

    @part
    def list_window(
        pixel: int, span: int, lines: int, down: int, pitch: int, events: Any, ends: Any, window: Any
    ) -> Any:
        """Return the number of rows; the window begins with ``pixel``, the next line of pixels ``down`` further."""
        n, distance, next_line = 0, -pixel * pitch, (span - down) * pitch
        while lines > 0:  # of a few lines: as a range, it would be unrolled for many
            lines -= 1
            n = put(ends[pixel], ends[pixel + span], distance, events, window, n)
            pixel, distance = pixel + down, distance + next_line
        return n

    return list_window


list_window, list_small_window = _window_lister(put_rows), _window_lister(put_few_rows)


def _gather(lanes: int, bits: int) -> Any:
    """Make the sum of one piece at every pixel of a tile, in ``lanes`` accumulators of ``bits`` bits."""
    narrow = lanes <= NARROW
    put, list_all = (put_few_rows, list_small_window) if narrow else (put_rows, list_window)
    add_rows = _row_adder(lanes, AHEAD_NARROW if narrow else AHEAD)

    @inline
    def at_border(
        c: Any, acc: Any, top: int, start: int, weights: Any, group: int, events: Any, ends: Any, window: Any
    ) -> Any:
        """Add what is in a window that the border of the source may cut, or that is listed in several groups."""
        span, pitch, in_group, width, line, offset, n = c.span, c.in_pitch, c.group, c.width, top, 0, 0
        for _ in range(c.kernel_y):
            column = start
            for _ in range(c.spans):
                left = column if column > 0 else 0
                right = column + span if column + span < width else width
                if 0 <= line < c.height and left < right:
                    k = line * width
                    distance = offset - (k + column) * pitch
                    n = put(ends[k + left], ends[k + right], distance, events, window, n)
                column += c.gap_x
                offset += span * pitch
                if offset == in_group:
                    acc = add_rows(acc, weights, group, in_group, window, n)
                    group += (in_group + 1) * lanes
                    offset, n = 0, 0
            line += c.gap_y
        return acc

    @inline
    def gather(
        c: Any, tile: Any, lane: int, sums: Any, fresh: Any, weights: Any, events: Any, ends: Any, window: Any
    ) -> None:
        lines, span, pitch, in_group, width, down = c.kernel_y, c.span, c.in_pitch, c.group, c.width, c.gap_y * c.width
        place, next_pixel, at = lane - tile.lane, c.rows_step * lanes, c.weights + c.rows_total * lane
        at += tile.pixel * next_pixel
        x, top = tile.x, tile.y * c.stride_y - c.pad_y
        lowest, rightmost = c.height - (lines - 1) * c.gap_y, width - span
        if c.spans > 1 or lines * span * pitch != in_group:
            rightmost = -1  # never whole
        for _ in range(tile.pixel, tile.pixel_to):
            acc, start = zeros(bits, lanes), x * c.stride_x - c.pad_x
            if not fresh:
                acc = load(sums, place, acc)
            if c.direct:  # all of the source, as the source lists it
                acc = add_rows(acc, weights, at, in_group, events, ends[width])
            elif 0 <= top < lowest and 0 <= start <= rightmost:
                n = list_all(top * width + start, span, lines, down, pitch, events, ends, window)
                acc = add_rows(acc, weights, at, in_group, window, n)
            else:
                acc = at_border(c, acc, top, start, weights, at, events, ends, window)
            store(sums, place, acc)
            place += tile.lanes
            at += next_pixel
            x += 1
            if x == c.out_width:
                x, top = 0, top + c.stride_y

    return gather


def _weigh(lanes: int) -> Any:
    """Make the same for graded messages: every row times its message, in accumulators of 32 bits."""

    @inline
    def weigh(
        c: Any, tile: Any, lane: int, sums: Any, fresh: Any, weights: Any, events: Any, ends: Any, values: Any
    ) -> None:
        y, x = tile.y, tile.x
        for p in range(tile.pixel, tile.pixel_to):
            place = (p - tile.pixel) * tile.lanes + lane - tile.lane
            acc = zeros(32, lanes)
            if not fresh:
                acc = load(sums, place, acc)
            at, offset = c.weights + c.rows_total * lane + p * c.rows_step * lanes, 0
            height = y * c.stride_y - c.pad_y
            for _ in range(c.kernel_y):
                column = x * c.stride_x - c.pad_x
                for _ in range(c.spans):
                    left = column if column > 0 else 0
                    right = column + c.span if column + c.span < c.width else c.width
                    if 0 <= height < c.height and left < right:
                        base = (height * c.width + column) * c.in_pitch
                        for i in range(ends[height * c.width + left], ends[height * c.width + right]):
                            found = load(weights, at + (offset + ((events[i] - base) & LOW)) * lanes, acc)
                            acc = acc + found * splat(values[i], acc)
                    column += c.gap_x
                    offset += c.span * c.in_pitch
                    if offset == c.group:
                        at, offset = at + (c.group + 1) * lanes, 0
                height += c.gap_y
            store(sums, place, acc)
            x += 1
            if x == c.out_width:
                x, y = 0, y + 1

    return weigh


def _multiply(lanes: int) -> Any:
    """Make the same for steps of many messages: every row of the window, times what the image holds there."""

    @inline
    def multiply(c: Any, tile: Any, lane: int, sums: Any, fresh: Any, weights: Any, image: Any) -> None:
        count, down = c.span * c.in_pitch, c.gap_y * c.image_row
        right, next_row = c.stride_x * c.image_pixel, c.stride_y * c.image_row
        x, line = tile.x, c.image_first + tile.y * next_row
        for p in range(tile.pixel, tile.pixel_to):
            place = (p - tile.pixel) * tile.lanes + lane - tile.lane
            acc = zeros(32, lanes)
            if not fresh:
                acc = load(sums, place, acc)
            at, start = c.weights + c.rows_total * lane + p * c.rows_step * lanes, line + x * right
            for _ in range(c.kernel_y):
                for k in range(count):
                    acc = acc + load(weights, at + k * lanes, acc) * splat(image[start + k], acc)
                at, start = at + count * lanes, start + down
            store(sums, place, acc)
            x += 1
            if x == c.out_width:
                x, line = 0, line + next_row

    return multiply


def _look_up(lanes: int, pixels: int) -> Any:
    """Make the sum of one piece where every line of a window is a few bits, and their sums stand in a table.

    The window is that of ``pixels`` neighbours in a line, and the lanes are those of all of them.
    """

    @inline
    def look_up(c: Any, tile: Any, lane: int, sums: Any, fresh: Any, weights: Any, bits: Any) -> None:
        start, span, row_size, spans = c.weights + c.rows_total * lane, c.span, c.bits_row, c.spans
        mask, entries = (1 << span) - 1, lanes << span
        last = start + c.ins * c.kernel_y * spans * entries
        first_column, right, down = c.bits_pad_x - c.pad_x, c.stride_x, c.stride_y * c.ins * row_size
        line_of_y = (tile.y * c.stride_y + c.bits_pad_y - c.pad_y) * c.ins * row_size
        column, last_column = tile.x * right + first_column, c.out_width * right + first_column
        place, next_place, right = lane - tile.lane, tile.lanes * pixels, right * pixels
        left, paired = tile.pixel_to - tile.pixel, fresh and spans == 1 and right + span <= BITS
        while left > 0:
            acc, at, line, shift = zeros(16, lanes), start, line_of_y + (column >> 3), column & 7
            if paired and left > pixels and column + right != last_column:
                next_acc, next_shift = zeros(16, lanes), shift + right
                while at != last:  # two windows at once
                    word = unaligned64(bits, line)
                    acc = acc + load(weights, at + (word >> shift & mask) * lanes, acc)
                    next_acc = next_acc + load(weights, at + (word >> next_shift & mask) * lanes, acc)
                    at, line = at + entries, line + row_size
                store(sums, place, acc)
                place, column, left = place + next_place, column + right, left - pixels
                acc = next_acc
            elif spans == 1:
                if not fresh:
                    acc = load(sums, place, acc)
                while at != last:  # of a few lines: as a range, it would be unrolled for many
                    pattern = unaligned64(bits, line) >> shift & mask
                    acc = acc + load(weights, at + pattern * lanes, acc)
                    at, line = at + entries, line + row_size
            else:
                if not fresh:
                    acc = load(sums, place, acc)
                while at != last:
                    pattern = unaligned64(bits, line) >> shift
                    for _ in range(spans):
                        acc = acc + load(weights, at + (pattern & mask) * lanes, acc)
                        at, pattern = at + entries, pattern >> span
                    line += row_size
            store(sums, place, acc)
            place, column, left = place + next_place, column + right, left - pixels
            if column == last_column:
                column, line_of_y = first_column, line_of_y + down

    return look_up


def _narrow(lanes: int) -> Any:
    """Choose by kind and by the width of the weights: 8 or 16 bits, summed in 16."""
    gather, look_up, look_up_pairs = _gather(lanes, 16), _look_up(lanes, 1), _look_up(2 * min(lanes, PAIRED), 2)

    @part
    def narrow(c: Any, tile: Any, lane: int, sums: Any, fresh: Any, arenas: Any, step: Any, window: Any) -> None:
        if lanes <= PAIRED and c.kind == TABLE and c.paired:
            look_up_pairs(c, tile, lane, sums, fresh, arenas.weights16, step.bits)
        elif c.kind == TABLE:
            look_up(c, tile, lane, sums, fresh, arenas.weights16, step.bits)
        elif c.weight_bits == 8:
            gather(c, tile, lane, sums, fresh, arenas.weights8, step.events, step.ends, window)
        else:
            gather(c, tile, lane, sums, fresh, arenas.weights16, step.events, step.ends, window)

    return narrow


def _wide(lanes: int) -> Any:
    """Choose by the messages and by the width of the weights: 8 or 32 bits, summed in 32."""
    gather, weigh, multiply = _gather(lanes, 32), _weigh(lanes), _multiply(lanes)

    @part
    def wide(c: Any, tile: Any, lane: int, sums: Any, fresh: Any, arenas: Any, step: Any, window: Any) -> None:
        if c.kind == VALUED and step.ends[c.height * c.width] > c.image_most:
            multiply(c, tile, lane, sums, fresh, arenas.weights32, step.image)
        elif c.kind == VALUED:
            weigh(c, tile, lane, sums, fresh, arenas.weights32, step.events, step.ends, step.values)
        elif c.weight_bits == 8:
            gather(c, tile, lane, sums, fresh, arenas.weights8, step.events, step.ends, window)
        else:
            gather(c, tile, lane, sums, fresh, arenas.weights32, step.events, step.ends, window)

    return wide


narrow16, narrow32, narrow64, narrow96, narrow128 = (_narrow(lanes) for lanes in (16, 32, 64, 96, 128))
wide16, wide32 = _wide(16), _wide(32)


@inline
def one_by_one(c: Any, tile: Any, sums: Any, weights: Any, events: Any, ends: Any, values: Any, graded: int) -> None:
    """Deliver a convolution of many small groups: each event adds to the few channels of its own group."""
    for p in range(tile.pixel, tile.pixel_to):
        place = (p - tile.pixel) * tile.lanes
        y = p // c.out_width
        height, line = y * c.stride_y - c.pad_y, c.weights
        for _ in range(c.kernel_y):
            column = (p - y * c.out_width) * c.stride_x - c.pad_x
            for _ in range(c.spans):
                if 0 <= height < c.height and 0 <= column < c.width:
                    pixel = height * c.width + column
                    for i in range(ends[pixel], ends[pixel + 1]):
                        channel = (events[i] - pixel * c.in_pitch) & LOW
                        message = values[i] if graded else 1
                        target = place + channel // c.ins * c.outs
                        for o in range(c.outs):
                            sums[target + o] += weights[line + channel * c.outs + o] * message
                column += c.gap_x
                line += c.in_pitch * c.outs
            height += c.gap_y


@part
def deliver(
    isa: Any, c: Any, tile: Any, pieces: Any, wide: int, sums16: Any, sums32: Any, fresh: Any, arenas: Any, step: Any,
    scratch: Any,
) -> None:  # fmt: skip
    """Add to the sums of a tile, or begin them if ``fresh``, what a connection brings from one step of its source."""
    if c.kind == GROUPED:
        if wide:
            one_by_one(c, tile, sums32, arenas.weights32, step.events, step.ends, step.values, step.graded)
        else:
            one_by_one(c, tile, sums16, arenas.weights32, step.events, step.ends, step.values, step.graded)
        return
    if seldom(step.ends[c.height * c.width] > c.bytes_most):
        multiply_bytes(isa, c, tile, wide, sums16, sums32, fresh, arenas, step, scratch.drawn)
        return
    window = scratch.window
    for k in range(tile.piece, tile.piece_to):
        piece = row(pieces, k)
        lane, lanes = piece.lane, piece.lanes
        if wide:
            if lanes == 32:
                wide32(c, tile, lane, sums32, fresh, arenas, step, window)
            else:
                wide16(c, tile, lane, sums32, fresh, arenas, step, window)
        elif lanes == 128:
            narrow128(c, tile, lane, sums16, fresh, arenas, step, window)
        elif lanes == 96:
            narrow96(c, tile, lane, sums16, fresh, arenas, step, window)
        elif lanes == 64:
            narrow64(c, tile, lane, sums16, fresh, arenas, step, window)
        elif lanes == 32:
            narrow32(c, tile, lane, sums16, fresh, arenas, step, window)
        else:
            narrow16(c, tile, lane, sums16, fresh, arenas, step, window)
