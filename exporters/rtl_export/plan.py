"""What the core must do in a step, in order, and what every memory holds: a Program laid out for the core.

Neurons stand in the order y, x, c (the channels of a pixel beside one another), and LANES of them share a word. Every
connection is written so that a right shift of a single connection in a population waits for the end, and a common
power of two in its weights goes into the exponent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.registry import require_arithmetic
from sim.order import step_order
from sim.program import INPUT, Connection, Conv, Dense, Population, Program

__all__ = ["CorePlan", "Layer", "Queue", "Rules", "Synapses", "plan_of", "three", "words_of"]

Int = NDArray[np.int64]
TOP_SHIFT = 15
TOP_LEFT = 7
REGISTERS = ("du", "dv", "vth", "bias_mantissa", "bias_exponent", "u0", "v0")
"""What the memories of the core hold of a neuron."""


@dataclass(frozen=True)
class Rules:
    """How a population fires: the greatest message of one step, ``>=`` for ``>``, steps of rest, and the reset."""

    reset: str = "zero"
    at_threshold: bool = False
    refractory: int = 0
    most: int = 1


def rules_of(population: Population) -> Rules:
    """Read them off a population; refuse what the core has no wires for."""
    population.require_known(REGISTERS, ("most", "at_threshold", "refractory"), "the RTL core")
    said: dict[str, Any] = dict(population.properties)
    return Rules(
        reset=population.reset,
        at_threshold=bool(said["at_threshold"]),
        refractory=int(said["refractory"]),
        most=int(said["most"]),
    )


@dataclass(frozen=True)
class Queue:
    """Where the messages of one source are kept: ``slots`` steps of ``size`` messages each."""

    source: int
    size: int
    slots: int
    base: int
    first_count: int
    read: bool


@dataclass(frozen=True, eq=False)
class Synapses:
    """One connection: the integers of its weights after common factors of two are taken out, and its shifts.

    ``left`` is applied to every product, ``right`` to the sum of this connection alone, 0 if it has none of its own.
    ``back`` counts steps from the newest queue of the source that there is when the walk begins.
    """

    connection: Connection
    weight: Int
    shape: tuple[int, int, int]
    left: int
    right: int
    back: int
    queue: Queue


@dataclass(frozen=True, eq=False)
class Layer:
    """One population: its connections, then its update; ``shift`` is applied to the whole sum."""

    population: Population
    rules: Rules
    shape: tuple[int, int, int]
    synapses: tuple[Synapses, ...]
    shift: int
    queue: Queue
    state_base: int
    least: int
    most: int

    @property
    def source(self) -> int:
        """Return the number under which its messages are known."""
        return self.queue.source


@dataclass(frozen=True, eq=False)
class CorePlan:
    """The layers in the order in which a step computes them; the input is source 0."""

    program: Program
    input_queue: Queue
    layers: tuple[Layer, ...]


def three(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return (C, H, W); a vector is the channels of one pixel."""
    if len(shape) == 1:
        return (shape[0], 1, 1)
    channels, height, width = shape
    return (channels, height, width)


def plan_of(program: Program, rules: Mapping[str, Rules] | None = None) -> CorePlan:
    """Lay a Program out; ``rules`` takes the place of what its populations say of themselves."""
    require_arithmetic(program.arithmetic, ("loihi",), "the RTL core")
    order = step_order(program.populations)
    rules = rules or {p.name: rules_of(p) for p in order}
    reach = {INPUT: (program.input.lo, program.input.hi), **{name: (0, rule.most) for name, rule in rules.items()}}
    place = {INPUT: -1, **{p.name: i for i, p in enumerate(order)}}
    queues = _queues(program, order, place)
    layers, base = [], 0
    for i, population in enumerate(order):
        shift, ways = _synapses(program, population, place, queues, i)
        least, most = _extremes(reach, ways)
        layers.append(
            Layer(
                population=population,
                rules=rules[population.name],
                shape=three(population.shape),
                synapses=ways,
                shift=shift,
                queue=queues[population.name],
                state_base=base,
                least=least,
                most=most,
            )
        )
        base += population.size
    return CorePlan(program, queues[INPUT], tuple(layers))


