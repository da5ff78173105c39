"""A part of a population that lies in one core, and what it takes there.

A slice is a box: `low` to `high` along every axis of the population's shape. What it reads of a source is a window of
the source's shape, with the number of synapses that a message of each source neuron meets in the slice.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from sim.parts import Conv, Dense
from sim.program import Population, Program
from sim.weight_rule import weight_bits
from snn2hw.placement.encodings import axon_bits, index_bits, kernel_rows, row_bits, stored_bits

__all__ = ["Box", "Slice", "SliceReads", "Window", "axons_in", "lines", "slice_of", "whole"]

Window = tuple[slice, ...]
MOST_ATOMS = 32
"""Channels that one axon of a shared kernel tells apart; with more it takes two (nengo-loihi: pop32)."""


@dataclass(frozen=True)
class Box:
    """Neurons from ``low`` to below ``high`` along every axis."""

    low: tuple[int, ...]
    high: tuple[int, ...]

    @property
    def size(self) -> int:
        """Return the number of neurons."""
        return prod(self.sides)

    @property
    def sides(self) -> tuple[int, ...]:
        """Return the number of neurons along every axis."""
        return tuple(h - l for l, h in zip(self.low, self.high, strict=True))  # noqa: E741

    @property
    def window(self) -> Window:
        """Return it as an index."""
        return tuple(slice(l, h) for l, h in zip(self.low, self.high, strict=True))  # noqa: E741

    def halves(self, axis: int, at: int) -> "tuple[Box, Box]":
        """Return the part before and the part from ``at``."""
        high, low = list(self.high), list(self.low)
        high[axis] = low[axis] = at
        return Box(self.low, tuple(high)), Box(tuple(low), self.high)


@dataclass(frozen=True, eq=False)
class SliceReads:
    """What one connection brings to a slice."""

    connection: int
    """Its place among the population's."""
    source: str
    window: Window
    synapses: NDArray[np.int32]
    """Of every source neuron of the window."""
    encoding: str
    bits: int
    slots: int
    """Axons that one line takes."""


@dataclass(frozen=True, eq=False)
class Slice:
    """A box of one population, with what arrives at it and the different registers that its neurons have."""

    population: str
    box: Box
    readings: tuple[SliceReads, ...]
    vths: frozenset[int]
    decays: frozenset[int]

    @cached_property
    def needs(self) -> Mapping[str, int]:
        """Return how much of every resource of a core it takes by itself; axons out are those of all cores."""
        return {
            "neurons": self.box.size,
            "synapse_bits": sum(r.bits for r in self.readings),
            "axons_in": axons_in(self.readings),
            "vth_configs": len(self.vths),
            "decay_configs": len(self.decays),
        }


def whole(population: Population) -> Box:
    """Return the box of all neurons."""
    return Box((0,) * len(population.shape), population.shape)


def slice_of(program: Program, population: Population, box: Box, core_neurons: int | None) -> Slice:
    """Return a slice with all that it takes, every connection in the encoding of fewest bits."""
    read = [_reading(program, population, index, box, core_neurons) for index in range(len(population.inputs))]
    registers = population.registers
    decays = [_values(registers[name], box) for name in ("du", "dv")]
    pairs = np.broadcast_arrays(*(d.astype(np.int64) for d in decays))
    return Slice(
        population=population.name,
        box=box,
        readings=tuple(r for r in read if r.synapses.any()),
        vths=frozenset(np.unique(_values(registers["vth"], box)).tolist()),
        decays=frozenset(np.unique((pairs[0] << 16) + pairs[1]).tolist()),
    )


def _values(register: NDArray[np.int32], box: Box) -> NDArray[np.int32]:
    """Return a register in the box; an axis along which it is one value, once."""
    repeated = tuple(slice(0, 1) if stride == 0 else slice(None) for stride in register.strides)
    return register[box.window][repeated]


def _reading(program: Program, population: Population, index: int, box: Box, core_neurons: int | None) -> SliceReads:
    connection = population.inputs[index]
    source = program.shape_of(connection.source)
    bits = stored_bits(weight_bits(program, population, index), connection.lag)
    indexed = bits + index_bits(core_neurons)
    match connection.wiring:
        case Dense() as dense:
            rows = np.arange(population.size).reshape(population.shape)[box.window].ravel()
            held = dense.weight if len(rows) == population.size else dense.weight[rows]
            synapses = np.count_nonzero(held, axis=0).astype(np.int32).reshape(source)
            window = tuple(slice(0, n) for n in source)
            ways: dict[str, tuple[int, int]] = {}
        case Conv() as conv:
            window, synapses = _met(conv, box, source)
            rows = kernel_rows(conv, box.low, box.high, source)
            shared = row_bits(conv, (box.low[0], box.high[0]), rows, indexed)
            ways = {"shared": (shared, 1 if source[0] <= MOST_ATOMS else 2)}
        case _:
            assert_never(connection.wiring)
    per_axon = synapses[synapses > 0]
    ways["dense"] = len(per_axon) * int(axon_bits(box.size, bits)), 1
    ways["sparse"] = int(axon_bits(per_axon, indexed).sum()), 1
    encoding = min(ways, key=lambda name: ways[name][0])
    taken, slots = ways[encoding]
    return SliceReads(index, connection.source, window, synapses, encoding=encoding, bits=taken, slots=slots)


