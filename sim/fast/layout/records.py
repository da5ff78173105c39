"""The tables that the vector kernels read: every record is a row of 64-bit integers, its fields named and described.

A source is the input or a population. Its neurons are kept channels last, ``pitch`` lanes a pixel (the channels,
rounded up), and its events of one step as an ascending list of uint16 ``(pixel * pitch + channel) mod 2^16``, with the
length of the list before each pixel, and at the end, in ``ends``. A message of several spikes of a population stands in
the list once for each, and behind the end of ``ends`` stands how many messages there are. A field that ends in ``_at``
is a place in an arena.
"""

from collections.abc import Iterable
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
    "NEVER",
    "PIECE",
    "POPULATION",
    "RUN",
    "SIZES",
    "SOURCE",
    "TABLE",
    "TILE",
    "VALUED",
    "WINDOW",
    "Arenas",
    "ConnectionRow",
    "PieceRow",
    "PopulationRecord",
    "RunRow",
    "Scratch",
    "SizesRow",
    "SourceRow",
    "Tables",
    "TileRow",
    "record_of",
    "table_of",
]

LOW = 0xFFFF
"""The bits of a neuron's number that a list holds."""

NEVER = 1 << 62
"""More messages than a step can bring."""

WINDOW, VALUED, GROUPED, TABLE = range(4)
"""How a connection is delivered: rows of weights; rows times the message; one weight at a time; tables of sums."""

INTERLEAVED, CONTIGUOUS, BARE = range(3)
"""How the input is listed: channels last, as they lie because that is channels last, or not at all: as bits only."""


class SourceRow(NamedTuple):
    """A source: neuron ``channel * channel_step + pixel * pixel_step`` of the program is that channel of that pixel."""

    form: int  # INTERLEAVED, CONTIGUOUS or BARE
    size: int  # neurons
    pixels: int
    pitch: int  # lanes of a pixel
    channels: int
    channel_step: int
    pixel_step: int
    slots: int  # steps of which the lists are kept, a power of two
    index_at: int  # its lists, among those of all sources
    index_size: int  # of one list
    ends_at: int
    ends_size: int


class PopulationRecord(NamedTuple):
    """A population: its neurons, their registers, what arrives at it, where it is recorded, the loops it is run by."""

    first: int  # its lanes among all lanes
    pitch: int  # lanes of a pixel
    registers: int  # its first register
    register_stride: int  # from one register to the next
    register_period: int  # lanes of which there are registers, from the first pixel on, before they begin again
    biased: int  # whether a bias is not zero
    subtract: int  # whether a spike takes the threshold off v
    keeps: int  # whether a spike leaves v as it is
    loose: int  # 1 where neurons fire at the threshold: the register is then one lower
    most: int  # spikes in one message: so many entries of a list
    pause: int  # steps of rest after a spike
    special: int  # whether neurons rest, keep v, or fire at 0
    checked: int  # whether u may wrap or v clip, or a spike does not bring v to 0
    wide: int  # whether its sums have 32 bits, not 16
    still: int  # 1 + the lag of its one connection where that reads the input, else 0
    connections: int  # its first connection
    connections_to: int
    spikes_at: int = -1  # where they are recorded in a step; -1 where they are not
    u_at: int = -1
    v_at: int = -1
    one_step: int = 0  # address of the loop that advances it by one step
    two_steps: int = 0  # and by two


class ConnectionRow(NamedTuple):
    """A connection: a target pixel (y, x) reads ``span`` pixels in a line, ``spans`` times in ``kernel_y`` lines."""

    kind: int  # WINDOW, VALUED, GROUPED or TABLE
    source: int
    lag: int
    right_shift: int  # of its sums: a negative exponent
    wide: int  # whether its sums have 32 bits, not 16
    out_width: int  # target pixels in a line
    pieces: int  # its first piece
    pieces_to: int
    # the window in the source
    kernel_y: int
    spans: int
    span: int
    height: int = 0  # of the source, in pixels
    width: int = 0
    in_pitch: int = 0  # lanes of a source pixel
    stride_y: int = 0
    stride_x: int = 0
    pad_y: int = 0
    pad_x: int = 0
    gap_y: int = 0  # source lines from one line of the window to the next
    gap_x: int = 0
    direct: int = 0  # whether the window is all of the source, in one line
    # its weights
    weight_bits: int = 0
    weights: int = 0  # the first, counted in weights of that width
    group: int = 0  # as many rows as one list of rows can tell apart, behind which stands a row of zeros
    rows: int = 0  # of a window
    rows_step: int = 0  # rows from one target pixel to the next, 0 for a convolution
    rows_total: int = 0
    ins: int = 0  # source channels that a channel of a convolution reads
    outs: int = 0  # target channels of a group
    # the synapses that are counted
    fan_each: int = 0  # of every event; -1 where they differ
    fan_at: int = 0
    # the input as bits, for tables of sums
    two_pixels: int = 0  # whether two neighbours are looked up together
    bits_row: int = 0  # bytes of a line
    bits_pad_y: int = 0
    bits_pad_x: int = 0
    # a graded step as an image
    image_first: int = 0  # where the window of the first pixel begins
    image_row: int = 0  # numbers of a line
    image_pixel: int = 0  # numbers of a pixel
    image_most: int = NEVER  # events up to which their list is faster than the image
    # a step as an image of bytes, and the product with weights that are bytes
    bytes_planes: int = 0  # matrices of bytes that the weights consist of
    bytes_weights: int = 0
    bytes_each: int = 0  # bytes of weights of one lane
    bytes_starts: int = 0  # where the windows start in the image, by target pixel
    bytes_row: int = 0  # of a line of the image
    bytes_size: int = 0  # of the image, and some more
    bytes_line: int = 0  # messages of a line of a window, rounded up
    bytes_single: int = 0  # whether there is one target pixel
    bytes_most: int = NEVER  # events up to which their list is faster than the product
    product: int = 0  # address of the loop that multiplies
    product_of_two: int = 0  # and of the one that multiplies two steps