def _back(source: str, lag: int, target: int, place: dict[str, int]) -> int:
    """Return how many queues back a message lies: a source that this step has not computed yet is one step behind."""
    return lag if place[source] < target else lag - 1


def _queues(program: Program, order: tuple[Population, ...], place: dict[str, int]) -> dict[str, Queue]:
    reach: dict[str, int] = {}
    for i, population in enumerate(order):
        for c in population.inputs:
            reach[c.source] = max(reach.get(c.source, 0), _back(c.source, c.lag, i, place))
    size, slots = prod(program.input.shape), reach.get(INPUT, 0) + 2
    inputs = Queue(source=0, size=size, slots=slots, base=0, first_count=0, read=True)
    queues, base, count = {INPUT: inputs}, 0, 0
    for i, p in enumerate(order):
        slots, read = reach.get(p.name, 0) + 1, p.name in reach
        queues[p.name] = Queue(source=i + 1, size=p.size, slots=slots, base=base, first_count=count, read=read)
        base += slots * p.size if read else 0
        count += slots
    return queues


def _narrowed(connection: Connection) -> tuple[Int, int]:
    """Move the power of two that all weights share into the exponent: exact, since the shift is of their sum."""
    weight, exponent = connection.wiring.weight.astype(np.int64), connection.exponent
    while exponent < TOP_SHIFT and weight.any() and not (weight & 1).any():
        weight, exponent = weight >> 1, exponent + 1
    return weight, exponent


def _synapses(
    program: Program, population: Population, place: dict[str, int], queues: dict[str, Queue], target: int
) -> tuple[int, tuple[Synapses, ...]]:
    narrowed = [_narrowed(c) for c in population.inputs]
    exponents = [e for _, e in narrowed]
    shift = exponents[0] if len(exponents) == 1 else max(0, min(exponents, default=0))
    over = [max(0, exponent - shift - TOP_LEFT) for exponent in exponents]
    ways = [
        Synapses(
            connection=c,
            weight=weight << back,
            shape=three(program.shape_of(c.source)),
            left=max(0, exponent - shift - back),
            right=max(0, -exponent) if len(exponents) > 1 else 0,
            back=_back(c.source, c.lag, target, place),
            queue=queues[c.source],
        )
        for c, (weight, exponent), back in zip(population.inputs, narrowed, over, strict=True)
    ]
    return shift, tuple(ways)


def _extremes(reach: Mapping[str, tuple[int, int]], ways: tuple[Synapses, ...]) -> tuple[int, int]:
    """Return bounds of every sum, whole or half done: what any set of messages can bring to one neuron.

    The greatest of them counts every connection unshifted to the right, since its own sum is kept before its shift.
    """
    least = most = 0
    for way in ways:
        lo, hi = reach[way.connection.source]
        rows = way.weight.reshape(len(way.weight), -1)
        least += int(np.minimum(rows * lo, rows * hi).sum(axis=1).min()) << way.left
        most += int(np.maximum(rows * lo, rows * hi).sum(axis=1).max()) << way.left
    return least, most


def words_of(way: Synapses, target: tuple[int, int, int], lanes: int) -> tuple[int, Int]:
    """Return the accumulator words that one tap of this connection spans, and each group's first word of a pixel."""
    pixel = -(-target[0] // lanes)
    match way.connection.wiring:
        case Dense():
            return pixel * target[1] * target[2], np.zeros(1, dtype=np.int64)
        case Conv() as conv:
            outs = conv.weight.shape[0] // conv.groups
            first = np.arange(conv.groups) * outs // lanes
            span = int((-(-(np.arange(1, conv.groups + 1) * outs) // lanes) - first).max())
            return span, np.minimum(first, pixel - span)
