"""Convolutions in the forms that NIR's type check understands: square ungrouped kernels, one row, or a full matrix.

A kernel of k taps at distance d becomes one of K >= k taps by zeros in front (a) and behind (b), with padding p + a d:
the output keeps its size where (a - b) d more input fits into what the last stride left over.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sim.program import Conv, Weight

__all__ = ["Axis", "Square", "expand", "line_kernel", "square", "unroll"]

MOST_TAPS = 4096
"""Wider kernels are not tried: they would cost more than the whole matrix."""

Shape = tuple[int, ...]


class Axis(NamedTuple):
    """One axis of a widened kernel: tap i of the original stands at ``front + i * step``."""

    stride: int
    padding: int
    dilation: int
    front: int
    step: int


@dataclass(frozen=True)
class Square:
    """The same map with a kernel of ``taps`` x ``taps``."""

    axes: tuple[Axis, Axis]
    taps: int


def square(conv: Conv, source: Shape, target: Shape) -> Square | None:
    """Return the smallest square form, None where there is none: strides of 1, one side of even length, one of odd."""
    reach = [d * (k - 1) + 1 for k, d in zip(conv.weight.shape[2:], conv.dilation, strict=True)]
    for taps in range(max(conv.weight.shape[2:]), min(max(reach), MOST_TAPS) + 2):
        y, x = (_axis(conv, i, source[1 + i], target[1 + i], taps) for i in (0, 1))
        if y is not None and x is not None:
            return Square((y, x), taps)
    return None


def _axis(conv: Conv, i: int, side: int, made: int, taps: int) -> Axis | None:
    """Fit one axis into ``taps`` taps, with its own dilation or with dilation 1 and zeros between its taps."""
    count, stride, padding, dilation = conv.weight.shape[2 + i], conv.stride[i], conv.padding[i], conv.dilation[i]
    left_over = side + 2 * padding - dilation * (count - 1) - 1 - (made - 1) * stride
    for gap in (dilation, 1):
        step = dilation // gap
        zeros = taps - (step * (count - 1) + 1)
        if zeros < 0:
            continue
        for shifted in (0,) if zeros % 2 == 0 else (1, -1):  # zeros in front minus zeros behind
            rest = left_over + shifted * gap
            wide = stride if made > 1 else max(stride, rest + 1)  # a single output never strides
            front = (zeros + shifted) // 2
            if 0 <= rest < wide and front >= 0:
                return Axis(wide, padding + front * gap, gap, front, step)
    return None


def ungrouped(conv: Conv) -> Weight:
    """Return the weight with all input channels: zero between the groups."""
    if conv.groups == 1:
        return conv.weight
    outs, ins, *kernel = conv.weight.shape
    each = outs // conv.groups
    full = np.zeros((outs, ins * conv.groups, *kernel), dtype=conv.weight.dtype)
    for group in range(conv.groups):
        rows = slice(group * each, (group + 1) * each)
        full[rows, group * ins : (group + 1) * ins] = conv.weight[rows]
    return full


def expand(conv: Conv, form: Square) -> Weight:
    """Return the weight of a square form, (C_out, C_in, taps, taps)."""
    weight = ungrouped(conv)
    if weight.shape[2:] == (form.taps, form.taps):
        return weight
    wide = np.zeros((*weight.shape[:2], form.taps, form.taps), dtype=weight.dtype)
    y, x = (
        slice(axis.front, axis.front + axis.step * (count - 1) + 1, axis.step)
        for axis, count in zip(form.axes, weight.shape[2:], strict=True)
    )
    wide[:, :, y, x] = weight
    return wide


def line_kernel(conv: Conv) -> Weight:
    """Return the one row of the kernel that meets data of height 1, (C_out, C_in, kw); zeros where none does."""
    weight = ungrouped(conv)
    row, off = divmod(conv.padding[0], conv.dilation[0])
    if off or row >= weight.shape[2]:
        return np.zeros((*weight.shape[:2], weight.shape[3]), dtype=weight.dtype)
    return weight[:, :, row]


def unroll(conv: Conv, source: Shape, target: Shape) -> Weight:
    """Return the whole matrix (N_out, N_in), both read in C order."""
    weight = ungrouped(conv)
    matrix = np.zeros((*target, *source), dtype=weight.dtype)  # o y x c i j
    for tap in np.ndindex(*weight.shape[2:]):
        (y, i), (x, j) = (_meets(conv, axis, tap[axis], source[1 + axis], target[1 + axis]) for axis in (0, 1))
        matrix[:, y[:, None], x, :, i[:, None], j] = weight[:, :, tap[0], tap[1]]
    return matrix.reshape(int(np.prod(target)), int(np.prod(source)))


def _meets(conv: Conv, axis: int, tap: int, side: int, made: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the outputs along one axis whose tap falls on data, and the places there."""
    out = np.arange(made)
    place = out * conv.stride[axis] + tap * conv.dilation[axis] - conv.padding[axis]
    inside = (place >= 0) & (place < side)
    return out[inside], place[inside]
