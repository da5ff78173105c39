"""Linear maps and their composition: what remains of everything between one neuron's message and the next neuron.

A map takes messages of one shape to inputs of another. Composition is exact: where two convolutions are not one
convolution (a padded one behind a pool that leaves rows unread), the product is a matrix; where that matrix would be
too large, the maps stay a `Chain`, which a network with real numbers can run and a chip cannot.
"""

import math
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from sim.errors import UnsupportedError
from snn2hw.network.square import ungrouped
from snn2hw.sources.shapes import Shape

__all__ = [
    "Chain",
    "ConvMap",
    "DenseMap",
    "Diagonal",
    "Float",
    "Map",
    "SingleMap",
    "adjoint",
    "after",
    "as_matrix",
    "carries",
    "is_identity",
    "one_tap",
    "single",
    "varies_within_channels",
]

Float = NDArray[np.float64]

LARGEST_MATRIX = 1 << 25
"""Entries of a matrix made for want of a convolution: 256 MiB of float64."""


@dataclass(frozen=True, eq=False)
class Diagonal:
    """Every element times its own factor; ``scale`` has the full shape. The identity where all are 1."""

    scale: Float
    shape: Shape

    @property
    def source(self) -> Shape:
        """Return the shape that is read."""
        return self.shape


@dataclass(frozen=True, eq=False)
class DenseMap:
    """A matrix (out, in) between any two shapes of those sizes, both in C order."""

    weight: Float
    source: Shape
    shape: Shape


@dataclass(frozen=True, eq=False)
class ConvMap:
    """Cross-correlation with ``weight`` (out, in / groups, kh, kw); one-dimensional maps have height 1 inside."""

    weight: Float
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    source: Shape
    shape: Shape

    @property
    def sides_in(self) -> tuple[int, int]:
        """Return height and width of the source."""
        return _sides(self.source)

    @property
    def sides_out(self) -> tuple[int, int]:
        """Return height and width of the result."""
        return _sides(self.shape)


SingleMap = Diagonal | DenseMap | ConvMap


@dataclass(frozen=True, eq=False)
class Chain:
    """Maps one after the other, that which reads first."""

    maps: tuple[SingleMap, ...]

    @property
    def source(self) -> Shape:
        """Return the shape that is read."""
        return self.maps[0].source

    @property
    def shape(self) -> Shape:
        """Return the shape that is made."""
        return self.maps[-1].shape


Map = SingleMap | Chain


def one_tap(factors: Float, shape: Shape) -> ConvMap:
    """Return the convolution that multiplies each channel by its own factor."""
    weight = factors.reshape(-1, 1, 1, 1)
    return ConvMap(weight, (1, 1), (0, 0), (1, 1), groups=shape[0], source=shape, shape=shape)


def _sides(shape: Shape) -> tuple[int, int]:
    return (1, shape[1]) if len(shape) == 2 else (shape[1], shape[2])


def after(outer: Map, inner: Map) -> Map:
    """Return ``outer`` of ``inner``."""
    if isinstance(outer, Chain) or isinstance(inner, Chain):
        return Chain((*_links(inner), *_links(outer)))
    return _composed(outer, inner)


def _links(map_: Map) -> tuple[SingleMap, ...]:
    return map_.maps if isinstance(map_, Chain) else (map_,)


def _composed(outer: SingleMap, inner: SingleMap) -> Map:
    match outer, inner:
        case Diagonal(), Diagonal():
            return Diagonal(outer.scale * inner.scale.reshape(outer.shape), outer.shape)
        case Diagonal(), DenseMap():
            return DenseMap(outer.scale.reshape(-1, 1) * inner.weight, inner.source, outer.shape)
        case DenseMap(), Diagonal():
            return DenseMap(outer.weight * inner.scale.reshape(-1), inner.source, outer.shape)
        case DenseMap(), DenseMap():
            return DenseMap(outer.weight @ inner.weight, inner.source, outer.shape)
        case DenseMap(), ConvMap():
            return DenseMap(adjoint(inner, outer.weight), inner.source, outer.shape)
        case Diagonal(), ConvMap():
            return _scaled_output(outer, inner)
        case ConvMap(), Diagonal():
            return _scaled_input(outer, inner)
        case ConvMap(), ConvMap():
            return _one_convolution(outer, inner) or _by_matrix(outer, inner)
        case ConvMap(), DenseMap():
            return _by_matrix(outer, inner)
        case _:
            assert_never((outer, inner))  # type: ignore[arg-type]  # pairs are not narrowed by mypy


def _by_matrix(outer: SingleMap, inner: SingleMap) -> Map:
    """Compose with the convolution among two maps written as a matrix, if it is not too large for one."""
    if not _fits(_wide(outer, inner)):
        return Chain((inner, outer))
    return after(_matrix(outer), inner) if isinstance(outer, ConvMap) else after(outer, _matrix(inner))


