"""What a wiring does to messages, exactly, and which synapses a message meets.

Both wirings are linear maps of integers. A product of integers whose partial sums stay below 2^53 is exact in float64
in any order of summation, so BLAS may compute it; beyond that bound int64 is used.
"""

from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.description import Int
from sim.errors import ProgramError
from sim.parts import Conv, Dense, Wiring

__all__ = ["apply", "as_matrix", "fan_out", "output_shape", "synapse_count"]

EXACT_IN_FLOAT64 = 1 << 53

Shape = tuple[int, ...]


def output_shape(wiring: Wiring, source: Shape, target: Shape) -> Shape:
    """Return the shape that ``wiring`` makes of ``source``; a Dense takes any target of its size."""
    match wiring:
        case Dense():
            n_out, n_in = wiring.weight.shape
            if n_in != np.prod(source, dtype=np.int64):
                raise ProgramError(
                    f"Dense weight {wiring.weight.shape} reads {n_in} values, the source {source} has others"
                )
            if n_out != np.prod(target, dtype=np.int64):
                raise ProgramError(f"Dense weight {wiring.weight.shape} makes {n_out} values, the target is {target}")
            return target
        case Conv():
            return _conv_shape(wiring, source)
        case _:
            assert_never(wiring)


def _conv_shape(conv: Conv, source: Shape) -> Shape:
    c_out, c_per_group, *kernel = conv.weight.shape
    if len(source) != 3 or source[0] != c_per_group * conv.groups:
        expected = f"({c_per_group * conv.groups}, H, W)"
        raise ProgramError(f"Conv weight {conv.weight.shape} with groups {conv.groups} reads {expected}, not {source}")
    sides = [
        (side + 2 * pad - gap * (taps - 1) - 1) // step + 1
        for side, taps, step, pad, gap in zip(source[1:], kernel, conv.stride, conv.padding, conv.dilation, strict=True)
    ]
    if min(sides) < 1:
        raise ProgramError(
            f"Conv kernel {tuple(kernel)} does not fit into {source}", "add padding or shrink the kernel"
        )
    return (c_out, *sides)


def apply(wiring: Wiring, messages: Int, source: Shape, target: Shape) -> Int:
    """Return ``W . s`` for a batch: (B, *source) integers to (B, *target) int64."""
    batch = messages.shape[0]
    match wiring:
        case Dense():
            return _product(messages.reshape(batch, -1), wiring.weight.T).reshape(batch, *target)
        case Conv():
            return _correlate(wiring, messages.reshape(batch, *source), target)
        case _:
            assert_never(wiring)


def _product(left: NDArray[np.integer], right: NDArray[np.integer]) -> Int:
    largest = int(np.abs(left.astype(np.int64)).max(initial=0)) * int(np.abs(right.astype(np.int64)).max(initial=0))
    if largest * left.shape[-1] < EXACT_IN_FLOAT64:
        return (left.astype(np.float64) @ right.astype(np.float64)).astype(np.int64)
    return left.astype(np.int64) @ right.astype(np.int64)


def _correlate(conv: Conv, messages: Int, target: Shape) -> Int:
    (pad_y, pad_x), (c_out, height, width) = conv.padding, target
    padded = np.pad(messages, ((0, 0), (0, 0), (pad_y, pad_y), (pad_x, pad_x)))
    out = np.zeros((messages.shape[0], height * width, c_out), dtype=np.int64)  # b (y x) o
    ins = conv.weight.shape[1]
    outs = c_out // conv.groups
    for group in range(conv.groups):
        read = padded[:, group * ins : (group + 1) * ins]
        write = slice(group * outs, (group + 1) * outs)
        for ky, kx in np.ndindex(*conv.weight.shape[2:]):
            seen = read[(slice(None), slice(None), *_tap(conv, (ky, kx), (height, width)))]  # b i y x
            columns = seen.reshape(*seen.shape[:2], -1).transpose(0, 2, 1)  # b (y x) i
            out[:, :, write] += _product(columns, conv.weight[write, :, ky, kx].T)
    return out.transpose(0, 2, 1).reshape(messages.shape[0], *target)


def _tap(conv: Conv, tap: tuple[int, int], sides: tuple[int, int]) -> tuple[slice, slice]:
    """Return the rows and columns of the padded source that one kernel tap meets, one per output position."""
    first = [k * gap for k, gap in zip(tap, conv.dilation, strict=True)]
    y, x = (
        slice(start, start + step * (side - 1) + 1, step)
        for start, step, side in zip(first, conv.stride, sides, strict=True)
    )
    return y, x


def as_matrix(wiring: Wiring, source: Shape, target: Shape) -> Int:
    """Return a wiring as a matrix (source element, target element).

    >>> as_matrix(Dense([[1, 2], [3, 4], [5, 6]]), (2,), (3,)).tolist()
    [[1, 3, 5], [2, 4, 6]]
    """
    match wiring:
        case Dense():
            return wiring.weight.T.astype(np.int64)
        case Conv():
            size = int(np.prod(source))
            each = np.eye(size, dtype=np.int64).reshape(size, *source)
            return apply(wiring, each, source, target).reshape(size, -1)
        case _:
            assert_never(wiring)


def fan_out(wiring: Wiring, source: Shape, target: Shape) -> Int:
    """Return, for every source element, how many synapses of non-zero weight one message of it meets.

    For a convolution that is border-exact: a tap that falls outside the target, or on padding, is no synapse.
    """
    match wiring:
        case Dense():
            return np.asarray(np.count_nonzero(wiring.weight, axis=0), dtype=np.int64).reshape(source)
        case Conv():
            return _conv_fan_out(wiring, source, target)
        case _:
            assert_never(wiring)


def _conv_fan_out(conv: Conv, source: Shape, target: Shape) -> Int:
    channels, height, width = source
    (pad_y, pad_x), ins = conv.padding, conv.weight.shape[1]
    present = (conv.weight != 0).reshape(conv.groups, -1, *conv.weight.shape[1:]).sum(axis=1)  # g i ky kx
    reached = present.reshape(conv.groups * ins, *conv.weight.shape[2:])  # c ky kx
    padded = np.zeros((channels, height + 2 * pad_y, width + 2 * pad_x), dtype=np.int64)
    for ky, kx in np.ndindex(*conv.weight.shape[2:]):
        padded[(slice(None), *_tap(conv, (ky, kx), (target[1], target[2])))] += reached[:, ky, kx, None, None]
    return padded[:, pad_y : pad_y + height, pad_x : pad_x + width]


def synapse_count(wiring: Wiring, source: Shape, target: Shape) -> int:
    """Return the number of synapses of non-zero weight, a shared weight counted once per place it serves."""
    return int(fan_out(wiring, source, target).sum())
