"""What a tensor of the traced network is: the expression that made it, from inputs and neurons at given steps.

A value knows its time. After tracing, times are the steps 0, 1, 2, ... of the run; `shifted` makes them relative to one
step: 0 is "now", -1 the step before.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np

from snn2hw.problems import Problem
from snn2hw.sources.expression.operations import Array, Operation, Shape, digest, of_constant

__all__ = [
    "Applied",
    "Constant",
    "HeldInput",
    "InputStep",
    "Neuron",
    "Noise",
    "Total",
    "Unreadable",
    "Value",
    "alike",
    "constant",
    "latest",
    "parts",
    "replaced",
    "shifted",
    "started",
]


@dataclass(frozen=True, eq=False)
class _Told:
    def _told(self) -> tuple[object, ...]:
        """Return all that makes it this value and no other: its fields, but those that are not compared."""
        return tuple(getattr(self, one.name) for one in fields(self) if one.compare)

    @cached_property
    def key(self) -> bytes:
        """Return a digest under which two values are the same computation."""
        return digest(type(self).__name__, *self._told())


@dataclass(frozen=True, eq=False)
class InputStep(_Told):
    """The network's input of one step; ``encoder`` names what makes it of the module's own input, "" for nothing."""

    time: int
    shape: Shape
    encoder: str = ""


@dataclass(frozen=True, eq=False)
class HeldInput(_Told):
    """An input that is the same in every step: an image, a constant current."""

    shape: Shape


@dataclass(frozen=True, eq=False)
class Noise(_Told):
    """Random numbers, drawn anew in every call."""

    where: str = field(compare=False)
    shape: Shape


@dataclass(frozen=True, eq=False)
class Neuron(_Told):
    """What neuron layer ``index`` holds or sends in one step: its output (port "z"), or a state variable "v" or "i"."""

    index: int
    time: int
    shape: Shape = field(compare=False)
    port: str = "z"


@dataclass(frozen=True, eq=False)
class Constant(_Told):
    """Numbers that do not depend on the input."""

    array: Array

    def _told(self) -> tuple[object, ...]:
        return (np.ascontiguousarray(self.array),)

    @property
    def shape(self) -> Shape:
        """Return the shape of the numbers."""
        return self.array.shape


@dataclass(frozen=True, eq=False)
class Applied(_Told):
    """A layer's output; ``path`` names the module or the operation, ``where`` its place for messages."""

    layer: Operation
    of: "Value"
    shape: Shape
    path: str
    where: str = ""

    def _told(self) -> tuple[object, ...]:
        return self.layer.key, self.of.key


@dataclass(frozen=True, eq=False)
class Total(_Told):
    """The sum of several values of one shape."""

    of: tuple["Value", ...]
    shape: Shape

    def _told(self) -> tuple[object, ...]:
        return tuple(sorted(value.key for value in self.of))


@dataclass(frozen=True, eq=False)
class Unreadable(_Told):
    """The output of something unsupported; tracing goes on to find the rest.

    ``problem`` says what it is, None for what only follows from such a value. ``lost`` says that not even its axes are
    known, so that nothing more is said about what follows.
    """

    where: str
    of: tuple["Value", ...]
    shape: Shape
    lost: bool = False
    problem: Problem | None = None

    def _told(self) -> tuple[object, ...]:
        return (self.where,)


Value: TypeAlias = InputStep | HeldInput | Noise | Neuron | Constant | Applied | Total | Unreadable


def constant(array: Array, shape: Shape) -> Constant:
    """Return numbers spread to ``shape``."""
    return Constant(np.broadcast_to(array, shape))


def latest(value: Value) -> int | None:
    """Return the latest step that ``value`` depends on, None for numbers that depend on none."""
    match value:
        case InputStep(time=time) | Neuron(time=time):
            return time
        case Constant() | HeldInput() | Noise():
            return None
        case Applied(of=of):
            return latest(of)
        case Total(of=several) | Unreadable(of=several):
            return max((t for t in map(latest, several) if t is not None), default=None)


def shifted(value: Value, by: int) -> Value:
    """Return the same expression ``by`` steps later."""
    match value:
        case InputStep() | Neuron():
            return replace(value, time=value.time + by)
        case Constant() | HeldInput() | Noise():
            return value
        case Applied(of=of):
            return replace(value, of=shifted(of, by))
        case Total(of=several) | Unreadable(of=several):
            return replace(value, of=tuple(shifted(v, by) for v in several))


def started(value: Value) -> Value:
    """Return ``value`` as it is in the first steps: a message from before step 0 is zero."""
    match value:
        case InputStep(time=time) | Neuron(time=time) if time < 0:
            return constant(np.zeros(()), value.shape)
        case InputStep() | HeldInput() | Noise() | Neuron() | Constant() | Unreadable():
            return value
        case Applied(of=of):
            inner = started(of)
            made = of_constant(value.layer, inner.array, value.shape) if isinstance(inner, Constant) else None
            return replace(value, of=inner) if made is None else Constant(made)
        case Total(of=several):
            return total([started(v) for v in several], value.shape)


def parts(value: Value) -> tuple[Value, ...]:
    """Return the values that ``value`` is made of directly."""
    match value:
        case Applied(of=of):
            return (of,)
        case Total(of=several) | Unreadable(of=several):
            return several
        case InputStep() | HeldInput() | Noise() | Neuron() | Constant():
            return ()


def replaced(value: Value, new: Callable[[Value], Value | None]) -> Value:
    """Return ``value`` with every part for which ``new`` returns something put in its place."""
    if (other := new(value)) is not None:
        return other
    match value:
        case Applied(of=of):
            return replace(value, of=replaced(of, new))
        case Total(of=several):
            return total([replaced(v, new) for v in several], value.shape)
        case Unreadable(of=several):
            return replace(value, of=tuple(replaced(v, new) for v in several))
        case InputStep() | HeldInput() | Noise() | Neuron() | Constant():
            return value


def alike(a: Value, b: Value) -> bool:
    """Return whether two values are the same computation; numbers may differ as float32 rounds."""
    match a, b:
        case _ if a.key == b.key:
            return True
        case Constant(array=x), Constant(array=y):
            return bool(np.allclose(x, y, rtol=1e-5, atol=1e-6 * np.abs(x).max(initial=0.0)))
        case Applied(), Applied():
            return a.layer.key == b.layer.key and alike(a.of, b.of)
        case Total(), Total():
            return len(a.of) == len(b.of) and all(map(alike, a.of, b.of))
        case _:
            return False


def total(values: "list[Value]", shape: Shape) -> Value:
    """Add values up: nested sums are flattened, zeros dropped, constants added into one."""
    flat: list[Value] = []
    number = np.zeros(shape)
    for value in values:
        for term in value.of if isinstance(value, Total) else (value,):
            if isinstance(term, Constant):
                number = number + term.array
            else:
                flat.append(term)
    if number.any() or not flat:
        flat.append(Constant(number))
    return flat[0] if len(flat) == 1 else Total(tuple(flat), shape)
