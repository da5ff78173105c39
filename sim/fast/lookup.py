"""Tables of sums, for a convolution over a binary input of few channels: one addition for a whole line of a window.

The input is packed as bits, one row of bits for each channel and line. A line of a window is then a few bits, and every
pattern of them has its sum in a table, so what is added does not depend on what arrived, nor does any branch.
"""

import numpy as np

from sim.fast.grid import LIST, Grid
from sim.fast.records import TABLE
from sim.fast.rows import Rows, scaled
from sim.program import Conv, Wiring

__all__ = ["bits_span", "table"]

NEAR_BYTES = 24 << 10
"""Tables of this size stay in the nearest cache beside the state of a tile."""
MOST_BYTES = 64 << 10
MOST_LOOKUPS = 24
"""Lines of a window beyond which its few events are listed faster than looked up."""


def bits_span(wiring: Wiring, source: Grid, target: Grid) -> int:
    """Return how many bits one lookup takes, or 0 where rows of weights are better."""
    if not isinstance(wiring, Conv) or wiring.groups > 1 or wiring.dilation[1] > 1 or source.size >= LIST:
        return 0
    _, ins, kernel_y, kernel_x = wiring.weight.shape
    for spans in range(1, kernel_x + 1):
        span = -(-kernel_x // spans)
        size = 2 * ins * kernel_y * spans * min(target.pitch, 128) << span
        if ins * kernel_y * spans > MOST_LOOKUPS:
            return 0
        if size <= NEAR_BYTES or (span == 1 and size <= MOST_BYTES):
            return int(span)
    return 0


def table(conv: Conv, exponent: int, span: int, source: Grid, target: Grid) -> Rows:
    """Lay out the sums (1, channel line piece pattern, target lane)."""
    weight = scaled(conv.weight, exponent).astype(np.int32)
    outs, ins, kernel_y, kernel_x = weight.shape
    spans = -(-kernel_x // span)
    padded = np.zeros((target.pitch, ins, kernel_y, spans * span), dtype=np.int32)
    padded[:outs, ..., :kernel_x] = weight
    taps = padded.reshape(target.pitch, ins, kernel_y, spans, span).transpose(1, 2, 3, 4, 0)  # i ky piece tap o
    patterns = np.arange(1 << span)[:, None] >> np.arange(span) & 1  # pattern tap
    sums = np.einsum("pt,iykto->iykpo", patterns, taps).astype(np.int16)
    fields = {
        "kind": TABLE, "kernel_y": kernel_y, "spans": spans, "span": span, "ins": ins,
        "stride_y": conv.stride[0], "stride_x": conv.stride[1], "pad_y": conv.padding[0], "pad_x": conv.padding[1],
        "gap_y": conv.dilation[0], "rows": ins * kernel_y * spans << span,
    }  # fmt: skip
    return Rows(sums.reshape(1, -1, target.pitch), fields)
