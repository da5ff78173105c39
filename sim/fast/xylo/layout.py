"""A Xylo program as tables and arrays: rows of weights by source, neurons in lanes, connections as they arrive.

A population has whole blocks of 64 lanes of 16 bits. Rows are cut into pieces: as many lanes as stay in registers while
a list of spikes is added. Lanes that hold no neuron have no weight and stay 0.
"""

import weakref
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.xylo import MOST
from sim.arrival import arrival_order
from sim.fast.layout.arena import Arena, aligned
from sim.fast.layout.grid import LIST, TILE_UNIT
from sim.fast.layout.records import record_of, table_of
from sim.fast.layout.tiles import split_lanes
from sim.fast.vector.isa import AVX512, Avx512, Portable
from sim.order import step_order
from sim.program import INPUT, Connection, Population, Program
from sim.wiring import as_matrix, fan_out

__all__ = ["ChipArenas", "ChipLayout", "ChipTables", "lay_out"]

PIECE_AVX512, PIECE_PORTABLE = 6, 2
"""Times 32 lanes that are summed at once: every 32 of them take three registers, or six."""
REGISTERS, FIRST = ("dash_syn", "dash_syn2", "dash_mem", "theta", "bias"), ("i0", "i20", "v0")


class ChipPopulation(NamedTuple):
    """A population: its lanes, its neurons, and what arrives at it."""

    first: int  # its lanes among all lanes
    lanes: int
    neuron: int  # its neurons among all neurons
    size: int
    most: int  # spikes in one message, 0 where none is ever sent
    second: int  # whether there is a second current
    connections: int  # its first connection
    connections_to: int


class ChipConnection(NamedTuple):
    """A connection, in the order in which messages arrive."""

    source: int  # 0: the input, else one more than the place of a population
    lag: int
    port: int
    place: int  # where it is counted
    fan_at: int
    fits: int  # the greatest message whose product with every weight has 16 bits
    exponent: int
    pieces: int  # its first piece
    pieces_to: int


class ChipPiece(NamedTuple):
    """Lanes that are summed together for one connection."""

    lane: int
    lanes: int
    weights: int  # their rows, one behind the other by source


class ChipTables(NamedTuple):
    """What is to be done."""

    populations: NDArray[np.void]
    connections: NDArray[np.void]
    pieces: NDArray[np.void]


class ChipArenas(NamedTuple):
    """What the tables point into."""

    weights: NDArray[np.int8]
    fan_out: NDArray[np.int32]
    registers: NDArray[np.int16]  # register lane
    first: NDArray[np.int16]  # state lane: before step 0


@dataclass(frozen=True, eq=False)
class ChipLayout:
    """What follows from a program and a form of the kernels alone."""

    order: tuple[Population, ...]
    inputs: int
    lanes: int
    reach: int  # the longest lag
    tables: ChipTables
    arenas: ChipArenas


@dataclass(eq=False)
class _Grown:
    """The connections of a layout while they are put together."""

    program: Program
    places: dict[str, int]
    most_lanes: int  # of a piece, times 32
    connections: list[ChipConnection] = field(default_factory=list)
    pieces: list[ChipPiece] = field(default_factory=list)
    weights: Arena = field(default_factory=lambda: Arena(np.int8))
    fans: Arena = field(default_factory=lambda: Arena(np.int32))


_known: "weakref.WeakKeyDictionary[Program, dict[int, ChipLayout | None]]" = weakref.WeakKeyDictionary()


def lay_out(program: Program, isa: Portable | Avx512) -> ChipLayout | None:
    """Lay a program out, once; None for one with more neurons in a source than a list can tell apart."""
    of_program = _known.setdefault(program, {})
    if isa.marker not in of_program:
        of_program[isa.marker] = _lay_out(program, PIECE_AVX512 if isa == AVX512 else PIECE_PORTABLE)
    return of_program[isa.marker]


def _lay_out(program: Program, most_lanes: int) -> ChipLayout | None:
    order, inputs = step_order(program.populations), int(np.prod(program.input.shape))
    if max(inputs, *(p.size for p in order)) > LIST:
        return None
    grown = _Grown(program, {INPUT: 0, **{p.name: i for i, p in enumerate(order, 1)}}, most_lanes)
    populations: list[ChipPopulation] = []
    first = neuron = place = 0
    for p in order:
        row = ChipPopulation(
            first=first,
            lanes=-(-p.size // TILE_UNIT) * TILE_UNIT,
            neuron=neuron,
            size=p.size,
            most=p.most_sent,
            second=int(p.registers["i20"].any() or any(c.port for c in p.inputs)),
            connections=place,
            connections_to=place + len(p.inputs),
        )
        by_port = sorted(arrival_order(program, p), key=lambda index: p.inputs[index].port)
        for index in by_port:
            _put(grown, p, p.inputs[index], place + index)
        populations.append(row)
        first, neuron, place = first + row.lanes, neuron + p.size, place + len(p.inputs)
    arenas = ChipArenas(
        weights=grown.weights.joined(),
        fan_out=grown.fans.joined(),
        registers=_in_lanes(order, populations, REGISTERS),
        first=_in_lanes(order, populations, FIRST),
    )
    return ChipLayout(
        order=order,
        inputs=inputs,
        lanes=first,
        reach=max((c.lag for p in order for c in p.inputs), default=0),
        tables=ChipTables(
            populations=table_of(record_of(ChipPopulation), populations),
            connections=table_of(record_of(ChipConnection), grown.connections),
            pieces=table_of(record_of(ChipPiece), grown.pieces),
        ),
        arenas=arenas,
    )


def _put(grown: _Grown, p: Population, c: Connection, place: int) -> None:
    """Put the rows and the fan-out of a connection into their arenas."""
    source = grown.program.shape_of(c.source)
    rows = as_matrix(c.wiring, source, p.shape)
    pitch, first = max(32, -(-p.size // 32) * 32), len(grown.pieces)
    padded = np.zeros((len(rows), pitch), dtype=np.int8)
    padded[:, : p.size] = rows
    for lane, lanes in split_lanes(pitch, grown.most_lanes):
        at = grown.weights.put_bytes(padded[:, lane : lane + lanes])
        grown.pieces.append(ChipPiece(lane, lanes, at))
    heaviest = int(np.abs(rows).max()) << c.exponent
    connection = ChipConnection(
        source=grown.places[c.source],
        lag=c.lag,
        port=c.port,
        place=place,
        fan_at=grown.fans.put(fan_out(c.wiring, source, p.shape).reshape(-1)),
        fits=MOST // max(1, heaviest),
        exponent=c.exponent,
        pieces=first,
        pieces_to=len(grown.pieces),
    )
    grown.connections.append(connection)


def _in_lanes(order: tuple[Population, ...], rows: list[ChipPopulation], names: tuple[str, ...]) -> NDArray[Any]:
    """Return registers by lane; where there is no neuron, 0, and a threshold that 0 does not reach."""
    lanes = sum(row.lanes for row in rows)
    made = aligned(len(names) * lanes, np.int16)
    by_name = made.reshape(len(names), lanes)
    by_name[[name == "theta" for name in names]] = MOST
    for p, row in zip(order, rows, strict=True):
        for register, name in zip(by_name, names, strict=True):
            register[row.first : row.first + p.size] = p.registers[name].reshape(-1)
    made.setflags(write=False)
    return made
