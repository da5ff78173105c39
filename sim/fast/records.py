"""The tables that the vector kernels read: rows of int64 fields, where ``*_at`` is a place in an arena.

A source is the input or a population. Its neurons are kept channels last, ``pitch`` lanes a pixel (the channels,
rounded up), and its events of one step as an ascending list of uint16 ``(pixel * pitch + channel) mod 2^16``, with the
length of the list before each pixel, and at the end, in ``ends``.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BARE",
    "CONNECTION",
    "CONTIGUOUS",
    "GROUPED",
    "INTERLEAVED",
    "LOW",
    "PIECE",
    "POPULATION",
    "RUN",
    "SOURCE",
    "TABLE",
    "TILE",
    "VALUED",
    "WHOLE",
    "WINDOW",
    "Arenas",
    "Fired",
    "Results",
    "Scratch",
    "State",
    "Step",
    "Tables",
]

LOW = 0xFFFF
"""The bits of a neuron's number that a list holds."""

WINDOW, VALUED, GROUPED, TABLE = range(4)
"""How a connection is delivered: rows of weights; rows times the message; one weight at a time; tables of sums."""

INTERLEAVED, CONTIGUOUS, BARE = range(3)
"""How the input is listed: channels last, as they lie because that is channels last, or not at all: as bits only."""


def _record(fields: str) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in fields.split()])


SOURCE = _record("form size pixels pitch channels channel_step pixel_step slots index_at index_size ends_at ends_size")
"""Neuron ``channel * channel_step + pixel * pixel_step`` of the program is the given channel of the given pixel.

``slots``: the steps that are kept, a power of two.
"""

POPULATION = _record(
    "first pitch registers register_stride register_period biased subtract checked wide still connections"
    " connections_to spikes_at u_at v_at"
)
"""``first``: its lanes among all lanes; ``register_stride``: from one register to the next; ``register_period``: the
lanes of which there are registers, from the first pixel on, before they begin again; ``still``: 1 + the lag of its one
connection where that reads the input, else 0; ``spikes_at``: where it is recorded, -1 where it is not."""

CONNECTION = _record(
    "kind source lag right_shift height width kernel_y spans span stride_y stride_x pad_y pad_x gap_y gap_x out_width"
    " weight_bits weights direct group rows_step rows_total in_pitch ins outs paired fan_at fan_each"
    " bits_row bits_pad_y bits_pad_x image_first image_row image_pixel image_most"
    " bytes_planes bytes_weights bytes_starts bytes_most bytes_line bytes_row bytes_each bytes_single bytes_size"
)
"""A target pixel (y, x) reads, for each of ``kernel_y`` rows and ``spans`` pieces of a row, ``span`` pixels in a line.

``direct``: the window is all of the source, in one line; ``group``: as many rows as one list of rows can tell apart,
behind which stands a row of zeros; ``rows_step``: rows from one target pixel to the next, 0 for a convolution;
``image_first``: where the window of the first pixel begins in the image of a graded step, which has ``image_row``
numbers a line and ``image_pixel`` a pixel; ``image_most``: the events up to which their list is faster than the image;
``bytes_planes``: of how many matrices of bytes the weights consist; ``bytes_starts``: where the windows start in an
image of bytes with ``bytes_row`` a line, by target pixel; ``bytes_most``: the events up to which their list is faster
than the product; ``bytes_line``: the messages of a line of a window, rounded up; ``bytes_each``: bytes of weights of
one lane; ``bytes_single``: there is one target pixel; ``bytes_size``: of the image, and some more;
``fan_each``: the synapses of every event, or -1 where they differ, and are listed from ``fan_at`` on."""

TILE = _record("place pixel pixel_to y x lane lanes piece piece_to")
"""The part of a population that is advanced through many steps before the next part: pixels, and in them lanes."""

PIECE = _record("lane lanes")
"""What one call of a kernel sums: lanes of one pixel."""

WHOLE = _record(
    "batch steps inputs places connections runs lanes index_size ends_size values_size together stretch graded"
    " sums_size spikes_room spikes_size u_size v_size"
    " bits_size bits_channels bits_height bits_width bits_row bits_pad_y bits_pad_x"
    " image_size image_first image_row image_width"
)
"""How much there is of everything; how many samples run together, and for how many steps; what is recorded of a step;
how the input is packed as bits."""

RUN = _record("tiles tiles_to stepwise")
"""The tiles of one population, or, stepwise, of populations that read one another."""


class Tables(NamedTuple):
    """What is to be done; only the sizes depend on the raster."""

    whole: NDArray[np.void]  # one row
    sources: NDArray[np.void]
    populations: NDArray[np.void]
    connections: NDArray[np.void]
    tiles: NDArray[np.void]
    pieces: NDArray[np.void]
    runs: NDArray[np.void]


class Arenas(NamedTuple):
    """What the tables point into."""

    weights8: NDArray[np.int8]
    weights16: NDArray[np.int16]
    weights32: NDArray[np.int32]
    fan_out: NDArray[np.int32]
    registers: NDArray[np.float32]
    u0: NDArray[np.float32]
    v0: NDArray[np.float32]


class Scratch(NamedTuple):
    """What one thread writes while it runs."""

    u: NDArray[np.float32]  # sample lane: integers, which float32 holds exactly
    v: NDArray[np.float32]
    counters: NDArray[np.uint8]  # sample lane: spikes in this stretch
    sums16: NDArray[np.int16]
    sums32: NDArray[np.int32]
    part16: NDArray[np.int16]
    part32: NDArray[np.int32]
    spikes: NDArray[np.uint8]  # step tile lane: bits
    lists: NDArray[np.uint16]  # sample source slot event
    ends: NDArray[np.int32]  # sample source slot pixel
    window: NDArray[np.uint16]  # row
    values: NDArray[np.int32]  # sample slot event
    bits: NDArray[np.uint8]  # sample slot row channel
    image: NDArray[np.int32]  # sample slot row column channel: a graded step, zeros around it
    drawn: NDArray[np.uint8]  # step row column channel: what one tile reads of one step or two
    faults: NDArray[np.int64]  # sample step place (wraps, clips)
    heard: NDArray[np.uint8]  # place of the input: messages in this stretch
    block: NDArray[np.int64]  # channel: bits of 64 pixels
    same: NDArray[np.uint8]  # sample slot: whether the input is that of the step before


class Results(NamedTuple):
    """What a run leaves behind."""

    recorded: NDArray[np.int64]  # (spikes, u, v) by (first neuron, one past the last)
    spikes: NDArray[np.uint8]  # b t recorded neuron
    u: NDArray[np.int32]
    v: NDArray[np.int32]
    pop_counts: NDArray[np.int64]  # b place (spikes, active, wraps, clips)
    con_counts: NDArray[np.int64]  # b connection (events, synops)
    refused: NDArray[np.int64]  # b (step, place, check, neuron, how many)


class Step(NamedTuple):
    """What a source sent in one step, as pointers."""

    events: Any
    ends: Any
    values: Any
    bits: Any
    image: Any
    graded: int


class Fired(NamedTuple):
    """Where a population writes its spikes and faults of one step, as pointers."""

    events: Any
    ends: Any
    faults: Any


class State(NamedTuple):
    """The registers of one population of one sample, as pointers: before the step, after it, and spikes counted."""

    before_u: Any
    before_v: Any
    u: Any
    v: Any
    counters: Any
