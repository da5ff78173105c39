"""Fold a run of several steps into one step that holds for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from snn2hw.problems import Problem
from snn2hw.sources.expression.neurons import NetworkStep, NeuronLayer
from snn2hw.sources.expression.operations import Scale
from snn2hw.sources.expression.values import (
    Applied,
    Neuron,
    Unreadable,
    Value,
    alike,
    latest,
    replaced,
    shifted,
    started,
)
from snn2hw.sources.from_norse.time_axis import unrolled_sum
from snn2hw.sources.from_norse.tracer import Tag, Thread

__all__ = ["Folded", "fold"]


@dataclass(frozen=True)
class Folded:
    """The step that every layer repeats, None where there is none, and the problems that keep it from being one."""

    step: NetworkStep | None
    problems: tuple[Problem, ...]


def fold(threads: Sequence[Thread], outputs: Sequence[Tag], steps: int) -> Folded:
    """Return the one step of the layers that the output needs, numbered anew."""
    problems = _forgotten(threads, steps)
    if problems:
        return Folded(None, tuple(problems))
    layers = []
    places = {thread.index: n for n, thread in enumerate(threads)}
    for thread in threads:
        reads = _repeated(thread.inputs, steps, thread.where, problems)
        if reads is not None:
            reads = _renumbered(reads, places)
            layers.append(
                NeuronLayer(
                    name=thread.path, where=thread.where, shape=thread.shape, neurons=thread.neurons, reads=reads
                )
            )
    values, decoded = _output_values(outputs, steps)
    output = None if problems else _repeated(values, steps, "output", problems)
    if problems or output is None:
        return Folded(None, tuple(problems))
    return Folded(NetworkStep(tuple(layers), _renumbered(output, places), decoded), ())


def _forgotten(threads: Sequence[Thread], steps: int) -> list[Problem]:
    """Find layers that begin anew in every step: as many of one module as there are steps, with one input each."""
    begun: dict[int, list[Thread]] = {}
    for thread in threads:
        if len(thread.inputs) == 1:
            begun.setdefault(id(thread.cell.owner), []).append(thread)
    fix = "keep the state that it returns and give it back in the next step"
    lost = [several[0] for several in begun.values() if len(several) >= max(steps, 2)]
    return [Problem(t.where, f"{t.cell.name} starts without its state after the first step", fix) for t in lost]


def _renumbered(value: Value, places: dict[int, int]) -> Value:
    """Return ``value`` with its neurons' layers numbered as they are kept."""

    def new(part: Value) -> Value | None:
        return replace(part, index=places[part.index]) if isinstance(part, Neuron) else None

    return replaced(value, new)


def _output_values(outputs: Sequence[Tag], steps: int) -> tuple[list[Value], str]:
    """Return the output of every step and how the module combines them."""
    values = [v for tag in outputs for v in tag.whole or tag.values]
    decoded = outputs[0].decoded
    if outputs[0].part and not decoded:
        decoded = f"steps {outputs[0].part}"
    if len(values) == 1 and steps > 1:
        (value,) = values
        scaled = isinstance(value, Applied) and isinstance(value.layer, Scale)
        terms = unrolled_sum(value.of if isinstance(value, Applied) and scaled else value, steps)
        if terms is not None:
            values = [replace(value, of=term) if isinstance(value, Applied) and scaled else term for term in terms]
            decoded = _joined("sum over time", decoded)
        elif latest(value) == steps - 1 and not isinstance(value, Unreadable):
            return [shifted(value, t - steps + 1) for t in range(steps)], _joined("last step", decoded)
    if decoded.startswith("sum over time") and len(values) == steps and all(_is_share(v, steps) for v in values):
        values = [v.of for v in values if isinstance(v, Applied)]
        decoded = decoded.replace("sum", "mean", 1)
    return values, decoded


def _is_share(value: Value, steps: int) -> bool:
    """Return whether a value is divided by the number of steps, so that a sum of them is a mean."""
    if not (isinstance(value, Applied) and isinstance(value.layer, Scale)):
        return False
    return bool(np.allclose(value.layer.factor * steps, 1.0, rtol=1e-6, atol=0))


def _joined(read: str, decoded: str) -> str:
    if not decoded:
        return read
    return decoded if decoded.startswith(read) else f"{read}, {decoded}"


def _repeated(values: Sequence[Value], steps: int, where: str, problems: list[Problem]) -> Value | None:
    """Return what is computed in every step, relative to now; the first steps may lack what comes from before them."""
    if len(values) != steps:
        fix = "call it once in every step, and read all steps out"
        problems.append(Problem(where, f"runs in {len(values)} of {steps} steps", fix))
        return None
    last = shifted(values[-1], 1 - steps)
    if (latest(last) or 0) > 0:
        problems.append(Problem(where, "reads a later step than its own", "let it read this step or one before"))
        return None
    for t, value in enumerate(values[:-1]):
        if not alike(started(shifted(last, t)), started(value)):
            what = f"computes something else in step {t} than in step {steps - 1}"
            fix = "compute the same in every step, with zeros for what came before step 0"
            problems.append(Problem(where, what, fix))
            return None
    return last
