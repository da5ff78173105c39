"""Where two Programs differ: what a damaged artifact holds, against the Program it was made from."""

from collections.abc import Iterator

import numpy as np

from sim.program import Conv, Population, Program

__all__ = ["program_difference"]


def program_difference(expected: Program, got: Program) -> str | None:
    """Return the first difference by population, in the order of the program; None where the digests are equal."""
    if expected.digest == got.digest:
        return None
    if expected.input != got.input:
        return f"the input is {got.input}, expected {expected.input}"
    if expected.arithmetic != got.arithmetic:
        return f"the arithmetic is {got.arithmetic!r}, expected {expected.arithmetic!r}"
    names = [p.name for p in got.populations]
    if names != [p.name for p in expected.populations]:
        return f"the populations are {', '.join(names)}"
    for left, right in zip(expected.populations, got.populations, strict=True):
        for what in _differences(left, right):
            return f"population {left.name!r}: {what}"
    return "the record differs"


def _differences(expected: Population, got: Population) -> Iterator[str]:
    for name in ("shape", "reset", "fires"):
        if getattr(expected, name) != getattr(got, name):
            yield f"{name} is {getattr(got, name)}, expected {getattr(expected, name)}"
    for name in expected.properties:
        if expected.properties[name] != got.properties[name]:
            yield f"{name} is {got.properties[name]}, expected {expected.properties[name]}"
    for name, values in expected.registers.items():
        found = got.registers[name]
        if values.shape == found.shape and (values != found).any():
            neuron = tuple(int(i[0]) for i in np.nonzero(values != found))
            yield f"{name} of neuron {neuron} is {found[neuron]}, expected {values[neuron]}"
    if len(expected.inputs) != len(got.inputs):
        yield f"reads {len(got.inputs)} sources, expected {len(expected.inputs)}"
    for left, right in zip(expected.inputs, got.inputs, strict=False):
        if (left.source, left.exponent, left.lag, left.port) != (right.source, right.exponent, right.lag, right.port):
            yield f"a connection from {right.source!r} is not the one expected"
        geometry = [
            (c.stride, c.padding, c.dilation, c.groups) for c in (left.wiring, right.wiring) if isinstance(c, Conv)
        ]
        weights = left.wiring.weight, right.wiring.weight
        if (
            type(left.wiring) is not type(right.wiring)
            or geometry[:1] != geometry[1:]
            or weights[0].shape != weights[1].shape
        ):
            yield f"the wiring from {left.source!r} is another"
        elif (weights[0] != weights[1]).any():
            place = tuple(int(i[0]) for i in np.nonzero(weights[0] != weights[1]))
            yield f"weight {place} from {left.source!r} is {weights[1][place]}, expected {weights[0][place]}"
