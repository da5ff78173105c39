"""Messages that are added to a state one after the other, each sum clipped: where the order of sources can matter.

    x = clip(x + (weight << exponent) * message)    the input's elements first, then neurons as the program lists them

With P the sum of what is above zero and N of what is below, every order gives x + P + N where x + P and x + N both stay
within the ends; only neurons in which that fails are added up one by one. Messages are never negative here.
"""

from collections.abc import Sequence
from typing import assert_never, cast

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.description import Int, Span
from sim.parts import INPUT, Conv, Dense, Draft, Population, Wiring
from sim.wiring import apply, as_matrix

__all__ = ["Arrivals", "arrival_order", "parts"]


def arrival_order(program: Draft, population: Population) -> list[int]:
    """Return the connections of a population by place, in the order in which their sources arrive."""
    position = {INPUT: -1, **{p.name: place for place, p in enumerate(program.populations)}}
    return sorted(range(len(population.inputs)), key=lambda i: (position[population.inputs[i].source], i))


def parts(wiring: Wiring) -> tuple[Wiring, Wiring]:
    """Return the wiring with its positive weights alone, and with its negative ones."""
    positive, negative = np.maximum(wiring.weight, 0), np.minimum(wiring.weight, 0)
    match wiring:
        case Dense():
            return Dense(positive), Dense(negative)
        case Conv():
            place = (wiring.stride, wiring.padding, wiring.dilation, wiring.groups)
            return Conv(positive, *place), Conv(negative, *place)
        case _:
            assert_never(wiring)


class Arrivals:
    """How messages reach the states of one population."""

    def __init__(self, program: Draft, population: Population) -> None:
        described = program.described
        self.population, self.receiving = population, described.receiving
        self.limits = [
            described.limits_of(s) for name in described.receiving for s in described.states if s.name == name
        ]
        self.order = arrival_order(program, population)
        self.shapes = [program.shape_of(c.source) for c in population.inputs]
        self.signed = [parts(c.wiring) for c in population.inputs]
        self.rows: dict[int, Int] = {}

    def add(self, states: Sequence[Int], messages: Sequence[Int | None]) -> tuple[Int, NDArray[np.bool_]]:
        """Return by how much each receiving state has moved, (ports, B, *shape), and where a sum was clipped.

        ``messages`` holds those of every connection, None from before step 0.
        """
        moved = np.zeros((len(states), *states[0].shape), dtype=np.int64)
        clipped = np.zeros(states[0].shape, dtype=np.bool_)
        for port, (state, limits) in enumerate(zip(states, self.limits, strict=True)):
            heard = [(i, m) for i in self.order if (m := messages[i]) is not None and self._port(i) == port]
            up, down = (sum((self._sum(i, m, side) for i, m in heard), np.zeros_like(state)) for side in (0, 1))
            careful = (state + up > limits[1]) | (state + down < limits[0])
            moved[port] = up + down
            if careful.any():
                moved[port][careful], cut = self._one_by_one(state, heard, careful, limits)
                clipped[careful] |= cut
        return moved, clipped

    def _port(self, index: int) -> int:
        return self.population.inputs[index].port

    def _sum(self, index: int, messages: Int, side: int) -> Int:
        product = apply(self.signed[index][side], messages, self.shapes[index], self.population.shape)
        return cast("Int", product << self.population.inputs[index].exponent)

    def _one_by_one(
        self, state: Int, heard: Sequence[tuple[int, Int]], careful: NDArray[np.bool_], limits: Span
    ) -> tuple[Int, NDArray[np.bool_]]:
        """Return by how much the neurons marked in ``careful`` move, and which of them were clipped on the way."""
        sample, *_ = np.nonzero(careful)
        neuron = np.nonzero(careful.reshape(len(careful), -1))[1]
        x = before = state[careful]
        clipped = np.zeros(x.shape, dtype=np.bool_)
        for index, messages in heard:
            weights, sent = self._rows(index), messages.reshape(len(messages), -1)
            for source in np.flatnonzero(sent.any(axis=0)):
                grown = x + weights[source, neuron] * sent[sample, source]
                x = np.clip(grown, *limits)
                clipped |= x != grown
        return x - before, clipped

    def _rows(self, index: int) -> Int:
        """Return a connection as a matrix (source element, neuron), its exponent applied."""
        if index not in self.rows:
            connection, shape = self.population.inputs[index], self.shapes[index]
            self.rows[index] = as_matrix(connection.wiring, shape, self.population.shape) << connection.exponent
        return self.rows[index]
