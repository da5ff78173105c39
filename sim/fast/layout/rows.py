"""The weights of a connection as rows: one row of target lanes per source neuron in the window of a target pixel."""

from dataclasses import dataclass, field
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from sim.fast.layout.grid import LIST, LaneGrid
from sim.fast.layout.records import GROUPED, WINDOW
from sim.program import Conv, Dense, Wiring

__all__ = ["WeightRows", "rows", "scaled"]

DENSE_COST = 4
"""A group of up to this many channels more than there are vectors in a row is cheaper as part of whole rows."""
DENSE_BYTES = 1 << 22


@dataclass(frozen=True, eq=False)
class WeightRows:
    """Weights (target pixel or 1, row, target lane), and the fields of the window they belong to.

    Lanes are those of a pixel, or of one group where weights are added one at a time.
    """

    weight: NDArray[Any]
    fields: dict[str, int] = field(default_factory=dict)


def rows(wiring: Wiring, source: LaneGrid, target: LaneGrid, exponent: int) -> WeightRows | None:
    """Lay the weights out, a positive exponent folded in; None where a window exceeds what a list can index."""
    match wiring:
        case Dense():
            return _dense(scaled(wiring.weight, exponent), source, target)
        case Conv():
            return _conv(wiring, scaled(wiring.weight, exponent), source, target)
        case _:
            assert_never(wiring)


def scaled(weight: NDArray[Any], exponent: int) -> NDArray[Any]:
    """Multiply by 2^exponent, in the narrowest type; a bound has shown that 32 bits are enough."""
    if exponent <= 0:
        return weight
    product = weight.astype(np.int64) << exponent
    for kind in (np.int8, np.int16):
        if (product == product.astype(kind)).all():
            return product.astype(kind)
    return product.astype(np.int32)


def _dense(weight: NDArray[Any], source: LaneGrid, target: LaneGrid) -> WeightRows:
    span = min(source.pixels, LIST // source.pitch)
    spans = -(-source.pixels // span)
    outs = target.spread(weight.T)  # i p o
    weights = np.zeros((target.pixels, spans * span * source.pitch, target.pitch), dtype=weight.dtype)
    by_source = source.spread(outs.reshape(source.size, -1).T)  # (p o) q i
    taken = by_source.reshape(target.pixels, target.pitch, -1).swapaxes(1, 2)
    weights[:, : taken.shape[1]] = taken
    rows = _with_zeros(weights, _line(1, source.pixels, 1, spans, span, span, in_pitch=source.pitch))
    return WeightRows(rows.weight, rows.fields | {"rows_step": rows.fields["rows"], "direct": spans == 1})


def _line(height: int, width: int, kernel_y: int, spans: int, span: int, gap: int, in_pitch: int) -> dict[str, int]:
    """Return the fields of a window, for a target of one place."""
    return {
        "kind": WINDOW, "height": height, "width": width, "kernel_y": kernel_y, "spans": spans, "span": span,
        "gap_x": gap, "gap_y": 1, "in_pitch": in_pitch,
    }  # fmt: skip


def _with_zeros(weight: NDArray[Any], fields: dict[str, int]) -> WeightRows:
    """Put a row of zeros behind every group of rows: all rows of a window, or those of a line where there are more."""
    pixels, rows, pitch = weight.shape
    group = rows if rows <= LIST else fields["span"] * fields["in_pitch"]
    out = np.zeros((pixels, rows // group, group + 1, pitch), dtype=weight.dtype)
    out[:, :, :group] = weight.reshape(pixels, rows // group, group, pitch)
    return WeightRows(out.reshape(pixels, -1, pitch), fields | {"group": group, "rows": rows // group * (group + 1)})


def _conv(conv: Conv, weight: NDArray[Any], source: LaneGrid, target: LaneGrid) -> WeightRows | None:
    outs, ins, kernel_y, kernel_x = weight.shape
    spans, span = (1, kernel_x) if conv.dilation[1] == 1 else (kernel_x, 1)
    all_channels = conv.groups == 1 or _all_channels_pay(conv, source, target)
    if not all_channels:
        spans, span = kernel_x, 1
    if span * source.pitch > LIST:
        return None
    fields = _line(source.shape[1], source.shape[2], kernel_y, spans, span, conv.dilation[1], source.pitch) | {
        "stride_y": conv.stride[0], "stride_x": conv.stride[1], "pad_y": conv.padding[0], "pad_x": conv.padding[1],
        "gap_y": conv.dilation[0], "ins": ins, "outs": outs // conv.groups,
    }  # fmt: skip
    if not all_channels:
        by_group = weight.reshape(conv.groups, outs // conv.groups, ins, kernel_y, kernel_x).transpose(3, 4, 0, 2, 1)
        grouped = np.zeros((kernel_y, kernel_x, source.pitch, outs // conv.groups), dtype=np.int32)
        grouped[:, :, : source.channels] = by_group.reshape(kernel_y, kernel_x, -1, outs // conv.groups)
        by_row = grouped.reshape(1, -1, outs // conv.groups)
        return WeightRows(by_row, fields | {"kind": GROUPED, "rows": by_row.shape[1]})
    full = np.zeros((kernel_y, kernel_x, source.pitch, target.pitch), dtype=weight.dtype)
    for group in range(conv.groups):
        o = slice(group * (outs // conv.groups), (group + 1) * (outs // conv.groups))
        full[:, :, group * ins : (group + 1) * ins, o] = weight[o].transpose(2, 3, 1, 0)
    return _with_zeros(full.reshape(1, -1, target.pitch), fields)


def _all_channels_pay(conv: Conv, source: LaneGrid, target: LaneGrid) -> bool:
    """Return whether rows over all channels, zero outside the event's group, are cheaper than one weight at a time."""
    _, _, kernel_y, kernel_x = conv.weight.shape
    small: bool = kernel_y * kernel_x * source.pitch * target.pitch * conv.weight.itemsize <= DENSE_BYTES
    return small and bool(target.pitch // 32 <= conv.weight.shape[0] // conv.groups + DENSE_COST)
