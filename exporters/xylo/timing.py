"""When the neurons of a program run on a Xylo chip: an event of the input arrives at once, a spike one step later.

    start(target) = start(source) + 1 - lag         start(target) = start(input) - lag

Both are equations, for a chip of this kind has no delays: a program whose equations contradict each other has no such
time. What starts later has been running since step 0, its bias with it, so its states before step 0 must be what
the bias alone makes of nothing.
"""

from collections.abc import Mapping

import numpy as np

from sim.arithmetic.description import Arithmetic, Int
from sim.errors import UnsupportedError
from sim.program import INPUT, Connection, Population, Program

__all__ = ["check_states", "settled", "starts"]


def starts(program: Program) -> Mapping[str, int]:
    """Return the step in which the input and every population begin, the first of them 0."""
    edges = [(c, p) for p in program.populations for c in p.inputs]
    at = {INPUT: 0}
    waiting = [p.name for p in program.populations]
    while True:
        _spread(at, edges)
        left = [name for name in waiting if name not in at]
        if not left:
            break
        at[left[0]] = 0  # it hears nothing of what is placed: any start does
    for connection, population in edges:
        if at[population.name] != at[connection.source] + _travels(connection):
            what = f"population {population.name!r}: hears {connection.source!r} {connection.lag} steps late"
            fix = "a spike takes one step and an event of the input none: choose lags that let all arrive together"
            raise UnsupportedError(f"{what}, which a Xylo chip without delays cannot", fix)
    first = min(at.values())
    return {name: step - first for name, step in at.items()}


def _spread(at: dict[str, int], edges: list[tuple[Connection, Population]]) -> None:
    """Place everything that is connected with what is placed."""
    moved = True
    while moved:
        moved = False
        for connection, population in edges:
            far = _travels(connection)
            if connection.source in at and population.name not in at:
                at[population.name] = at[connection.source] + far
                moved = True
            elif population.name in at and connection.source not in at:
                at[connection.source] = at[population.name] - far
                moved = True


def _travels(connection: Connection) -> int:
    return (connection.source != INPUT) - connection.lag


def settled(arithmetic: Arithmetic, p: Population, steps: int) -> Mapping[str, Int]:
    """Return the states before step 0, by register, of a population that has run for ``steps`` steps on its bias."""
    states: Mapping[str, Int] = {s.name: np.zeros((1, *p.shape), dtype=np.int64) for s in arithmetic.states}
    for step in range(steps):
        made = arithmetic.step(p.neurons, states, np.zeros((arithmetic.ports, 1, *p.shape), dtype=np.int64))
        if made.sent.any():
            what = f"population {p.name!r}: its bias fires in step {step}, before its step 0 in step {steps}"
            raise UnsupportedError(what, "lower the bias or raise the threshold")
        states = made.states
    return {s.initial: states[s.name][0] for s in arithmetic.states}


def check_states(program: Program, start: Mapping[str, int]) -> None:
    """Refuse a state before step 0 that is not what the bias makes in the steps before, and a bias that fires there."""
    for p in program.populations:
        for register, values in settled(program.described, p, start[p.name]).items():
            if (p.registers[register] != values).any():
                what = f"population {p.name!r}: {register} cannot be set on a Xylo chip"
                raise UnsupportedError(what, f"give it {int(values.flat[0])}, what its bias makes of 0")
