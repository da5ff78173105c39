"""The weights of a connection as matrices of bytes, for the steps that are multiplied and not listed.

The product costs the same whatever arrives, lists cost what arrives. How many messages that are not zero make both
equal follows from rates that were measured; see docs/fast.md.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.fast.arena import LINE
from sim.fast.grid import LIST, Grid
from sim.fast.product import MOST_PIXELS, PAIRED, REGISTER, UNIT
from sim.fast.rows import Rows
from sim.program import Conv, Wiring

__all__ = ["LISTED", "Matrix", "matrix"]

MULTIPLIED = 210.0
"""Products in a nanosecond."""
LISTED = {(16, 8): 75.0, (16, 16): 75.0, (32, 8): 45.0, (32, 32): 25.0}
"""Additions in a nanosecond by the bits of sums and weights; messages that are graded have weights of 32."""
WINDOW, READ, DRAWN = 12.0, 2.5, 0.4
"""Nanoseconds to find the lists of a window, to begin one that is read whole, and to draw a message (and once more)."""

Matrix = tuple[NDArray[np.int8], NDArray[np.int32], dict[str, int]]


def matrix(wiring: Wiring, laid: Rows, source: Grid, target: Grid, listed: float, draws: int) -> Matrix | None:
    """Return weights (lanes, plane, line, four messages, lane, message), where windows start, and fields.

    ``listed``: the rate at which lists of this connection are added; ``draws``: how often a step would be drawn.
    None where a window is not one piece of each line, a line is longer than a list can tell, or weights are too wide.
    """
    fields, conv = laid.fields, wiring if isinstance(wiring, Conv) else None
    if fields["spans"] > 1 or fields["width"] * fields["in_pitch"] > LIST or (conv is None and target.pixels > 1):
        return None
    single = target.pixels == 1
    if single and target.pitch < PAIRED:
        return None
    planes = _planes(_without_zeros(laid))
    if planes is None:
        return None
    lanes, unit = min(target.pitch, 2 * REGISTER), UNIT if single else 4
    _, lines, count, pitch = planes.shape
    line = -(-count // unit) * unit
    padded = np.zeros((len(planes), lines, line, pitch), dtype=np.int8)
    padded[:, :, :count] = planes
    packed = padded.reshape(len(planes), lines, line // 4, 4, pitch // lanes, lanes).transpose(4, 0, 1, 2, 5, 3)
    row = (fields["width"] + 2 * fields.get("pad_x", 0)) * source.pitch
    each = len(planes) * lines * line
    product = target.pixels * (each * pitch / MULTIPLIED + READ)
    added = target.pixels * lines * count * pitch / listed
    return packed, _starts(conv, source, target, row), {
        "bytes_planes": len(planes), "bytes_line": line, "bytes_row": row, "bytes_single": single,
        "bytes_each": each, "bytes_most": _most(product - WINDOW * target.pixels, added, source.size, draws),
        "bytes_size": _whole_lines(row * (fields["height"] + 2 * fields.get("pad_y", 0))),
    }  # fmt: skip


def _most(product: float, added: float, size: int, draws: int) -> int:
    """Return the messages up to which a list takes less time, of which ``size`` take ``added``; -1 where none does."""
    slope = added / size - DRAWN * (draws + 1)
    return size if slope <= 0 else min(size, max(-1, int(product // slope)))


def _whole_lines(size: int) -> int:
    """Return the size of an image with what is cleared, or read, beyond its end."""
    return (-(-size // LINE) + 1) * LINE


def _without_zeros(laid: Rows) -> NDArray[Any]:
    """Return the rows of a window by line, without those of zeros behind every group."""
    group, pitch = laid.fields["group"], laid.weight.shape[-1]
    kept = laid.weight.reshape(-1, group + 1, pitch)[:, :group]
    return kept.reshape(laid.fields["kernel_y"], -1, pitch)


def _planes(weight: NDArray[Any]) -> NDArray[np.int8] | None:
    """Return planes of signed bytes of which each counts 256 times the next, two at most; None for wider weights."""
    wide = weight.astype(np.int64)
    low = wide.astype(np.int8)
    high = (wide - low) >> 8
    if not high.any():
        return low[None]
    return np.stack([high.astype(np.int8), low]) if (high == high.astype(np.int8)).all() else None


def _starts(conv: Conv | None, source: Grid, target: Grid, row: int) -> NDArray[np.int32]:
    """Return where the window of every target pixel starts in an image; the last again for pixels that are none."""
    if conv is None:
        return np.zeros(MOST_PIXELS, dtype=np.int32)
    pixel = np.minimum(np.arange(target.pixels + MOST_PIXELS), target.pixels - 1)
    y, x = np.divmod(pixel, target.width)
    starts: NDArray[np.int32] = (y * conv.stride[0] * row + x * conv.stride[1] * source.pitch).astype(np.int32)
    return starts