def _wide(outer: SingleMap, inner: SingleMap) -> SingleMap:
    return outer if isinstance(outer, ConvMap) else inner


def _fits(map_: SingleMap) -> bool:
    return math.prod(map_.shape) * math.prod(map_.source) <= LARGEST_MATRIX


def _matrix(map_: SingleMap) -> DenseMap:
    """Write a map as a matrix."""
    match map_:
        case DenseMap():
            return map_
        case Diagonal():
            return DenseMap(np.diag(map_.scale.reshape(-1)), map_.source, map_.shape)
        case ConvMap():
            return DenseMap(adjoint(map_, np.eye(math.prod(map_.shape))), map_.source, map_.shape)
        case _:
            assert_never(map_)


def single(map_: Map) -> SingleMap:
    """Return a map that is one; refuse a chain."""
    if not isinstance(map_, Chain):
        return map_
    pairs = zip(map_.maps[::-1], map_.maps[-2::-1], strict=False)
    outer, inner = next(pair for pair in pairs if isinstance(_wide(*pair), ConvMap))
    conv = _wide(outer, inner)
    size = math.prod(conv.shape) * math.prod(conv.source)
    what = f"{conv.source} -> {conv.shape} is no single convolution, and as a matrix it has {size} weights"
    raise UnsupportedError(what, "use a pool that covers its input exactly, or no padding behind the pool")


def as_matrix(map_: SingleMap) -> DenseMap:
    """Return a map as a matrix for want of a convolution with one bias per channel; refuse one that is too large."""
    if not _fits(map_):
        size = f"{math.prod(map_.shape)} x {math.prod(map_.source)}"
        what = f"its input is no convolution with one bias per channel, and a matrix would have {size} weights"
        raise UnsupportedError(what, "leave out the bias of the first of two convolutions, or the second's padding")
    return _matrix(map_)


def is_identity(map_: Map) -> bool:
    """Return whether a map changes nothing."""
    return isinstance(map_, Diagonal) and bool((map_.scale == 1).all())


def varies_within_channels(values: Float) -> bool:
    """Return whether values are not the same all over each channel."""
    rows = values.reshape(values.shape[0], -1)
    return not bool((rows == rows[:, :1]).all())


def carries(map_: Map, constant: Float) -> bool:
    """Return whether one NIR node can say both: a matrix any constant, a convolution one that is the same per channel.

    A convolution whose result is read in another shape counts as the matrix that it then has to be.
    """
    if isinstance(map_, ConvMap):
        return map_.shape != constant.shape or not varies_within_channels(constant)
    return isinstance(map_, DenseMap)


def _per_channel(diagonal: Diagonal) -> Float | None:
    """Return one factor per channel, None where they differ within a channel."""
    rows = diagonal.scale.reshape(diagonal.shape[0], -1)
    return rows[:, 0] if (rows == rows[:, :1]).all() else None


def _scaled_output(outer: Diagonal, inner: ConvMap) -> Map:
    factors = _per_channel(outer)
    if factors is None or outer.shape != inner.shape:
        return _by_matrix(outer, inner)
    return _reweighted(inner, inner.weight * factors[:, None, None, None])


