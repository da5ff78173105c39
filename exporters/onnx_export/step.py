"""One local step of a Program as ONNX nodes: integer operators only, state in and state out.

For every population p the step reads and writes ``u.p`` and ``v.p``, and where it rests after spikes ``past.rest:p``,
the steps that are left; a source that somebody reads with a lag has a ``past.NAME`` of its last messages, newest first.
All of them are int64 (B, ...). Division truncates toward zero in
ONNX, which is just what a decay does; a right shift floors, so it takes the remainder off first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from exporters.onnx_export.planes import Plane, split
from sim.arithmetic import A_LIMIT, DECAY_ONE, U_STORED, V_MAX, VTH_SHIFT, WRAP
from sim.arithmetic.registry import require_arithmetic
from sim.errors import UnsupportedError
from sim.order import step_order
from sim.program import INPUT, Connection, Conv, Dense, Population, Program

__all__ = ["StepNodes", "build_step", "longest_lags", "resting", "state_names"]

COMPUTED = ("loihi",)
"""The arithmetics whose step is written here."""

INT32_LIMIT = 1 << 31


def longest_lags(program: Program) -> dict[str, int]:
    """Return, for every source that is read late, how many of its messages must be kept."""
    lags: dict[str, int] = {}
    for population in program.populations:
        for connection in population.inputs:
            if connection.lag:
                lags[connection.source] = max(lags.get(connection.source, 0), connection.lag)
    return lags


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

    def axes(self, *values: int) -> str:
        """Return a constant vector of int64."""
        return self.constant(np.asarray(values, dtype=np.int64))


def build_step(program: Program) -> StepNodes:
    """Write the step: ``input``, ``u.p``, ``v.p``, ``past.s`` in; ``u.p.next``, ``v.p.next``, ``spikes.p``, ... out."""
    require_arithmetic(program.arithmetic, COMPUTED, "the ONNX export")
    step = StepNodes(program)
    current = {INPUT: INPUT}
    for population in step_order(program.populations):
        a = _accumulate(step, population, current)
        current[population.name] = _neuron(step, population, a)
    for source, kept in longest_lags(program).items():
        newest = step.node("Unsqueeze", current[source], step.axes(1))
        joined = step.node("Concat", newest, f"past.{source}", axis=1) if kept else newest
        step.node("Slice", joined, step.axes(0), step.axes(kept), step.axes(1), output=f"past.{source}.next")
    flags = [step.node("Reshape", flag, step.axes(1)) for flag in step.flags]
    either = step.node("Concat", *flags, axis=0)
    step.node("ReduceMax", either, output="overflow", keepdims=0)
    return step


def _accumulate(step: StepNodes, population: Population, current: dict[str, str]) -> str:
    """Write a: the shifted sums of all connections."""
    total: str | None = None
    for connection in population.inputs:
        if connection.lag:
            past = step.node("Gather", f"past.{connection.source}", step.constant(connection.lag - 1), axis=1)
        else:
            past = current[connection.source]
        term = _shift(step, _apply(step, population, connection, past), connection.exponent)
        total = term if total is None else step.node("Add", total, term)
    if total is None:
        return step.constant(0)
    _flag_beyond(step, total, A_LIMIT)
    return total


def _flag_beyond(step: StepNodes, value: str, limit: int) -> None:
    """Write a flag that is 1 where the step leaves the machine."""
    beyond = step.node("GreaterOrEqual", step.node("Abs", value), step.constant(limit))
    step.flags.append(step.node("ReduceMax", step.node("Cast", beyond, to=_int64()), keepdims=0))


def _int64() -> int:
    from onnx import TensorProto

    return int(TensorProto.INT64)


def _uint8() -> int:
    from onnx import TensorProto

    return int(TensorProto.UINT8)


def _shift(step: StepNodes, value: str, exponent: int) -> str:
    if exponent > 0:
        return step.node("Mul", value, step.constant(1 << exponent))
    if exponent < 0:
        divisor = step.constant(1 << -exponent)
        return step.node("Div", step.node("Sub", value, step.node("Mod", value, divisor)), divisor)
    return value


def _apply(step: StepNodes, population: Population, connection: Connection, messages: str) -> str:
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
            term = step.node("Cast", product, to=_int64())
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
        planes.append((scale, 0, step.node("Cast", low, to=_uint8())))
        wide = step.node("Div", step.node("Sub", wide, low), step.constant(256))
        lo, hi, scale = lo // 256, hi // 256, scale * 256
    shifted = step.node("Sub", wide, step.constant(lo)) if lo else wide
    planes.append((scale, -lo, step.node("Cast", shifted, to=_uint8())))
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


def _per_neuron(step: StepNodes, values: NDArray[np.integer]) -> str:
    """Return a register as a constant: one number where all neurons share it."""
    first = int(values.reshape(-1)[0])
    return step.constant(first) if (values == first).all() else step.constant(values.astype(np.int64)[None])


def _decay(step: StepNodes, value: str, d: NDArray[np.integer]) -> str:
    kept = _per_neuron(step, DECAY_ONE - d.astype(np.int64))
    return step.node("Div", step.node("Mul", value, kept), step.constant(DECAY_ONE))


def _where(step: StepNodes, *operands: str, output: str | None = None) -> str:
    return step.node("Where", *operands, output=output)


def _neuron(step: StepNodes, p: Population, a: str) -> str:
    """Write the neurons' update and return the name of their spikes."""
    raised = step.node("Mul", a, step.constant(1 << VTH_SHIFT))
    u = step.node("Add", _decay(step, f"u.{p.name}", p.du.astype(np.int64) + 1), raised)
    high, low = step.constant(WRAP), step.constant(-WRAP)
    fallen = step.node("Sub", u, step.constant(2 * WRAP))
    risen = step.node("Add", u, step.constant(2 * WRAP))
    upper = _where(step, step.node("Greater", u, high), fallen, u)
    u = _where(step, step.node("LessOrEqual", u, low), risen, upper, output=f"u.{p.name}.next")
    _flag_beyond(step, u, U_STORED)
    bias = p.bias_mantissa.astype(np.int64) << p.bias_exponent
    v = step.node("Add", step.node("Add", _decay(step, f"v.{p.name}", p.dv), u), _per_neuron(step, bias))
    v = step.node("Min", step.node("Max", v, step.constant(-V_MAX)), step.constant(V_MAX))
    threshold = _per_neuron(step, p.vth.astype(np.int64) << VTH_SHIFT)
    compare = "GreaterOrEqual" if p.fires and p.properties["at_threshold"] else "Greater"
    fires = step.node(compare, v, threshold if p.fires else step.constant(V_MAX))
    if p.properties["refractory"]:
        held = step.node("Greater", resting(p), step.constant(0))
        v = _where(step, held, f"v.{p.name}", v)
        fires = step.node("And", fires, step.node("Not", held))
        left = step.node("Max", step.node("Sub", resting(p), step.constant(1)), step.constant(0))
        _where(step, fires, step.constant(int(p.properties["refractory"])), left, output=f"{resting(p)}.next")
    several = _count(step, p, v, fires, threshold) if p.properties["most"] != 1 else None
    match p.reset:
        case "zero":
            after = step.constant(0)
        case "subtract":
            taken = threshold if several is None else step.node("Mul", several, threshold)
            after = step.node("Sub", v, taken)
        case "none":
            after = v
        case _:
            assert_never(p.reset)
    _where(step, fires, after, v, output=f"v.{p.name}.next")
    return several or step.node("Cast", fires, to=_int64(), output=f"spikes.{p.name}")


def _count(step: StepNodes, p: Population, v: str, fires: str, threshold: str) -> str:
    """Write how many spikes the neurons send: v is above its threshold where ``fires``, so the division floors."""
    above = v if p.properties["at_threshold"] else step.node("Sub", v, step.constant(1))
    fits = step.node("Min", step.node("Div", above, threshold), step.constant(int(p.properties["most"])))
    return _where(step, fires, fits, step.constant(0), output=f"spikes.{p.name}")


def resting(population: Population) -> str:
    """Return the name of the steps that neurons still rest; no population can have it."""
    return f"past.rest:{population.name}"


def state_names(program: Program) -> Sequence[str]:
    """Return the names of the state tensors, in the order of the step's inputs and outputs."""
    registers = [f"{r}.{p.name}" for p in program.populations for r in ("u", "v")]
    rests = [resting(p) for p in program.populations if p.properties["refractory"]]
    return [*registers, *rests, *(f"past.{source}" for source in longest_lags(program))]
