"""A run taken apart into countable things that have a price: events of every view, and traffic to memory.

An amount has three ends: ``low`` under the kindest assumption, ``counted`` as the run counted it, ``high`` under the
harshest. Whatever follows the messages is ``driven``; neuron updates are not: they go on in silence.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, assert_never

import numpy as np

from sim.arithmetic.description import Int
from sim.arithmetic.registry import get_arithmetic
from sim.program import INPUT, Conv, Dense, Population, Program
from sim.trace import Counts
from sim.weight_rule import weight_bits
from snn2hw.ann.macs import EffectiveMacs, MacCensus
from snn2hw.ann.weight_forms import WeightCensus, census_of
from snn2hw.costs.held import can_hold, forgets_u
from snn2hw.costs.prices import Event

__all__ = ["Side", "Traffic", "Workload", "ann_workload", "spiking_workload"]

Side = Literal["snn", "ann"]

UPDATES: frozenset[Event] = frozenset({"update_active", "update_inactive", "update", "state_add", "state_multiply"})
"""Events that do not follow the messages."""


@dataclass(frozen=True, eq=False)
class Traffic:
    """Accesses of ``bits`` to an array of ``stored_bits``, per sample; ``least`` if nothing moves twice in a pass."""

    what: str
    bits: int
    stored_bits: int
    accesses: Int  # b
    least: Int  # b
    driven: bool
    skipped: Int | None = None  # b: where products with zero fetch nothing
    weights: WeightCensus | None = None  # of an array of weights, which may be held in another form than dense
    kept: bool = True  # whether a later step reads what is stored


@dataclass(frozen=True, eq=False)
class Workload:
    """What one network did for each of ``samples`` inferences."""

    side: Side
    samples: int
    events: Mapping[Event, Int]  # b
    least: Mapping[Event, Int]  # b: where fewer would do, on hardware that skips zeros and neurons at rest
    traffic: tuple[Traffic, ...]
    most: Mapping[Event, Int] = field(default_factory=dict)  # b: where it is not known how many there are

    @property
    def driven(self) -> frozenset[Event]:
        """Return the events that scale with the messages."""
        return frozenset(self.events) - UPDATES if self.side == "snn" else frozenset()


def spiking_workload(program: Program, counts: Counts, steps: int, *, held: bool = False) -> Workload:
    """Take an integer run apart.

    A synop of a binary message is an accumulation, one of a graded message a multiply-accumulate: of an input, and of
    populations that send several spikes in one. Messages are counted once per reading population. A state update
    multiplies u unless du = 4095 and v unless dv = 0. Hops are none: they need a mesh. Where the input is constant
    and may be ``held``, at the least its sums are made once, as a bias, and read in every step.
    """
    binary = program.input.lo >= -1 and program.input.hi <= 1
    zero = np.zeros_like(next(iter(counts.spikes.values())))
    events: dict[Event, Int] = dict.fromkeys(_SNN_EVENTS, zero)
    least: dict[Event, Int] = {"state_multiply": zero, "state_add": zero}
    saved: dict[Event, Int] = {}

    def add(event: Event, amount: Int) -> None:
        events[event] = events[event] + amount

    for p in program.populations:
        for index, connection in enumerate(p.inputs):
            synops = counts.synops_by_connection[p.name][index]
            match connection.wiring:
                case Dense():
                    add("synop_dense", synops)
                case Conv():
                    add("synop_conv", synops)
                case _:
                    assert_never(connection.wiring)
            graded = not binary if connection.source == INPUT else program.by_name[connection.source].most_sent > 1
            product: Event = "multiply_accumulate" if graded else "accumulate"
            add(product, synops)
            add("synop", synops)
            if held and can_hold(p, connection):
                kind: Event = "synop_dense" if isinstance(connection.wiring, Dense) else "synop_conv"
                spared = synops - _summed_once(synops, p.size, steps)
                for event in (kind, product, "synop"):
                    saved[event] = saved.get(event, zero) + spared
        for delivered, brought in _messages(p, counts, steps, held=held):
            add("message", delivered)
            saved["message"] = saved.get("message", zero) + delivered - brought
        for event, (counted, fewest) in _per_update(program, p, counts).items():
            add(event, counted)
            if event in least:
                least[event] = least[event] + fewest
    traffic = tuple(t for p in program.populations for t in _traffic(program, p, counts, steps, held=held))
    least |= {event: events[event] - amount for event, amount in saved.items()}
    return Workload("snn", len(zero), events, least, traffic)


def _messages(population: Population, counts: Counts, steps: int, *, held: bool) -> Iterator[tuple[Int, Int]]:
    """Yield for every source the messages delivered to a population, and those left where a constant input is held.

    Connections of one source share its messages: of several delays, the shortest is delivered most of them.
    """
    by_source: dict[str, list[tuple[Int, Int]]] = {}
    for connection, delivered in zip(population.inputs, counts.events[population.name], strict=True):
        brought = delivered // steps if held and can_hold(population, connection) else delivered
        by_source.setdefault(connection.source, []).append((delivered, brought))
    for pairs in by_source.values():
        most, left = (np.maximum.reduce(way) for way in zip(*pairs, strict=True))
        yield most, left


def _per_update(program: Program, p: Population, counts: Counts) -> dict[Event, tuple[Int, Int]]:
    """Return what the updates of one population cost, as counted and where only active neurons are updated."""
    updates, active = counts.updates[p.name], counts.active[p.name]
    multiplies, adds = _state_operations(p)
    # what is priced is what is sent: one message, or each spike of it where the arithmetic sends them one by one
    sent = counts.spikes[p.name] if program.described.synop_of == "spike" else counts.messages[p.name]
    return {
        "update": (updates, active),
        "update_active": (active, active),
        "update_inactive": (updates - active, 0 * active),
        "state_multiply": (multiplies * updates, multiplies * active),
        "state_add": (adds * updates, adds * active),
        "spike": (sent, sent),
    }


def _summed_once(synops: Int, neurons: int, steps: int) -> Int:
    """Return the operations where sums are made once and one is added per neuron and step, if those are fewer."""
    return np.minimum(synops, synops // steps + neurons * steps)


_SNN_EVENTS: tuple[Event, ...] = (
    "synop_dense",
    "synop_conv",
    "synop",
    "message",
    "accumulate",
    "multiply_accumulate",
    "update",
    "update_active",
    "update_inactive",
    "state_multiply",
    "state_add",
    "spike",
    "hop_across",
    "hop_down",
)


def _state_operations(population: Population) -> tuple[int, int]:
    """Return (multiplications, additions and comparisons) of one neuron update."""
    dynamics = get_arithmetic(population.arithmetic).dynamics(population.neurons)
    filtered = bool((dynamics.share_u != 1).any())  # else u is the new input itself
    leaks = bool(dynamics.share_v.any())
    biased = bool(dynamics.drive.any())
    return filtered + leaks, filtered + 1 + biased + population.fires


def _traffic(program: Program, population: Population, counts: Counts, steps: int, *, held: bool) -> Iterator[Traffic]:
    """Yield the accesses of one population, reads and writes together; at the least only active neurons are updated.

    At the least nothing is stored that no later step reads: u where it is forgotten at once, u and v of a single step.
    """
    name = population.name
    reads = iter(counts.reads[name])
    synops, updates, active = counts.synops[name], counts.updates[name], counts.active[name]
    for index, connection in enumerate(population.inputs):
        message, weight = next(reads), next(reads)
        source = int(np.prod(program.shape_of(connection.source), dtype=np.int64))
        still = held and can_hold(population, connection)
        brought = message.count // steps if still else message.count
        yield Traffic("message", message.bits, source * message.bits, message.count, brought, driven=True)
        census = census_of(connection.wiring.weight)
        bits = weight_bits(program, population, index)
        once = np.minimum(weight.count, census.nonzero * steps)
        if still:  # each weight once, and per neuron and step the sum, which is as wide as the accumulator
            wide = -(-program.described.accumulator.bits // bits)
            once = np.minimum(once, weight.count // steps + wide * population.size * steps)
        yield Traffic("weight", bits, census.weights * bits, weight.count, once, driven=True, weights=census)
    states = {s.name for s in program.described.states}
    filtered = not forgets_u(population)
    for access in counts.writes[name]:
        room = population.size * access.bits
        match access.what:
            case "accumulator":  # read and written by each synop, read and cleared by each update
                yield Traffic("accumulator", access.bits, room, 2 * synops, 0 * synops, driven=True)
                yield Traffic("accumulator", access.bits, room, 2 * updates, 2 * active, driven=False)
            case "message":
                yield Traffic("message", access.bits, room, access.count, access.count, driven=True)
            case state if state in states:
                kept = steps > 1 and (state != "u" or filtered)
                least = 2 * active * kept
                yield Traffic(state, access.bits, room, 2 * updates, least, driven=False, kept=kept)
            case _:
                raise AssertionError(f"population {name!r}: {access.what} is no state that a run writes")


def ann_workload(census: MacCensus, effective: EffectiveMacs | None, samples: int, value_bits: int) -> Workload:
    """Take a conventional inference apart; with ``effective`` the low end skips every product with a zero.

    Weights are ``value_bits`` wide, or as narrow as the file has them. Sums stay in registers; a comparison or addition
    outside the products costs one addition per value made.
    """
    every = np.full(samples, census.total, dtype=np.int64)
    fewest = every if effective is None else effective.total
    simple = np.full(samples, census.simple_operations, dtype=np.int64)
    least_of = {} if effective is None else dict(zip(effective.names, effective.per_sample, strict=True))
    weights_of = {} if effective is None else effective.weights
    traffic: list[Traffic] = []
    for node in census.nodes:
        counted = np.full(samples, node.macs, dtype=np.int64)
        possible = least_of.get(node.name, counted)
        zeros = weights_of.get(node.name)
        wide = min(value_bits, node.weight_bits or value_bits)
        for what, bits, values, held in (
            ("weight", wide, node.weights, zeros),
            ("activation", value_bits, node.reads, None),
        ):
            once = np.minimum(possible, values if held is None else held.nonzero)
            traffic.append(
                Traffic(what, bits, values * bits, counted, once, driven=False, skipped=possible, weights=held)
            )
        made = np.full(samples, node.writes, dtype=np.int64)
        traffic.append(Traffic("activation", value_bits, node.writes * value_bits, made, made, driven=False))
    events: dict[Event, Int] = {
        "multiply_accumulate": every,
        "accumulate": 0 * every,
        "state_add": simple,
        "state_multiply": 0 * every,
    }
    return Workload("ann", samples, events, {"multiply_accumulate": fewest}, tuple(traffic))
