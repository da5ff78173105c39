"""Steps of many messages: drawn as images and multiplied, not listed.

The weights of a connection are laid out once more as matrices of bytes. The product costs the same whatever arrives,
lists cost what arrives. How many messages that are not zero make both equal follows from rates that were measured; see
docs/fast.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.fast.layout.arena import LINE
from sim.fast.layout.grid import LIST, LaneGrid
from sim.fast.layout.rows import WeightRows
from sim.fast.vector.products import BLOCK, REGISTER
from sim.program import Conv, Wiring

__all__ = ["LISTED", "MOST_PIXELS", "SUMS", "UNIT", "Listing", "Matrix", "image", "matrix", "window"]

SUMS = 128
"""Sums that a product forms together: enough registers to hide how long an instruction takes, few enough to fit."""
MOST_PIXELS = SUMS // REGISTER
"""Pixels of which they may be."""
UNIT = 8
"""Messages of one pixel in two images that are multiplied together."""

CROSSOVER = 0.1
"""The share of messages that are not zero from which the windows of a convolution are faster read whole; measured, see
docs/fast.md. A Dense reads every message once: its list is never slower."""

MULTIPLIED = 210.0
"""Products in a nanosecond."""
LISTED = {(16, 8): 75.0, (16, 16): 75.0, (32, 8): 45.0, (32, 32): 25.0}
"""Additions in a nanosecond by the bits of sums and weights; messages that are graded have weights of 32."""
WINDOW, READ, DRAWN = 12.0, 2.5, 0.4
"""Nanoseconds to find the lists of a window, to begin one that is read whole, and to draw a message (and once more)."""

Matrix = tuple[NDArray[np.int8], NDArray[np.int32], dict[str, int]]


@dataclass(frozen=True)
class Listing:
    """How fast the lists of a connection are added, how often a step would be drawn, and entries of one message."""

    rate: float
    draws: int
    most: int


def matrix(wiring: Wiring, laid: WeightRows, source: LaneGrid, target: LaneGrid, listing: Listing) -> Matrix | None:
    """Return weights (lanes, plane, line, four messages, lane, message), where windows start, and fields.

    None where a window is not one piece of each line, a line is longer than a list can tell, or weights are too wide.
    """
    fields, conv = laid.fields, wiring if isinstance(wiring, Conv) else None
    if fields["spans"] > 1 or fields["width"] * fields["in_pitch"] > LIST or (conv is None and target.pixels > 1):
        return None
    single = target.pixels == 1
    if single and target.pitch < BLOCK:
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
    added = target.pixels * lines * count * pitch / listing.rate
    return packed, _starts(conv, source, target, row), {
        "bytes_planes": len(planes), "bytes_line": line, "bytes_row": row, "bytes_single": single,
        "bytes_each": each, "bytes_most": _most(product - WINDOW * target.pixels, added, source.size, listing),
        "bytes_size": _in_lines(row * (fields["height"] + 2 * fields.get("pad_y", 0))),
    }  # fmt: skip


def _most(product: float, added: float, size: int, listing: Listing) -> int:
    """Return the entries up to which a list takes less time, of which ``size`` take ``added``; -1 where none does."""
    slope, longest = added / size - DRAWN * (listing.draws + 1), size * listing.most
    return longest if slope <= 0 else min(longest, max(-1, int(product // slope)))


def _in_lines(size: int) -> int:
    """Return the size of an image with what is cleared, or read, beyond its end."""
    return (-(-size // LINE) + 1) * LINE


def _without_zeros(laid: WeightRows) -> NDArray[Any]:
    """Return the rows of a window by line, without those of zeros behind every group."""
    group, pitch = laid.fields["group"], laid.weight.shape[-1]
    rows = laid.weight.reshape(-1, group + 1, pitch)[:, :group]
    return rows.reshape(laid.fields["kernel_y"], -1, pitch)


def _planes(weight: NDArray[Any]) -> NDArray[np.int8] | None:
    """Return planes of signed bytes of which each counts 256 times the next, two at most; None for wider weights."""
    wide = weight.astype(np.int64)
    low = wide.astype(np.int8)
    high = (wide - low) >> 8
    if not high.any():
        return low[None]
    return np.stack([high.astype(np.int8), low]) if (high == high.astype(np.int8)).all() else None


def _starts(conv: Conv | None, source: LaneGrid, target: LaneGrid, row: int) -> NDArray[np.int32]:
    """Return where the window of every target pixel starts in an image; the last again for pixels that are none."""
    if conv is None:
        return np.zeros(MOST_PIXELS, dtype=np.int32)
    pixel = np.minimum(np.arange(target.pixels + MOST_PIXELS), target.pixels - 1)
    y, x = np.divmod(pixel, target.width)
    starts: NDArray[np.int32] = (y * conv.stride[0] * row + x * conv.stride[1] * source.pitch).astype(np.int32)
    return starts


def image(source: LaneGrid, read: Iterable[Wiring]) -> dict[str, int]:
    """Return how a step lies as an image: channels last, with zeros around it for the paddings of all that read it."""
    pads = [w.padding for w in read if isinstance(w, Conv)]
    if not pads:
        return {}
    pad_y, pad_x = (max(p[i] for p in pads) for i in range(2))
    channels, height, width = source.shape
    row = (width + 2 * pad_x) * channels
    first = pad_y * row + pad_x * channels
    return {"image_size": (height + 2 * pad_y) * row, "image_row": row, "image_first": first, "image_width": width}


def window(packing: dict[str, int], wiring: Wiring, source: LaneGrid, fields: dict[str, int]) -> dict[str, int]:
    """Return the fields of a connection that may read its windows whole: their rows must be one group, in one piece."""
    if not isinstance(wiring, Conv) or fields["spans"] > 1 or fields["group"] + 1 != fields["rows"]:
        return {}
    (pad_y, pad_x), row, pixel = wiring.padding, packing["image_row"], source.channels
    first = packing["image_first"] - pad_y * row - pad_x * pixel
    most = int(CROSSOVER * source.size)
    return {"image_first": first, "image_row": row, "image_pixel": pixel, "image_most": most}
