"""Weights as the runtime reads them: one row per message, packed into words of 2, 4, 8, 16 or 32 bit fields.

A word of B-bit fields holds 32 / B weights. Weight 2 k stands in field k and weight 2 k + 1 sixteen bits above: a shift
by k B and a mask bring two neighbours into the two halves of a word.
"""

from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from exporters.firmware.bounds import Int
from exporters.rtl_export.plan import three
from sim.program import Connection, Conv, Dense

__all__ = ["FIELDS", "Rows", "Tap", "Words", "field_bits", "packed", "rows_of", "without_factor"]

Words = NDArray[np.uint32]
Tap = tuple[int, int, int]
"""Offsets of weights, in rows, and of the source, in positions; how many follow one another without a gap."""

FIELDS = (2, 4, 8, 16, 32)
LAST_EXPONENT = 16


@dataclass(frozen=True, eq=False)
class Rows:
    """The weights of one connection as (rows, outs), and what each row and column of its outputs reads: taps.

    A matrix is a kernel as large as its source, with one output.
    """

    weight: Int
    rows: tuple[tuple[Tap, ...], ...]
    columns: tuple[tuple[Tap, ...], ...]
    groups: int


def without_factor(connection: Connection) -> tuple[Int, int]:
    """Move the power of two that all weights share into the exponent: exact, since the shift is of their sum."""
    weight, exponent = connection.wiring.weight.astype(np.int64), connection.exponent
    while exponent < LAST_EXPONENT and weight.any() and not (weight & 1).any():
        weight, exponent = weight >> 1, exponent + 1
    return weight, exponent


def field_bits(weight: Int) -> int:
    """Return the narrowest field that holds every weight.

    >>> [field_bits(np.array(w)) for w in ([-2, 1], [-3], [127], [-129], [1 << 20])]
    [2, 4, 8, 16, 32]
    """
    low, high = int(weight.min()), int(weight.max())
    return next(b for b in FIELDS if -(1 << (b - 1)) <= low and high < 1 << (b - 1))


def rows_of(connection: Connection, weight: Int, source: tuple[int, ...], target: tuple[int, ...], span: int) -> Rows:
    """Lay the weights of a connection out; ``span`` is how many neurons a position of the target holds."""
    channels, height, width = three(source)
    outs, out_height, out_width = three(target)
    match connection.wiring:
        case Dense():
            at = weight.reshape(outs, out_height * out_width, channels, height * width)
            last = at.transpose(3, 2, 1, 0)  # source position and channel, target position and channel
            padded = np.pad(last, ((0, 0), (0, 0), (0, 0), (0, span - outs)))
            rows = padded.reshape(height * width * channels, -1)
            return Rows(rows, (((0, 0, 1),),), (((0, 0, height * width),),), 1)
        case Conv() as conv:
            per_group, ins = outs // conv.groups, weight.shape[1]
            kernel_y, kernel_x = weight.shape[2:]
            at = weight.reshape(conv.groups, per_group, ins, kernel_y, kernel_x)
            rows = at.transpose(3, 4, 0, 2, 1).reshape(-1, per_group)  # tap, source channel, target channel
            taps = [
                _taps(conv, axis, side, out_side)
                for axis, (side, out_side) in enumerate(((height, out_height), (width, out_width)))
            ]
            return Rows(
                rows,
                tuple(tuple((k * kernel_x * channels, at * width, 1) for k, at in row) for row in taps[0]),
                tuple(tuple((k * channels, at, n) for k, at, n in _joined(column)) for column in taps[1]),
                conv.groups,
            )
        case _:
            assert_never(connection.wiring)


def _taps(conv: Conv, axis: int, side: int, out_side: int) -> list[list[tuple[int, int]]]:
    """Return, for every place along an axis of the target, the taps that meet the source and the place they read."""
    step, pad, gap, taps = conv.stride[axis], conv.padding[axis], conv.dilation[axis], conv.weight.shape[2 + axis]
    read = [[(k, out * step - pad + k * gap) for k in range(taps)] for out in range(out_side)]
    return [[(k, at) for k, at in one if 0 <= at < side] for one in read]


def _joined(taps: list[tuple[int, int]]) -> list[Tap]:
    """Put taps that read neighbours into one.

    >>> _joined([(0, 4), (1, 5), (2, 7)])
    [(0, 4, 2), (2, 7, 1)]
    """
    found: list[Tap] = []
    for k, at in taps:
        if found and (k, at) == (found[-1][0] + found[-1][2], found[-1][1] + found[-1][2]):
            found[-1] = (*found[-1][:2], found[-1][2] + 1)
        else:
            found.append((k, at, 1))
    return found


def packed(rows: Int, bits: int, bias: int = 0) -> Words:
    """Pack (rows, outs) into (rows, words); ``bias`` is added to every field, those that fill the last word too.

    >>> [hex(w) for w in packed(np.array([[1, 2, 3, 4]]), 8)[0]]
    ['0x4020301']
    """
    per_word = 32 // bits
    count, outs = rows.shape
    words = -(-outs // per_word)
    fields = np.zeros((count, words * per_word), dtype=np.int64)
    fields[:, :outs] = rows
    fields = (fields + bias & ((1 << bits) - 1)).reshape(count, words, per_word)
    index = np.arange(per_word)
    place = index // 2 * bits + index % 2 * 16 if bits < 32 else index
    return np.asarray((fields << place).sum(axis=2), dtype=np.uint32)