class TileRow(NamedTuple):
    """A part of a population that is advanced through many steps before the next part: pixels, and in them lanes."""

    place: int  # of the population
    pixel: int
    pixel_to: int
    lane: int
    lanes: int
    piece: int  # its first piece, among those of the population
    piece_to: int
    y: int = 0  # of the first pixel
    x: int = 0


class PieceRow(NamedTuple):
    """What one call of a loop sums for one connection: lanes of one pixel."""

    lane: int
    lanes: int
    loop: int = 0  # address of the loop
    image_loop: int = 0  # and of the one that reads windows whole from the image of a graded step


class RunRow(NamedTuple):
    """The tiles of one population, or, stepwise, of populations that read one another."""

    tiles: int
    tiles_to: int
    stepwise: int


class SizesRow(NamedTuple):
    """How much there is of everything in one call of the kernels."""

    steps: int
    inputs: int  # bytes of the input of a step
    places: int  # populations
    connections: int
    runs: int
    lanes: int  # of all populations
    index_size: int  # of the lists of all sources
    ends_size: int
    values_size: int
    sums_size: int  # of the sums of a tile
    spikes_room: int  # bytes for the spikes of a tile
    together: int  # samples that run together
    stretch: int  # steps that a tile is advanced before the next
    graded: int
    rests: int  # whether neurons of any population rest after a spike
    many: int  # whether a message of any population may be several spikes
    batch: int = 0
    # numbers that are recorded of a step
    spikes_size: int = 0
    u_size: int = 0
    v_size: int = 0
    # the input as bits
    bits_size: int = 0
    bits_channels: int = 0
    bits_height: int = 0
    bits_width: int = 0
    bits_row: int = 0
    bits_pad_y: int = 0
    bits_pad_x: int = 0
    # a graded step as an image
    image_size: int = 0
    image_first: int = 0
    image_row: int = 0
    image_width: int = 0


def record_of(row: Any) -> np.dtype[np.void]:
    """Return the type of a record of 64-bit integers with the fields of a named tuple."""
    return np.dtype([(name, np.int64) for name in row._fields])


SOURCE, POPULATION, CONNECTION = (record_of(SourceRow), record_of(PopulationRecord), record_of(ConnectionRow))
TILE, PIECE, RUN, SIZES = (record_of(TileRow), record_of(PieceRow), record_of(RunRow), record_of(SizesRow))


def table_of(record: np.dtype[np.void], rows: Iterable[tuple[int, ...]]) -> NDArray[np.void]:
    """Return rows as a table that nobody can write."""
    table = np.array([tuple(row) for row in rows], dtype=record)
    table.setflags(write=False)
    return table


class Tables(NamedTuple):
    """What is to be done; only the sizes depend on the raster."""

    sizes: NDArray[np.void]  # one row
    sources: NDArray[np.void]
    populations: NDArray[np.void]
    connections: NDArray[np.void]
    tiles: NDArray[np.void]
    pieces: NDArray[np.void]
    runs: NDArray[np.void]


class Arenas(NamedTuple):
    """What the tables point into."""

    weights: NDArray[np.int8]  # the bytes of integers of 8, 16 and 32 bits
    integers: NDArray[np.int32]  # fan-outs, and where the windows of a product start
    registers: NDArray[np.float32]
    u0: NDArray[np.float32]
    v0: NDArray[np.float32]


class Scratch(NamedTuple):
    """What one thread writes while it runs."""

    u: NDArray[np.float32]  # sample lane: integers, which float32 holds exactly
    v: NDArray[np.float32]
    rest: NDArray[np.float32]  # sample lane: steps in which v stays; nothing where no population rests
    counters: NDArray[np.uint8]  # sample lane: spikes in this stretch
    sums: NDArray[np.uint8]  # two halves, of one step each: the bytes of sums of a tile
    part: NDArray[np.uint8]  # the bytes of sums of one connection, before they are shifted
    spikes: NDArray[np.uint8]  # step tile lane: bits
    sent: NDArray[np.uint8]  # step tile lane: how many spikes; nothing where a message is never more than one
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
