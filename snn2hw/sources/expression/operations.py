"""The stateless operations a network may be made of, as data; weights are float64 arrays, shapes have no batch axis."""

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Array",
    "Convolution",
    "Flatten",
    "Linear",
    "Matrix",
    "Norm",
    "Operation",
    "Pool",
    "Relu",
    "Scale",
    "Shape",
    "digest",
    "of_constant",
]

Array: TypeAlias = NDArray[np.float64]
Shape: TypeAlias = tuple[int, ...]


def digest(*parts: object) -> bytes:
    """Return the same bytes for the same operation: type, numbers and the contents of arrays."""
    sha = hashlib.sha256()
    for part in parts:
        content = (
            part.tobytes() if isinstance(part, np.ndarray) else part if isinstance(part, bytes) else repr(part).encode()
        )
        shape = part.shape if isinstance(part, np.ndarray) else ()
        sha.update(f"{type(part).__name__}{shape}{len(content)}:".encode())
        sha.update(content)
    return sha.digest()


class _Keyed:
    @cached_property
    def key(self) -> bytes:
        """Return a digest under which two layers are the same operation."""
        described = fields(self)  # type: ignore[arg-type]  # every subclass is a dataclass, this class is none
        values: list[Any] = [getattr(self, field.name) for field in described]
        return digest(type(self).__name__, *values)


@dataclass(frozen=True, eq=False)
class Linear(_Keyed):
    """y = weight @ x + bias, ``weight`` (n_out, n_in)."""

    weight: Array
    bias: Array | None


@dataclass(frozen=True, eq=False)
class Matrix(_Keyed):
    """y = weight @ x + bias over all elements of a signal in C order, whatever its axes: a map without a NIR node."""

    weight: Array
    bias: Array | None


@dataclass(frozen=True, eq=False)
class Convolution(_Keyed):
    """Cross-correlation; ``weight`` (C_out, C_in / groups, *kernel), in one or two dimensions."""

    weight: Array
    bias: Array | None
    stride: Shape
    padding: Shape | Literal["same"]
    dilation: Shape
    groups: int


@dataclass(frozen=True, eq=False)
class Pool(_Keyed):
    """The sum, the mean or the maximum of every window; zeros beyond the border take part in sum and mean."""

    kind: Literal["sum", "mean", "max"]
    kernel: Shape
    stride: Shape
    padding: Shape
    dilation: Shape


@dataclass(frozen=True, eq=False)
class Scale(_Keyed):
    """y = factor * x, elementwise; ``factor`` has the shape of x."""

    factor: Array


@dataclass(frozen=True, eq=False)
class Norm(_Keyed):
    """y = factor * x + shift, one pair per channel: a batch norm with its statistics of evaluation."""

    factor: Array
    shift: Array


@dataclass(frozen=True, eq=False)
class Flatten(_Keyed):
    """Axes ``start`` to ``end`` become one, in C order; counted without the batch axis."""

    start: int
    end: int


@dataclass(frozen=True, eq=False)
class Relu(_Keyed):
    """y = min(max(x, 0), cap); no network of spikes has one, `snn2hw convert` replaces it by a neuron."""

    cap: float | None = None


Operation: TypeAlias = Linear | Matrix | Convolution | Pool | Scale | Norm | Flatten | Relu


def of_constant(layer: Operation, array: Array, shape: Shape) -> Array | None:
    """Return what ``layer`` makes of these numbers, ``shape`` its output's; None where that takes a convolution.

    >>> of_constant(Linear(np.eye(2), np.array([0.0, 1.0])), np.zeros(2), (2,))
    array([0., 1.])
    """
    match layer:
        case Linear(weight=weight, bias=bias):
            return weight @ array + (0.0 if bias is None else bias)
        case Matrix(weight=weight, bias=bias):
            return (weight @ array.reshape(-1) + (0.0 if bias is None else bias)).reshape(shape)
        case Convolution(bias=bias) if not array.any():
            return _spread(np.zeros(shape[0]) if bias is None else bias, shape)
        case Pool() if not array.any():
            return np.zeros(shape)
        case Norm(factor=factor, shift=shift):
            return array * _spread(factor, shape) + _spread(shift, shape)
        case Scale(factor=factor):
            return array * factor
        case Flatten():
            return array.reshape(shape)
        case Relu(cap=cap):
            return np.clip(array, 0.0, cap)
        case Convolution() | Pool():
            return None


def _spread(per_channel: Array, shape: Shape) -> Array:
    return np.broadcast_to(per_channel.reshape(-1, *(1,) * (len(shape) - 1)), shape)