def _met(conv: Conv, box: Box, source: tuple[int, ...]) -> tuple[Window, NDArray[np.int32]]:
    """Return the window that a box reads through a convolution, and the synapses that a message of it meets."""
    outs, ins = len(conv.weight) // conv.groups, conv.weight.shape[1]
    groups = range(box.low[0] // outs, (box.high[0] - 1) // outs + 1)
    present = [
        np.count_nonzero(conv.weight[max(g * outs, box.low[0]) : min((g + 1) * outs, box.high[0])], axis=0)
        for g in groups
    ]
    reached = np.concatenate(present).astype(np.int32)  # i ky kx
    spans = [_span(conv, axis, box, source[1 + axis]) for axis in range(2)]
    met = np.zeros((len(reached), *(high - low for low, high in spans)), dtype=np.int32)
    for ky, kx in np.ndindex(*conv.weight.shape[2:]):
        y, x = (_landing(conv, axis, tap, box, spans[axis]) for axis, tap in enumerate((ky, kx)))
        met[:, y, x] += reached[:, ky, kx, None, None]
    channels = slice(groups[0] * ins, (groups[-1] + 1) * ins)
    return (channels, *(slice(low, high) for low, high in spans)), met


def _span(conv: Conv, axis: int, box: Box, side: int) -> tuple[int, int]:
    step, pad = conv.stride[axis], conv.padding[axis]
    low = box.low[1 + axis] * step - pad
    reach = (conv.weight.shape[2 + axis] - 1) * conv.dilation[axis]
    high = (box.high[1 + axis] - 1) * step - pad + reach + 1
    low = min(max(low, 0), side)
    return low, max(low, min(high, side))


def _landing(conv: Conv, axis: int, tap: int, box: Box, span: tuple[int, int]) -> slice:
    """Return the places of the span at which one tap reads, over all neurons of the box along this axis."""
    step = conv.stride[axis]
    offset = tap * conv.dilation[axis] - conv.padding[axis]
    first = max(box.low[1 + axis], -(-(span[0] - offset) // step))
    last = min(box.high[1 + axis] - 1, (span[1] - 1 - offset) // step)
    if last < first:
        return slice(0, 0)
    start = first * step + offset - span[0]
    return slice(start, start + (last - first) * step + 1, step)


def lines(readings: Iterable[SliceReads]) -> Iterator[tuple[str, Window, NDArray[np.int32]]]:
    """Yield every source with the window that is read of it, and the axons that each of its neurons takes there."""
    by_source: dict[str, list[SliceReads]] = defaultdict(list)
    for reading in readings:
        by_source[reading.source].append(reading)
    for source, read in by_source.items():
        yield source, *_union(read)


def axons_in(readings: Iterable[SliceReads]) -> int:
    """Return the axons on which the messages of all readings of one core arrive.

    A line is one source neuron, or one source pixel for shared kernels, whoever in the core reads it.
    """
    kinds: dict[tuple[str, bool], list[SliceReads]] = defaultdict(list)
    for reading in readings:
        kinds[reading.source, reading.encoding == "shared"].append(reading)
    total = 0
    for (_, shared), read in kinds.items():
        _, taken = _union(read)
        total += int(taken.max(axis=0).sum()) if shared else int(taken.sum())
    return total


def _union(readings: Sequence[SliceReads]) -> tuple[Window, NDArray[np.int32]]:
    if len(readings) == 1:
        (only,) = readings
        return only.window, (only.synapses > 0) * np.int32(only.slots)
    axes = list(zip(*(r.window for r in readings), strict=True))
    window = tuple(slice(min(s.start for s in axis), max(s.stop for s in axis)) for axis in axes)
    taken = np.zeros(tuple(s.stop - s.start for s in window), dtype=np.int32)
    for reading in readings:
        pairs = zip(reading.window, window, strict=True)
        inside = tuple(slice(own.start - all_.start, own.stop - all_.start) for own, all_ in pairs)
        taken[inside] = np.maximum(taken[inside], (reading.synapses > 0) * np.int32(reading.slots))
    return window, taken
