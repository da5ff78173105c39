"""The least and the greatest sum of messages that can arrive, each weight meeting the message that pushes its way."""

from collections.abc import Callable, Mapping

import numpy as np

from sim.arithmetic.description import Int, shift
from sim.arrival import parts
from sim.program import Population, Wiring
from sim.wiring import apply

__all__ = ["sums_at"]


def sums_at(
    population: Population,
    port: int,
    messages: Mapping[str, tuple[int, int]],
    shape_of: Callable[[str], tuple[int, ...]],
) -> tuple[Int, Int]:
    """Return the least and the greatest sum that arrives at one port of every neuron."""
    low = np.zeros(population.shape, dtype=np.int64)
    high = np.zeros(population.shape, dtype=np.int64)
    for connection in population.inputs:
        if connection.port != port:
            continue
        least, most = messages[connection.source]
        shape = shape_of(connection.source)
        positive, negative = parts(connection.wiring)

        def pushed(wiring: Wiring, message: int, shape: tuple[int, ...] = shape) -> Int:
            return np.asarray(apply(wiring, np.full((1, *shape), message, dtype=np.int64), shape, population.shape)[0])

        high += shift(pushed(positive, most) + pushed(negative, least), connection.exponent)
        low += shift(pushed(positive, least) + pushed(negative, most), connection.exponent)
    return low, high
