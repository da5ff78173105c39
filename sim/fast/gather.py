"""What arrives at the pixels of a tile: rows of weights, summed in registers, one row for each event in the window.

The events in a line of pixels are one range of the source's list, so a window is a few ranges. The row of an event is
its distance from the start of the line: distances are taken modulo 2^16, as the list is.
"""

from typing import Any

from sim.fast.jit import inline, part
from sim.fast.lanes import load, row, splat, store, unaligned64, zeros
from sim.fast.records import GROUPED, TABLE, VALUED

__all__ = ["deliver"]

LOW = 0xFFFF


def _gather(lanes: int, bits: int, valued: bool) -> Any:
    """Make the sum of one piece at every pixel of a tile, in ``lanes`` accumulators of ``bits`` bits."""

    @inline
    def gather(c: Any, tile: Any, lane: int, sums: Any, weights: Any, events: Any, ends: Any, values: Any) -> None:
        start = c.weights + c.rows_total * lane
        y = tile.pixel // c.out_width
        x = tile.pixel - y * c.out_width
        for p in range(tile.pixel, tile.pixel_to):
            place = (p - tile.pixel) * tile.lanes + lane - tile.lane
            acc = load(sums, place, zeros(bits, lanes))
            height, line = y * c.stride_y - c.pad_y, start + p * c.rows_step * lanes
            for _ in range(c.kernel_y):
                column = x * c.stride_x - c.pad_x
                for _ in range(c.spans):
                    left = column if column > 0 else 0
                    right = column + c.span if column + c.span < c.width else c.width
                    if 0 <= height < c.height and left < right:
                        i, to = ends[height * c.width + left], ends[height * c.width + right]
                        base = (height * c.width + column) * c.in_pitch
                        while i < to:
                            found = load(weights, line + ((events[i] - base) & LOW) * lanes, acc)
                            if valued:
                                found = found * splat(values[i], acc)
                            acc = acc + found
                            i += 1
                    column += c.gap_x
                    line += c.span * c.in_pitch * lanes
                height += c.gap_y
            store(sums, place, acc)
            x += 1
            if x == c.out_width:
                x, y = 0, y + 1

    return gather


def _look_up(lanes: int) -> Any:
    """Make the sum of one piece where every line of a window is a few bits, and their sums stand in a table."""

    @inline
    def look_up(c: Any, tile: Any, lane: int, sums: Any, weights: Any, bits: Any) -> None:
        start = c.weights + c.rows_total * lane
        mask, entries = (1 << c.span) - 1, lanes << c.span
        y = tile.pixel // c.out_width
        x = tile.pixel - y * c.out_width
        down = c.gap_y * c.bits_row
        for p in range(tile.pixel, tile.pixel_to):
            place = (p - tile.pixel) * tile.lanes + lane - tile.lane
            acc, at = load(sums, place, zeros(16, lanes)), start
            column = x * c.stride_x + c.bits_pad_x - c.pad_x
            first = (y * c.stride_y + c.bits_pad_y - c.pad_y) * c.bits_row + (column >> 3)
            for _ in range(c.ins):
                line = first
                for _ in range(c.kernel_y):
                    pattern = unaligned64(bits, line) >> (column & 7)
                    for _ in range(c.spans):
                        acc = acc + load(weights, at + (pattern & mask) * lanes, acc)
                        pattern >>= c.span
                        at += entries
                    line += down
                first += c.bits_rows * c.bits_row
            store(sums, place, acc)
            x += 1
            if x == c.out_width:
                x, y = 0, y + 1

    return look_up


def _narrow(lanes: int) -> Any:
    """Choose by kind and by the width of the weights: 8 or 16 bits, summed in 16."""
    gather, look_up = _gather(lanes, 16, False), _look_up(lanes)

    @part
    def narrow(
        c: Any, tile: Any, lane: int, sums: Any, arenas: Any, events: Any, ends: Any, values: Any, bits: Any
    ) -> None:
        if c.kind == TABLE:
            look_up(c, tile, lane, sums, arenas.weights16, bits)
        elif c.weight_bits == 8:
            gather(c, tile, lane, sums, arenas.weights8, events, ends, values)
        else:
            gather(c, tile, lane, sums, arenas.weights16, events, ends, values)

    return narrow


def _wide(lanes: int) -> Any:
    """Choose by the messages and by the width of the weights: 8 or 32 bits, summed in 32."""
    gather, valued = _gather(lanes, 32, False), _gather(lanes, 32, True)

    @part
    def wide(c: Any, tile: Any, lane: int, sums: Any, arenas: Any, events: Any, ends: Any, values: Any) -> None:
        if c.kind == VALUED:
            valued(c, tile, lane, sums, arenas.weights32, events, ends, values)
        elif c.weight_bits == 8:
            gather(c, tile, lane, sums, arenas.weights8, events, ends, values)
        else:
            gather(c, tile, lane, sums, arenas.weights32, events, ends, values)

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
    c: Any, tile: Any, pieces: Any, wide: int, sums16: Any, sums32: Any, arenas: Any,
    events: Any, ends: Any, values: Any, bits: Any, graded: int,
) -> None:  # fmt: skip
    """Add to the sums of a tile what one connection brings from one step of its source."""
    if c.kind == GROUPED:
        if wide:
            one_by_one(c, tile, sums32, arenas.weights32, events, ends, values, graded)
        else:
            one_by_one(c, tile, sums16, arenas.weights32, events, ends, values, graded)
        return
    for k in range(tile.piece, tile.piece_to):
        piece = row(pieces, k)
        lane, lanes = piece.lane, piece.lanes
        if wide:
            if lanes == 32:
                wide32(c, tile, lane, sums32, arenas, events, ends, values)
            else:
                wide16(c, tile, lane, sums32, arenas, events, ends, values)
        elif lanes == 128:
            narrow128(c, tile, lane, sums16, arenas, events, ends, values, bits)
        elif lanes == 96:
            narrow96(c, tile, lane, sums16, arenas, events, ends, values, bits)
        elif lanes == 64:
            narrow64(c, tile, lane, sums16, arenas, events, ends, values, bits)
        elif lanes == 32:
            narrow32(c, tile, lane, sums16, arenas, events, ends, values, bits)
        else:
            narrow16(c, tile, lane, sums16, arenas, events, ends, values, bits)
