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
    stack: list[tuple[Value, bool]] = [(value, False) for value in outputs]
    while stack:
        value, summed = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        match value:
            case Neuron(index=index) if index not in found.threads:
                found.threads.add(index)
                stack.extend((v, False) for v in threads[index].inputs)
            case InputStep() | HeldInput():
                found.inputs[value.key] = value
            case Noise(where=where) if summed:
                found.noise[where] = None
            case Noise(where=where):
                fix = "draw random numbers on the host and feed them as input"
                found.problems.add(Problem(where, "random numbers that differ in every call", fix))
            case Unreadable(problem=Problem() as problem):
                found.problems.add(problem)
            case _:
                pass
        stack.extend((part, isinstance(value, Total)) for part in parts(value))
    return found
