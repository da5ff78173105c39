"""The conventional side of listening: products, weights and values of one pass, and how many passes there are.

Without a network of one's own the other side is the twin by shape: every connection of the program with a ReLU behind
every population, computed once per frame; what earlier frames left is kept, as the program's delays keep it, so nothing
is computed twice. It needs no training to be counted, but what its ReLUs would leave at zero is not known.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.program import INPUT, Connection, Population, Program
from sim.wiring import apply, synapse_count
from snn2hw.ann.macs import EffectiveMacs, MacCensus
from snn2hw.costs.equal_rule import Rule, dense_synapses

__all__ = ["Passes", "Products", "onnx_passes", "twin_passes"]


class Products(NamedTuple):
    """One multiplying node over all passes."""

    products: float
    hidden: bool
    """Whether what it multiplies is an activation of which nobody knows how often it is zero."""
    weights: int
    reads: int


@dataclass(frozen=True)
class Passes:
    """A conventional network over a whole sound."""

    name: str
    passes: int
    nodes: tuple[Products, ...]
    values: int
    """Values that one pass writes."""
    simple: int
    """Operations without a product of one pass: activations, additions."""
    complete: bool


def twin_passes(program: Program, messages: NDArray[np.integer], rule: Rule) -> Passes:
    """Return the twin by shape on messages (t, m), one pass a frame."""
    nodes = tuple(_node(program, p, c, messages, rule) for p in program.populations for c in p.inputs)
    neurons = sum(p.size for p in program.populations)
    firing = sum(p.size for p in program.populations if p.fires)
    return Passes(
        name="the twin by shape",
        passes=len(messages),
        nodes=nodes,
        values=neurons,
        simple=firing,
        complete=True,
    )


def _node(
    program: Program, population: Population, connection: Connection, messages: NDArray[np.integer], rule: Rule
) -> Products:
    source = program.shape_of(connection.source)
    heard = connection.source == INPUT
    if rule == "dense":
        products = dense_synapses(program, population, connection) * len(messages)
    elif heard:
        products = int(((messages != 0) @ fan_out(connection, source, population.shape)).sum())
    else:
        products = synapse_count(connection.wiring, source, population.shape) * len(messages)
    return Products(
        products=products,
        hidden=rule == "skipping" and not heard,
        weights=connection.wiring.weight.size,
        reads=int(np.prod(source)),
    )


def fan_out(connection: Connection, source: tuple[int, ...], target: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the weights that are not zero that every element of the source meets."""
    one_each = np.eye(int(np.prod(source)), dtype=np.int64).reshape(-1, *source)
    met = apply(connection.wiring, one_each, source, target).reshape(len(one_each), -1)
    return np.asarray(np.count_nonzero(met, axis=1), dtype=np.int64)


def onnx_passes(name: str, census: MacCensus, effective: EffectiveMacs | None, passes: int, rule: Rule) -> Passes:
    """Return a network of a file, run so many times; by the skipping rule with the mean of its samples, where given."""
    mean = {} if effective is None else dict(zip(effective.names, effective.per_sample.mean(axis=1), strict=True))
    nodes = tuple(
        Products(
            products=passes * float(mean.get(node.name, node.macs) if rule == "skipping" else node.macs),
            hidden=rule == "skipping" and effective is None,
            weights=node.weights,
            reads=node.reads,
        )
        for node in census.nodes
    )
    return Passes(
        name=name,
        passes=passes,
        nodes=nodes,
        values=sum(n.writes for n in census.nodes),
        simple=census.simple_operations,
        complete=census.complete,
    )
