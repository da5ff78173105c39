"""Fold a run of several steps into one step that holds for all of them."""

from collections.abc import Sequence
from dataclasses import replace

from snn2hw.problems import Problem
from snn2hw.sources.expression.neurons import NetworkStep, NeuronLayer
from snn2hw.sources.expression.operations import Scale
from snn2hw.sources.expression.values import Applied, Unreadable, Value, alike, latest, shifted, started
from snn2hw.sources.from_norse.time_axis import unrolled_sum
from snn2hw.sources.from_norse.tracer import Tag, Thread

__all__ = ["fold"]


def fold(
    threads: Sequence[Thread], outputs: Sequence[Tag], steps: int, known: Sequence[Problem]
) -> tuple[NetworkStep | None, list[Problem]]:
    """Return the step that every layer repeats, and the problems where there is none beside the ``known`` ones."""
    problems: list[Problem] = []
    layers = []
    places = {problem.where for problem in known}
    for thread in threads:
        if thread.where in places:
            continue
        reads = _repeated(thread.inputs, steps, thread.where, problems)
        if reads is not None:
            layers.append(NeuronLayer(thread.path, thread.where, thread.shape, thread.neurons, reads))
    values, decoded = _output_values(outputs, steps)
    if not values or known:
        return None, problems
    output = _repeated(values, steps, "output", problems)
    return (None if problems or output is None else NetworkStep(tuple(layers), output, decoded)), problems


def _output_values(outputs: Sequence[Tag], steps: int) -> tuple[list[Value], str]:
    """Return the output of every step and how the module combines them."""
    values = [v for tag in outputs for v in tag.values]
    decoded = outputs[0].decoded
    if len(values) == 1 and steps > 1:
        (value,) = values
        mean = isinstance(value, Applied) and isinstance(value.layer, Scale)
        inner = value.of if isinstance(value, Applied) and mean else value
        terms = unrolled_sum(inner, steps)
        if terms is not None and isinstance(value, Applied) and mean:
            factor = value.layer
            return [replace(value, layer=factor, of=term) for term in terms], decoded or "sum over time"
        if terms is not None:
            return list(terms), decoded or "sum over time"
        if latest(value) == steps - 1 and not isinstance(value, Unreadable):
            return [shifted(value, t - steps + 1) for t in range(steps)], decoded or "last step"
    return values, decoded


def _repeated(values: Sequence[Value], steps: int, where: str, problems: list[Problem]) -> Value | None:
    """Return what is computed in every step, relative to now; the first steps may lack what comes from before them."""
    if len(values) != steps:
        problems.append(
            Problem(
                where, f"runs in {len(values)} of {steps} steps", "call it once in every step, and read all steps out"
            )
        )
        return None
    last = shifted(values[-1], 1 - steps)
    if (latest(last) or 0) > 0:
        problems.append(Problem(where, "reads a later step than its own", "let it read this step or one before"))
        return None
    for t, value in enumerate(values[:-1]):
        if not alike(started(shifted(last, t)), started(value)):
            what = f"computes something else in step {t} than in step {steps - 1}"
            problems.append(
                Problem(where, what, "compute the same in every step, with zeros for what came before step 0")
            )
            return None
    return last
