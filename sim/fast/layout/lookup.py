"""Tables of sums, for a convolution over a binary input of few channels: one addition for each line of a window.

The input is packed as bits, one row of bits for each channel and line. A line of a window is then a few bits, and every
pattern of them has its sum in a table, so what is added does not depend on what arrived, nor does any branch.
"""

from dataclasses import dataclass

import numpy as np

from sim.fast.layout.grid import LIST, LaneGrid
from sim.fast.layout.records import TABLE
from sim.fast.layout.rows import WeightRows, scaled
from sim.program import Conv, Wiring

__all__ = ["BITS", "TWO_PIXELS", "Lookup", "lookup", "packing_as_bits", "table"]

BITS = 57
"""Bits that a word of 64, read from any byte on, has at least behind any bit of that byte."""

NEAR_BYTES = 24 << 10
"""Tables of this size stay in the nearest cache beside the state of a tile."""
MOST_BYTES = 64 << 10
"""Larger ones still do, of pairs of pixels: few patterns are frequent."""
TWO_PIXELS = 64
"""Lanes of a pixel up to which two neighbours are looked up together."""
MOST_LOOKUPS = 24
"""Lines of a window beyond which its few events are listed faster than looked up."""


@dataclass(frozen=True)
class Lookup:
    """How a line of a window is looked up: ``spans`` times ``span`` bits, for one pixel or for two neighbours."""

    span: int
    spans: int
    pixels: int


def lookup(wiring: Wiring, source: LaneGrid, target: LaneGrid) -> Lookup | None:
    """Return how, or None where rows of weights are better."""
    if not isinstance(wiring, Conv) or wiring.groups > 1 or max(wiring.dilation) > 1 or source.size >= LIST:
        return None
    _, ins, kernel_y, kernel_x = wiring.weight.shape
    lines, pair = ins * kernel_y, kernel_x + wiring.stride[1]
    if target.pitch <= TWO_PIXELS and target.width % 2 == 0 and 2 * lines * 2 * target.pitch << pair <= MOST_BYTES:
        return Lookup(pair, 1, 2) if lines <= MOST_LOOKUPS else None
    spans = 0
    while lines * (spans := spans + 1) <= MOST_LOOKUPS:
        span = -(-kernel_x // spans)
        size = 2 * lines * spans * min(target.pitch, 128) << span
        if span * spans <= BITS and size <= NEAR_BYTES:  # single bits always do: 24 lookups of 128 lanes
            return Lookup(span, spans, 1)
    return None


def packing_as_bits(source: LaneGrid, read: list[Wiring]) -> dict[str, int]:
    """Return how the input is packed as bits, with zeros around it for the paddings of all that read them."""
    if not read:
        return {}
    pad_y, pad_x = (max(w.padding[i] for w in read if isinstance(w, Conv)) for i in range(2))
    channels, height, width = source.shape
    row = (width + 2 * pad_x + 7) // 8 + 8  # a window is read as 8 bytes from its first bit on
    return {
        "bits_channels": channels, "bits_height": height, "bits_width": width, "bits_row": row,
        "bits_pad_y": pad_y, "bits_pad_x": pad_x, "bits_size": channels * (height + 2 * pad_y) * row,
    }  # fmt: skip


def table(conv: Conv, exponent: int, how: Lookup, source: LaneGrid, target: LaneGrid) -> WeightRows:
    """Lay out the sums (1, line channel piece pattern, pixel target lane)."""
    weight = scaled(conv.weight, exponent).astype(np.int32)
    outs, ins, kernel_y, kernel_x = weight.shape
    span, spans, pixels = how.span, how.spans, how.pixels
    padded = np.zeros((pixels, target.pitch, ins, kernel_y, spans * span), dtype=np.int32)
    for i in range(pixels):
        padded[i, :outs, ..., i * conv.stride[1] : i * conv.stride[1] + kernel_x] = weight
    taps = padded.reshape(pixels * target.pitch, ins, kernel_y, spans, span).transpose(
        2, 1, 3, 4, 0
    )  # ky i piece tap o
    patterns = np.arange(1 << span)[:, None] >> np.arange(span) & 1  # pattern tap
    sums = np.einsum("pt,yikto->yikpo", patterns, taps).astype(np.int16)
    fields = {
        "kind": TABLE, "kernel_y": kernel_y, "spans": spans, "span": span, "ins": ins, "two_pixels": pixels == 2,
        "stride_y": conv.stride[0], "stride_x": conv.stride[1], "pad_y": conv.padding[0], "pad_x": conv.padding[1],
        "rows": ins * kernel_y * spans << span,
    }  # fmt: skip
    return WeightRows(sums.reshape(1, -1, pixels * target.pitch), fields)
