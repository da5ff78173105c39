"""One local step of a Program as ONNX nodes: integer operators only, state in and state out.

For every population p the step reads and writes ``u.p`` and ``v.p``, and where it rests after spikes ``past.rest:p``,
the steps that are left; a source that somebody reads with a lag has a ``past.NAME`` of its last messages, newest first.
All of them are int64 (B, ...). Division truncates toward zero in
ONNX, which is just what a decay does; a right shift floors, so it takes the remainder off first.
"""

from collections.abc import Sequence
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from exporters.onnx_export.nodes import StepNodes, apply_weights, heard, int64, per_neuron, shift, where
from exporters.onnx_export.xylo_step import write_xylo
from sim.arithmetic import A_LIMIT, DECAY_ONE, U_STORED, V_MAX, VTH_SHIFT, WRAP
from sim.arithmetic.registry import require_arithmetic
from sim.order import step_order
from sim.program import INPUT, Population, Program

__all__ = ["build_step", "longest_lags", "resting", "state_names"]

COMPUTED = ("loihi", "xylo")
"""The arithmetics whose step is written here."""


def longest_lags(program: Program) -> dict[str, int]:
    """Return, for every source that is read late, how many of its messages must be kept."""
    lags: dict[str, int] = {}
    for population in program.populations:
        for connection in population.inputs:
            if connection.lag:
                lags[connection.source] = max(lags.get(connection.source, 0), connection.lag)
    return lags


def build_step(program: Program) -> StepNodes:
    """Write the step: ``input``, ``u.p``, ``v.p``, ``past.s`` in; ``u.p.next``, ``v.p.next``, ``spikes.p``, ... out."""
    require_arithmetic(program.arithmetic, COMPUTED, "the ONNX export")
    step = StepNodes(program)
    current = {INPUT: INPUT}
    for population in step_order(program.populations):
        if program.arithmetic == "xylo":
            current[population.name] = write_xylo(step, population, current)
        else:
            current[population.name] = _neuron(step, population, _accumulate(step, population, current))
    for source, kept in longest_lags(program).items():
        newest = step.node("Unsqueeze", current[source], step.axes(1))
        joined = step.node("Concat", newest, f"past.{source}", axis=1) if kept else newest
        step.node("Slice", joined, step.axes(0), step.axes(kept), step.axes(1), output=f"past.{source}.next")
    if not step.flags:  # nothing leaves a machine that saturates
        step.node("Identity", step.constant(0), output="overflow")
        return step
    flags = [step.node("Reshape", flag, step.axes(1)) for flag in step.flags]
    either = step.node("Concat", *flags, axis=0)
    step.node("ReduceMax", either, output="overflow", keepdims=0)
    return step


def _accumulate(step: StepNodes, population: Population, current: dict[str, str]) -> str:
    """Write a: the shifted sums of all connections."""
    total: str | None = None
    for connection in population.inputs:
        messages = heard(step, connection, current)
        term = shift(step, apply_weights(step, population, connection, messages), connection.exponent)
        total = term if total is None else step.node("Add", total, term)
    if total is None:
        return step.constant(0)
    _flag_beyond(step, total, A_LIMIT)
    return total


def _flag_beyond(step: StepNodes, value: str, limit: int) -> None:
    """Write a flag that is 1 where the step leaves the machine."""
    beyond = step.node("GreaterOrEqual", step.node("Abs", value), step.constant(limit))
    step.flags.append(step.node("ReduceMax", step.node("Cast", beyond, to=int64()), keepdims=0))


def _decay(step: StepNodes, value: str, d: NDArray[np.integer]) -> str:
    kept = per_neuron(step, DECAY_ONE - d.astype(np.int64))
    return step.node("Div", step.node("Mul", value, kept), step.constant(DECAY_ONE))


def _neuron(step: StepNodes, p: Population, a: str) -> str:
    """Write the neurons' update and return the name of their spikes."""
    raised = step.node("Mul", a, step.constant(1 << VTH_SHIFT))
    u = step.node("Add", _decay(step, f"u.{p.name}", p.du.astype(np.int64) + 1), raised)
    high, low = step.constant(WRAP), step.constant(-WRAP)
    fallen = step.node("Sub", u, step.constant(2 * WRAP))
    risen = step.node("Add", u, step.constant(2 * WRAP))
    upper = where(step, step.node("Greater", u, high), fallen, u)
    u = where(step, step.node("LessOrEqual", u, low), risen, upper, output=f"u.{p.name}.next")
    _flag_beyond(step, u, U_STORED)
    bias = p.bias_mantissa.astype(np.int64) << p.bias_exponent
    v = step.node("Add", step.node("Add", _decay(step, f"v.{p.name}", p.dv), u), per_neuron(step, bias))
    v = step.node("Min", step.node("Max", v, step.constant(-V_MAX)), step.constant(V_MAX))
    threshold = per_neuron(step, p.vth.astype(np.int64) << VTH_SHIFT)
    compare = "GreaterOrEqual" if p.fires and p.properties["at_threshold"] else "Greater"
    fires = step.node(compare, v, threshold if p.fires else step.constant(V_MAX))
    if p.properties["refractory"]:
        held = step.node("Greater", resting(p), step.constant(0))
        v = where(step, held, f"v.{p.name}", v)
        fires = step.node("And", fires, step.node("Not", held))
        left = step.node("Max", step.node("Sub", resting(p), step.constant(1)), step.constant(0))
        where(step, fires, step.constant(int(p.properties["refractory"])), left, output=f"{resting(p)}.next")
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
    where(step, fires, after, v, output=f"v.{p.name}.next")
    return several or step.node("Cast", fires, to=int64(), output=f"spikes.{p.name}")


def _count(step: StepNodes, p: Population, v: str, fires: str, threshold: str) -> str:
    """Write how many spikes the neurons send: v is above its threshold where ``fires``, so the division floors."""
    above = v if p.properties["at_threshold"] else step.node("Sub", v, step.constant(1))
    fits = step.node("Min", step.node("Div", above, threshold), step.constant(int(p.properties["most"])))
    return where(step, fires, fits, step.constant(0), output=f"spikes.{p.name}")


def resting(population: Population) -> str:
    """Return the name of the steps that neurons still rest; no population can have it."""
    return f"past.rest:{population.name}"


def state_names(program: Program) -> Sequence[str]:
    """Return the names of the state tensors, in the order of the step's inputs and outputs."""
    registers = [f"{s.name}.{p.name}" for p in program.populations for s in program.described.states]
    rests = [resting(p) for p in program.populations if p.properties.get("refractory")]
    return [*registers, *rests, *(f"past.{source}" for source in longest_lags(program))]