def _scaled_input(outer: ConvMap, inner: Diagonal) -> Map:
    factors = _per_channel(inner)
    if factors is None or outer.source != inner.shape:
        return _by_matrix(outer, inner)
    ins = outer.weight.shape[1]
    first = np.repeat(np.arange(outer.groups) * ins, outer.weight.shape[0] // outer.groups)  # o: its first channel
    return _reweighted(outer, outer.weight * factors[first[:, None] + np.arange(ins)][:, :, None, None])


def _reweighted(conv: ConvMap, weight: Float) -> ConvMap:
    return replace(conv, weight=weight)


def _one_convolution(outer: ConvMap, inner: ConvMap) -> ConvMap | None:
    """Return both as one convolution, None where that would read what the padding between them hides.

    Tap j of ``outer`` meets tap i of ``inner`` at s_i d_o j + d_i i: strides multiply, paddings add as p_i + s_i p_o.
    """
    if not all(_padding_reads_nothing(outer, inner, axis) for axis in (0, 1)):
        return None
    weight = _channels_composed(outer, inner)
    stride = (inner.stride[0] * outer.stride[0], inner.stride[1] * outer.stride[1])
    padding = tuple(inner.padding[a] + inner.stride[a] * outer.padding[a] for a in (0, 1))
    groups = _common_groups(outer, inner)
    return ConvMap(
        weight, stride, (padding[0], padding[1]), (1, 1), groups=groups, source=inner.source, shape=outer.shape
    )


def _padding_reads_nothing(outer: ConvMap, inner: ConvMap, axis: int) -> bool:
    """Return whether ``inner`` would be 0 wherever ``outer`` pads: its windows there lie outside the input."""
    reach = _reach(outer, axis)
    low, high = -outer.padding[axis], reach - outer.padding[axis]  # places of inner's result that outer reads
    span = int(inner.dilation[axis] * (inner.weight.shape[2 + axis] - 1))
    stride, padding = inner.stride[axis], inner.padding[axis]
    below = low >= 0 or -stride - padding + span < 0
    made = inner.sides_out[axis]
    above = high < made or stride * made - padding >= inner.sides_in[axis]
    return below and above


def _reach(conv: ConvMap, axis: int) -> int:
    """Return the last place of the padded source that is read."""
    taps = conv.weight.shape[2 + axis]
    return int(conv.stride[axis] * (conv.sides_out[axis] - 1) + conv.dilation[axis] * (taps - 1))


def _is_per_channel(conv: ConvMap) -> bool:
    return bool(conv.weight.shape[1] == 1 and conv.weight.shape[0] == conv.groups)


def _common_groups(outer: ConvMap, inner: ConvMap) -> int:
    if _is_per_channel(inner):
        return outer.groups
    return inner.groups if _is_per_channel(outer) else 1


def _channels_composed(outer: ConvMap, inner: ConvMap) -> Float:
    """Return the weight (out, in / groups, kh, kw) of the composition."""
    gaps = [(inner.stride[a] * outer.dilation[a], inner.dilation[a]) for a in (0, 1)]
    sides = [
        big * (outer.weight.shape[2 + a] - 1) + small * (inner.weight.shape[2 + a] - 1) + 1
        for a, (big, small) in enumerate(gaps)
    ]
    left, right, product = _aligned(outer, inner)
    n_in = right.shape[1] if product == "om,mi->oi" else left.shape[1]
    weight = np.zeros((left.shape[0], n_in, *sides))
    for jy, jx in np.ndindex(*left.shape[2:]):
        for iy, ix in np.ndindex(*right.shape[2:]):
            y, x = gaps[0][0] * jy + gaps[0][1] * iy, gaps[1][0] * jx + gaps[1][1] * ix
            weight[:, :, y, x] += np.einsum(product, left[:, :, jy, jx], right[:, :, iy, ix])
    return weight


def _aligned(outer: ConvMap, inner: ConvMap) -> tuple[Float, Float, str]:
    """Return both weights with channels that one product joins, tap by tap."""
    if _is_per_channel(inner):
        ins = outer.weight.shape[1]
        first = np.repeat(np.arange(outer.groups) * ins, outer.weight.shape[0] // outer.groups)
        return outer.weight, inner.weight[first[:, None] + np.arange(ins), 0], "oi,oi->oi"
    if _is_per_channel(outer):
        spread = np.broadcast_to(outer.weight, (*inner.weight.shape[:2], *outer.weight.shape[2:]))
        return spread, inner.weight, "oi,oi->oi"
    whole = ungrouped(outer.weight, outer.groups), ungrouped(inner.weight, inner.groups)
    return *whole, "om,mi->oi"


def adjoint(conv: ConvMap, rows: Float) -> Float:
    """Return ``rows @ matrix of conv`` for rows (n, out size): what each row sees of conv's source, (n, in size)."""
    (height, width), (pad_y, pad_x) = conv.sides_in, conv.padding
    out_y, out_x = conv.sides_out
    grid = rows.reshape(rows.shape[0], conv.groups, -1, out_y, out_x)  # n g o y x
    taps_y, taps_x = conv.weight.shape[2:]
    deep = max(height + 2 * pad_y, conv.stride[0] * (out_y - 1) + conv.dilation[0] * (taps_y - 1) + 1)
    wide = max(width + 2 * pad_x, conv.stride[1] * (out_x - 1) + conv.dilation[1] * (taps_x - 1) + 1)
    seen = np.zeros((rows.shape[0], conv.groups, conv.weight.shape[1], deep, wide))  # n g i y x
    weight = conv.weight.reshape(conv.groups, -1, *conv.weight.shape[1:])  # g o i ky kx
    for ky, kx in np.ndindex(taps_y, taps_x):
        top, left = ky * conv.dilation[0], kx * conv.dilation[1]
        place = (
            slice(top, top + conv.stride[0] * (out_y - 1) + 1, conv.stride[0]),
            slice(left, left + conv.stride[1] * (out_x - 1) + 1, conv.stride[1]),
        )
        seen[(..., *place)] += np.einsum("ngoyx,goi->ngiyx", grid, weight[..., ky, kx], optimize=True)
    inside = seen[..., pad_y : pad_y + height, pad_x : pad_x + width]
    return np.ascontiguousarray(inside).reshape(rows.shape[0], -1)
