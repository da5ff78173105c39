"""What the output of a traced run needs: layers of neurons, inputs, and the problems on the way to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from snn2hw.problems import Problem
from snn2hw.sources.expression.values import HeldInput, InputStep, Neuron, Noise, Total, Unreadable, Value, parts
from snn2hw.sources.from_norse.tracer import Thread

__all__ = ["Needed", "needed"]


@dataclass
class Needed:
    """What was found on the way from the output back to the inputs."""

    threads: set[int] = field(default_factory=set)
    inputs: dict[bytes, InputStep | HeldInput] = field(default_factory=dict)
    noise: dict[str, None] = field(default_factory=dict)
    problems: set[Problem] = field(default_factory=set)


def needed(outputs: Iterable[Value], threads: Sequence[Thread]) -> Needed:
    """Walk back from the outputs, through every layer of neurons on the way."""
    found = Needed()
    seen: set[int] = set()
    stack: list[tuple[Value, Value | None]] = [(value, None) for value in outputs]
    while stack:
        value, reader = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        match value:
            case Neuron(index=index) if index not in found.threads:
                found.threads.add(index)
                stack.extend((v, None) for v in threads[index].inputs)
            case InputStep() | HeldInput():
                found.inputs[value.key] = value
            case Noise(where=where) if isinstance(reader, Total):
                found.noise[where] = None
            case Noise(where=where) if not isinstance(reader, Unreadable):
                fix = "draw random numbers on the host and feed them as input"
                found.problems.add(Problem(where, "random numbers that differ in every call", fix))
            case Unreadable(problem=Problem() as problem) if not _same_cause(value, problem, reader):
                found.problems.add(problem)
            case _:
                pass
        stack.extend((part, value) for part in parts(value))
    return found


def _same_cause(value: Unreadable, problem: Problem, reader: Value | None) -> bool:
    """Return whether another call in the same place tells of this one.

    In a line of the user's it is the first that does, in a module of torch's own the last.
    """
    of_user = "," in problem.where
    others = value.of if of_user else (reader,)
    return any(
        isinstance(other, Unreadable) and other.problem is not None and other.problem.where == problem.where
        for other in others
    )
