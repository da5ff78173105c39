"""Say what the input of a network is: what it is fed step by step, one image, or the spikes of an encoder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from snn2hw.problems import Problem
from snn2hw.sources.expression.neurons import NetworkStep
from snn2hw.sources.expression.operations import Shape
from snn2hw.sources.expression.values import Applied, Constant, HeldInput, InputStep, Noise, Value, replaced
from snn2hw.sources.from_norse.needed import Needed
from snn2hw.sources.from_norse.reshaping import flattening

__all__ = ["Settled", "settle"]


@dataclass(frozen=True)
class Settled:
    """A step that reads one input of one shape, the notes about it, and the problems where there is none."""

    step: NetworkStep
    input_shape: Shape
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


def settle(step: NetworkStep, found: Needed) -> Settled:
    """Make one input of everything that the network reads, and leave out the random numbers that it adds."""
    inputs = {value.key: value for value in found.inputs.values()}
    kinds = {_kind(value) for value in inputs.values()}
    if len(kinds) != 1:
        what = f"reads several inputs: {', '.join(sorted(kinds))}" if kinds else "does not depend on the input"
        fix = "give the network one input, and let what makes others of it run on the host"
        return Settled(step, (), problems=(Problem("input", what, fix),))
    shapes = sorted({value.shape for value in inputs.values()}, key=len)
    flats = {shape: flattening(shapes[-1], shape) for shape in shapes[:-1]}
    if unlike := [shape for shape, flat in flats.items() if flat is None]:
        what = f"is read as {shapes[-1]} and as {unlike[0]}"
        problem = Problem("input", what, "reshape it once, or join neighbouring axes only")
        return Settled(step, (), problems=(problem,))

    def new(value: Value) -> Value | None:
        if isinstance(value, Noise):
            return Constant(np.zeros(value.shape))
        if not isinstance(value, InputStep | HeldInput):
            return None
        read = InputStep(getattr(value, "time", 0), shapes[-1])
        flat = flats.get(value.shape)
        return read if flat is None else Applied(flat, read, value.shape, "flatten")

    layers = tuple(replace(layer, reads=replaced(layer.reads, new)) for layer in step.layers)
    settled = replace(step, layers=layers, output=replaced(step.output, new))
    return Settled(settled, shapes[-1], (*_input_notes(inputs), *_noise_notes(found)))


def _kind(value: InputStep | HeldInput) -> str:
    if isinstance(value, HeldInput):
        return "one image for all steps"
    return value.encoder or "what each step is fed"


def _input_notes(inputs: Mapping[bytes, InputStep | HeldInput]) -> tuple[str, ...]:
    value = next(iter(inputs.values()))
    if isinstance(value, HeldInput):
        return ("input: a constant current, the same image in every step",)
    return (f"input: the output of {value.encoder}, which runs on the host",) if value.encoder else ()


def _noise_notes(found: Needed) -> tuple[str, ...]:
    return tuple(f"random numbers that are added in every step are left out: {where}" for where in found.noise)
