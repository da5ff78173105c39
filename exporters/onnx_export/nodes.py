"""The nodes of a step while they are written, and what every arithmetic writes: messages, sums, shifts, constants."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from exporters.onnx_export.planes import Plane, split
from sim.errors import UnsupportedError
from sim.program import INPUT, Connection, Conv, Dense, Population, Program

__all__ = ["StepNodes", "apply_weights", "heard", "int64", "per_neuron", "shift", "where"]

INT32_LIMIT = 1 << 31


@dataclass(eq=False)
class StepNodes:
    """The nodes of one step and their constants, while they are being written."""

    program: Program
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    _serial: int = 0

    def constant(self, values: NDArray[Any] | int) -> str:
        """Return the name of a constant; plain integers are int64 and shared."""
        if isinstance(values, int):
            name = f"c.{values}"
            self.constants[name] = np.asarray(values, dtype=np.int64)
            return name
        self._serial += 1
        name = f"c{self._serial}"
        self.constants[name] = values
        return name

    def node(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Append one node and return the name of its output."""
        from onnx import helper

        self._serial += 1
        made = output or f"n{self._serial}"
        self.nodes.append(
            helper.make_node(operator, list(inputs), [made], name=f"{operator}{self._serial}", **attributes)
        )
        return made

    def branch(self, write: Callable[[], str]) -> Any:
        """Return what ``write`` appends, and the name that it returns, as a graph for one side of an If."""
        from onnx import helper

        before, self.nodes = self.nodes, []
        made = write()
        nodes, self.nodes = self.nodes, before
        return helper.make_graph(nodes, made, [], [helper.make_tensor_value_info(made, int64(), None)])

    def axes(self, *values: int) -> str:
        """Return a constant vector of int64."""
        return self.constant(np.asarray(values, dtype=np.int64))


def int64() -> int:
    """Return how ONNX calls the type."""
    from onnx import TensorProto

    return int(TensorProto.INT64)


def uint8() -> int:
    from onnx import TensorProto

    return int(TensorProto.UINT8)


def shift(step: StepNodes, value: str, exponent: int) -> str:
    """Write a shift to the left, or, floored, to the right."""
    if exponent > 0:
        return step.node("Mul", value, step.constant(1 << exponent))
    if exponent < 0:
        divisor = step.constant(1 << -exponent)
        return step.node("Div", step.node("Sub", value, step.node("Mod", value, divisor)), divisor)
    return value


def heard(step: StepNodes, connection: Connection, current: dict[str, str]) -> str:
    """Return the name of the messages that a connection delivers; ``current`` holds those of this step."""
    if connection.lag:
        return step.node("Gather", f"past.{connection.source}", step.constant(connection.lag - 1), axis=1)
    return current[connection.source]


def apply_weights(step: StepNodes, population: Population, connection: Connection, messages: str) -> str:
    """Write W . s as products of bytes: one integer operator per pair of a message plane and a weight plane."""
    source = step.program.shape_of(connection.source)
    weight = connection.wiring.weight
    _check_sums(step.program, population, connection)
    total: str | None = None
    for scale, zero, name in _message_planes(step, connection.source, messages):
        for plane in split(weight):
            match connection.wiring:
                case Dense():
                    product = _matmul(step, name, zero, plane, source)
                case Conv() as conv:
                    product = _convolve(step, name, zero, plane, conv, source)
                case _:
                    assert_never(connection.wiring)
            term = step.node("Cast", product, to=int64())
            if scale * plane.scale != 1:
                term = step.node("Mul", term, step.constant(scale * plane.scale))
            total = term if total is None else step.node("Add", total, term)
    assert total is not None
    return step.node("Reshape", total, step.axes(-1, *population.shape))


def _check_sums(program: Program, population: Population, connection: Connection) -> None:
    """Refuse sums of byte products that may leave the operators' int32."""
    largest = 255 if connection.source == INPUT else program.by_name[connection.source].most_sent
    for plane in split(connection.wiring.weight):
        rows = (plane.values.astype(np.int64) - plane.zero_point).reshape(len(plane.values), -1)
        if int(np.abs(rows).sum(axis=1).max()) * largest >= INT32_LIMIT:
            what = f"population {population.name!r}: the sums of its connection from {connection.source!r}"
            raise UnsupportedError(f"{what} may leave ONNX's int32", "split the connection in two")


def _message_planes(step: StepNodes, source: str, messages: str) -> list[tuple[int, int, str]]:
    """Cut messages into bytes: (scale, zero point, name of a uint8 tensor); spikes are one byte already."""
    program = step.program
    lo, hi = (program.input.lo, program.input.hi) if source == INPUT else (0, program.by_name[source].most_sent)
    planes, scale, wide = [], 1, messages
    while not (lo >= -255 and hi - lo <= 255):
        low = step.node("Mod", wide, step.constant(256))
        planes.append((scale, 0, step.node("Cast", low, to=uint8())))
        wide = step.node("Div", step.node("Sub", wide, low), step.constant(256))
        lo, hi, scale = lo // 256, hi // 256, scale * 256
    shifted = step.node("Sub", wide, step.constant(lo)) if lo else wide
    planes.append((scale, -lo, step.node("Cast", shifted, to=uint8())))
    return planes


def _byte(step: StepNodes, value: int) -> str:
    return step.constant(np.asarray(value, dtype=np.uint8))


def _matmul(step: StepNodes, messages: str, zero: int, plane: Plane, source: tuple[int, ...]) -> str:
    flat = step.node("Reshape", messages, step.axes(-1, int(np.prod(source))))
    weight = step.constant(np.ascontiguousarray(plane.values.T))
    return step.node("MatMulInteger", flat, weight, _byte(step, zero), _byte(step, plane.zero_point))


def _convolve(step: StepNodes, messages: str, zero: int, plane: Plane, conv: Conv, source: tuple[int, ...]) -> str:
    image = step.node("Reshape", messages, step.axes(-1, *source))
    return step.node(
        "ConvInteger",
        image,
        step.constant(plane.values),
        _byte(step, zero),
        _byte(step, plane.zero_point),
        kernel_shape=list(conv.weight.shape[2:]),
        strides=list(conv.stride),
        pads=[*conv.padding, *conv.padding],
        dilations=list(conv.dilation),
        group=conv.groups,
    )


def per_neuron(step: StepNodes, values: NDArray[np.integer]) -> str:
    """Return a register as a constant: one number where all neurons share it."""
    first = int(values.reshape(-1)[0])
    return step.constant(first) if (values == first).all() else step.constant(values.astype(np.int64)[None])


def where(step: StepNodes, *operands: str, output: str | None = None) -> str:
    """Write a choice: (where, this, else that)."""
    return step.node("Where", *operands, output=output)
