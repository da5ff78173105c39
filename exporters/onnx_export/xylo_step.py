"""The step of arithmetic ``xylo`` as ONNX nodes: states of 16 bits that saturate at every addition.

Where no partial sum leaves 16 bits, messages are added by products of matrices. Elsewhere they are added one after the
other, which a tree does: x -> min(max(x + a, low), high) after another one of that form is one of that form.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from exporters.onnx_export.nodes import StepNodes, apply_weights, heard, per_neuron, shift, where
from sim.arithmetic.xylo import LEAST, MOST
from sim.arrival import arrival_order, parts
from sim.program import Connection, Population
from sim.wiring import as_matrix

__all__ = ["write_xylo"]

FAR = 1 << 16
"""Whoever adds as much as this, or more, ends at the end of the range from wherever in it."""

PORTS = ("i", "i2")
Saturating = tuple[str, str, str]
"""Names of a, low and high of x -> min(max(x + a, low), high)."""


def write_xylo(step: StepNodes, p: Population, current: dict[str, str]) -> str:
    """Write the update of a population, its messages first; return the name of what it sends."""
    i, i2 = (_leaked(step, p, name, _received(step, p, port, current)) for port, name in enumerate(PORTS))
    v, theta = f"v.{p.name}", per_neuron(step, p.registers["theta"])
    lost = _dash(step, v, p.registers["dash_mem"])
    least = step.constant(LEAST)
    kept = where(step, step.node("Equal", lost, least), least, step.node("Neg", lost))  # -(-32768) is -32768
    change = _saturated(step, step.node("Add", step.node("Add", kept, i), i2))
    biased = _saturated(step, step.node("Add", change, per_neuron(step, p.registers["bias"])))
    raised = _saturated(step, step.node("Add", v, biased))
    most, zero = step.constant(p.most_sent), step.constant(0)
    fits = step.node("Min", step.node("Div", raised, theta), most)
    sent = where(step, step.node("GreaterOrEqual", raised, theta), fits, zero, output=f"spikes.{p.name}")
    step.node("Sub", raised, step.node("Mul", sent, theta), output=f"v.{p.name}.next")
    return sent


def _saturated(step: StepNodes, value: str) -> str:
    return step.node("Min", step.node("Max", value, step.constant(LEAST)), step.constant(MOST))


def _dash(step: StepNodes, x: str, n: NDArray[np.integer]) -> str:
    """Write x >> n, which is at least 1 of what is above zero: no x of 1 or less is above its dash."""
    divisor = per_neuron(step, np.int64(1) << n.astype(np.int64))
    floored = step.node("Div", step.node("Sub", x, step.node("Mod", x, divisor)), divisor)
    return step.node("Max", floored, step.node("Min", x, step.constant(1)))


def _leaked(step: StepNodes, p: Population, name: str, received: str) -> str:
    dash = p.registers["dash_syn" if name == "i" else "dash_syn2"]
    return step.node("Sub", received, _dash(step, received, dash), output=f"{name}.{p.name}.next")


def _received(step: StepNodes, p: Population, port: int, current: dict[str, str]) -> str:
    """Return the name of a current to which the messages of its port have been added."""
    state = f"{PORTS[port]}.{p.name}"
    order = [p.inputs[k] for k in arrival_order(step.program, p) if p.inputs[k].port == port]
    if not order:
        return state
    messages = {c: heard(step, c, current) for c in order}
    up, down = (_one_side(step, p, messages, side) for side in (0, 1))
    high, low = step.node("Add", state, up), step.node("Add", state, down)
    beyond = step.node("Greater", step.node("ReduceMax", high, keepdims=0), step.constant(MOST))
    below = step.node("Less", step.node("ReduceMin", low, keepdims=0), step.constant(LEAST))
    careful = step.node("Or", beyond, below)
    return step.node(
        "If",
        careful,
        then_branch=step.branch(lambda: _one_by_one(step, p, messages, state)),
        else_branch=step.branch(lambda: step.node("Add", high, down)),
    )


def _one_side(step: StepNodes, p: Population, messages: dict[Connection, str], side: int) -> str:
    """Write the sum of all products above zero, or of all below."""
    total = step.constant(0)
    for connection, name in messages.items():
        wiring = parts(connection.wiring)[side]
        if wiring.weight.any():
            product = apply_weights(step, p, replace(connection, wiring=wiring), name)
            total = step.node("Add", total, shift(step, product, connection.exponent))
    return total


def _one_by_one(step: StepNodes, p: Population, messages: dict[Connection, str], state: str) -> str:
    """Write the current after one message after the other, each sum clipped."""
    rows, names = [], []
    for connection, name in messages.items():
        source = step.program.shape_of(connection.source)
        rows.append(as_matrix(connection.wiring, source, p.shape) << connection.exponent)
        names.append(step.node("Reshape", name, step.axes(-1, int(np.prod(source)))))
    matrix = np.concatenate(rows)
    count = 1 << (len(matrix) - 1).bit_length()
    padded = np.zeros((1, count, p.size), dtype=np.int64)
    padded[0, : len(matrix)] = matrix
    together = step.node("Concat", *names, axis=1)
    filled = step.node("Pad", together, step.axes(0, 0, 0, count - len(matrix)))
    products = step.node("Mul", step.node("Unsqueeze", filled, step.axes(2)), step.constant(padded))
    added, low, high = _composed(step, products, count, p.size)
    moved = step.node("Add", step.node("Reshape", state, step.axes(-1, p.size)), added)
    clipped = step.node("Min", step.node("Max", moved, low), high)
    return step.node("Reshape", clipped, step.axes(-1, *p.shape))


def _composed(step: StepNodes, products: str, count: int, size: int) -> Saturating:
    """Write the additions of all products, one after the other, as one function of the state before them."""
    a = _near(step, products)
    low, high = step.constant(LEAST), step.constant(MOST)
    whole = False  # whether low and high are tensors yet
    while count > 1:
        count //= 2
        (a1, a2) = _halves(step, a, count, size)
        (low1, low2), (high1, high2) = (_halves(step, end, count, size) if whole else (end, end) for end in (low, high))
        a = _near(step, step.node("Add", a1, a2))
        low, high = (
            step.node("Min", step.node("Max", step.node("Add", end, a2), low2), high2) for end in (low1, high1)
        )
        whole = True
    flat = step.axes(-1, size)
    if whole:
        low, high = (step.node("Reshape", end, flat) for end in (low, high))
    return step.node("Reshape", a, flat), low, high


def _near(step: StepNodes, value: str) -> str:
    return step.node("Min", step.node("Max", value, step.constant(-FAR)), step.constant(FAR))


def _halves(step: StepNodes, value: str, count: int, size: int) -> tuple[str, str]:
    """Return the first and the second of every two neighbours."""
    pairs = step.node("Reshape", value, step.axes(-1, count, 2, size))
    first, second = (step.node("Gather", pairs, step.constant(k), axis=2) for k in (0, 1))
    return first, second
