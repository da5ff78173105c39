"""A Program laid out for the vector kernels: channels last, rows of weights by source neuron, one arena per width."""

import weakref
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import DECAY_ONE, VTH_SHIFT
from sim.fast.arena import Arena
from sim.fast.bounds import Bounds, bounds
from sim.fast.grid import LIST, Grid, grid
from sim.fast.image import NEVER, image, window
from sim.fast.lookup import Lookup, lookup, table
from sim.fast.matrix import LISTED, matrix
from sim.fast.neurons import LANES
from sim.fast.records import (
    BARE,
    CONNECTION,
    CONTIGUOUS,
    GROUPED,
    INTERLEAVED,
    PIECE,
    POPULATION,
    RUN,
    TILE,
    VALUED,
    WINDOW,
    Arenas,
)  # fmt: skip
from sim.fast.rows import Rows, rows
from sim.fast.runs import runs
from sim.order import step_order
from sim.program import INPUT, Connection, Conv, Population, Program, Wiring
from sim.wiring import fan_out

__all__ = ["Layout", "layout", "table_of"]

TILE_LANES = 3712
"""About as many neurons as keep their u and v in the nearest cache."""

SILENT = np.inf
"""A threshold that no v exceeds: of a population that never fires, and of lanes that hold no neuron."""

UNSIGNED = 255
"""The largest message that is an unsigned byte."""

Fields = dict[str, int]


@dataclass(frozen=True, eq=False)
class Layout:
    """Everything about a Program that the vector kernels read and that no raster changes."""

    order: tuple[Population, ...]
    grids: tuple[Grid, ...]  # of the input, then of the populations in order
    populations: NDArray[np.void]
    connections: NDArray[np.void]
    tiles: NDArray[np.void]
    pieces: NDArray[np.void]
    runs: NDArray[np.void]
    arenas: Arenas
    graded: bool
    form: int  # in which the input is listed
    packing: Fields  # of the input as bits, or as an image; empty where nothing reads it


@dataclass(frozen=True, eq=False)
class _Draft:
    """A layout while it grows."""

    program: Program
    order: tuple[Population, ...]
    grids: tuple[Grid, ...]
    places: dict[str, int]
    bounds: tuple[Bounds, ...]
    graded: bool
    lookups: dict[Connection, Lookup | None]  # of the connections that read the input; None for rows of weights
    form: int
    packing: Fields
    populations: list[Fields] = field(default_factory=list)
    connections: list[Fields] = field(default_factory=list)
    tiles: list[Fields] = field(default_factory=list)
    pieces: list[Fields] = field(default_factory=list)
    weights: dict[int, Arena] = field(default_factory=lambda: {b: Arena(f"i{b // 8}") for b in (8, 16, 32)})
    fan_out: Arena = field(default_factory=lambda: Arena(np.int32))
    registers: Arena = field(default_factory=lambda: Arena(np.float32))
    u0: Arena = field(default_factory=lambda: Arena(np.float32))
    v0: Arena = field(default_factory=lambda: Arena(np.float32))


_known: "weakref.WeakKeyDictionary[Program, Layout | None]" = weakref.WeakKeyDictionary()


def layout(program: Program) -> Layout | None:
    """Lay a program out, once; None for one whose sums no bound keeps small, or whose lists would be too long."""
    if program not in _known:
        _known[program] = _lay_out(program)
    return _known[program]


def _lay_out(program: Program) -> Layout | None:
    draft = _draft(program)
    if any(b.sums_bits > 32 for b in draft.bounds) or any(g.pitch > LIST for g in draft.grids):
        return None
    tiles = [_put_population(draft, p) for p in draft.order]
    table_of_runs = []
    for run in runs(draft.order):
        first = len(draft.tiles)
        for place in run.places:
            made = tiles[place]
            if made is None:
                return None
            draft.tiles.extend(made)
        table_of_runs.append({"tiles": first, "tiles_to": len(draft.tiles), "stepwise": run.stepwise})
    arenas = (*draft.weights.values(), draft.fan_out, draft.registers, draft.u0, draft.v0)
    return Layout(
        draft.order,
        draft.grids,
        table_of(POPULATION, draft.populations),
        table_of(CONNECTION, draft.connections),
        table_of(TILE, draft.tiles),
        table_of(PIECE, draft.pieces),
        table_of(RUN, table_of_runs),
        Arenas(*(a.joined() for a in arenas)),
        draft.graded,
        draft.form,
        draft.packing,
    )


def table_of(record: np.dtype[np.void], wanted: list[Fields]) -> NDArray[np.void]:
    """Return rows of a record type, 0 where a field is not given."""
    assert record.names is not None
    table = np.array([tuple(row.get(name, 0) for name in record.names) for row in wanted], dtype=record)
    table.setflags(write=False)
    return table


def _draft(program: Program) -> _Draft:
    """Decide what does not depend on the order in which the rest is put together."""
    order = step_order(program.populations)
    shapes = [program.input.shape, *(p.shape for p in order)]
    grids = tuple(grid(shape, lanes=i > 0) for i, shape in enumerate(shapes))
    proven = tuple(bounds(program, p) for p in order)
    graded = program.input.lo < 0 or program.input.hi > 1
    lookups = {
        c: lookup(c.wiring, grids[0], own) if not graded and bound.sums_bits == 16 else None
        for p, bound, own in zip(order, proven, grids[1:], strict=True)
        for c in p.inputs
        if c.source == INPUT
    }
    if all(lookups.values()):
        form = BARE
    else:
        form = CONTIGUOUS if grids[0].size < LIST and 1 in (grids[0].pixels, grids[0].channels) else INTERLEAVED
    places = {INPUT: 0, **{p.name: i + 1 for i, p in enumerate(order)}}
    packing = _packing(grids[0], [c.wiring for c, how in lookups.items() if how is not None])
    packing |= image(grids[0], [c.wiring for c in lookups]) if graded else {}
    return _Draft(program, order, grids, places, proven, graded, lookups, form, packing)


def _packing(source: Grid, read: list[Wiring]) -> Fields:
    """Return how the input is packed as bits, with zeros around it for the paddings of all that read them."""
    if not read:
        return {}
    pad_y, pad_x = (max(w.padding[i] for w in read if isinstance(w, Conv)) for i in range(2))
    channels, height, width = source.shape
    row = (width + 2 * pad_x + 7) // 8 + 8  # a window is read as 8 bytes from its first bit on
    rows_ = height + 2 * pad_y
    return {
        "bits_channels": channels, "bits_height": height, "bits_width": width, "bits_row": row,
        "bits_pad_y": pad_y, "bits_pad_x": pad_x, "bits_size": channels * rows_ * row,
    }  # fmt: skip


def _put_population(draft: _Draft, p: Population) -> list[Fields] | None:
    """Add a population with its connections, and return its tiles; None where a connection cannot be laid out."""
    place = draft.places[p.name]
    own, bound = draft.grids[place], draft.bounds[place - 1]
    wide = bound.sums_bits == 32 or (draft.graded and any(c.source == INPUT for c in p.inputs))
    pieces = _pieces(own.pitch, 1 if wide else 4)
    first = len(draft.connections)
    for connection in p.inputs:
        fields = _connection(draft, p, connection, pieces, wide=wide)
        if fields is None:
            return None
        draft.connections.append(fields)
    whole = own.pixels > 1 or any(c["kind"] == GROUPED for c in draft.connections[first:])
    tiles = _tiles(own, pieces, len(draft.pieces), place - 1, whole=whole)
    draft.pieces.extend(pieces)
    draft.populations.append(
        {"connections": first, "connections_to": len(draft.connections), "wide": wide}
        | {
            "pitch": own.pitch,
            "subtract": p.reset == "subtract",
            "biased": bool(p.bias_mantissa.any()),
            "checked": _checked(p, bound),
        }
        | {"still": 1 + p.inputs[0].lag if [c.source for c in p.inputs] == [INPUT] else 0}
        | {"first": draft.u0.put(own.spread(p.u0.reshape(-1)))}
        | _put_registers(draft, p, own)
    )
    draft.v0.put(own.spread(p.v0.reshape(-1)))
    return tiles


def _checked(p: Population, bound: Bounds) -> bool:
    return not (bound.never_wraps and bound.never_clips and p.reset == "zero")


def _pieces(pitch: int, most: int) -> list[Fields]:
    """Split the lanes of a pixel into pieces of up to ``most`` times 32 lanes, as equal as can be.

    Where they are larger than what is advanced at once, they begin where that does.
    """
    if pitch < 32:
        return [{"lane": 0, "lanes": pitch}]
    unit = LANES if most > 1 else 32
    units, count = -(-pitch // unit), -(-pitch // (32 * most))
    edges = [min(unit * (units * i // count), pitch) for i in range(count + 1)]
    return [{"lane": a, "lanes": b - a} for a, b in pairwise(edges)]


def _tiles(own: Grid, pieces: list[Fields], first: int, place: int, *, whole: bool) -> list[Fields]:
    """Cut a population into tiles: a piece or two of its one pixel, or a few pixels each.

    A tile begins where ``LANES`` of them end: what is advanced together belongs to one tile.
    """
    if not whole:
        tiles, piece = [], first
        for _, group in groupby(pieces, lambda p: p["lane"] // LANES):
            taken = list(group)
            lanes = {"lane": taken[0]["lane"], "lanes": sum(p["lanes"] for p in taken)}
            span = {"place": place, "pixel": 0, "pixel_to": 1, "piece": piece, "piece_to": piece + len(taken)}
            tiles.append(span | lanes)
            piece += len(taken)
        return tiles
    count = -(-own.pixels * own.pitch // TILE_LANES)
    unit = max(2, LANES // gcd(own.pitch, LANES))  # two, because they may be looked up two at a time
    step = -(-own.pixels // (count * unit)) * unit
    every = {"place": place, "lane": 0, "lanes": own.pitch, "piece": first, "piece_to": first + len(pieces)}
    return [
        {"pixel": i, "pixel_to": min(i + step, own.pixels), "y": i // own.width, "x": i % own.width, **every}
        for i in range(0, own.pixels, step)
    ]


def _connection(
    draft: _Draft, p: Population, connection: Connection, pieces: list[Fields], *, wide: bool
) -> Fields | None:
    """Put the weights and the fan-out of a connection into their arenas; return its fields, None where it cannot be."""
    place = draft.places[connection.source]
    source, own = draft.grids[place], draft.grids[draft.places[p.name]]
    how = draft.lookups.get(connection)
    if how is not None and isinstance(connection.wiring, Conv):
        laid: Rows | None = table(connection.wiring, connection.exponent, how, source, own)
    else:
        laid = rows(connection.wiring, source, own, connection.exponent)
    if laid is None:
        return None
    kind, bits, weight = laid.fields["kind"], 8 * laid.weight.itemsize, laid.weight
    if kind == WINDOW and draft.graded and place == 0:
        kind = VALUED
    if kind in (GROUPED, VALUED) or (wide and bits == 16):
        bits = 32
    if kind != GROUPED and not laid.fields.get("paired", False):
        weight = np.concatenate([weight[..., q["lane"] : q["lane"] + q["lanes"]].reshape(-1) for q in pieces])
    listed = LISTED[32 if wide else 16, bits] if kind in (WINDOW, VALUED) else 0
    return {
        **{name: number for name, number in draft.packing.items() if name.startswith("bits")},
        **laid.fields,
        **(window(draft.packing, connection.wiring, source, laid.fields) if kind == VALUED else {}),
        "kind": kind,
        "out_width": own.width,
        "source": place,
        "lag": connection.lag,
        "right_shift": max(0, -connection.exponent),
        "weight_bits": bits,
        "weights": draft.weights[bits].put(weight),
        "rows_total": len(laid.weight) * laid.fields["rows"],
        **_put_fan_out(draft, p, connection),
        "bytes_most": NEVER,
        **(_put_matrix(draft, connection, laid, own, listed, pieces) if kind in (WINDOW, VALUED) else {}),
    }


def _put_matrix(
    draft: _Draft, connection: Connection, laid: Rows, own: Grid, listed: float, pieces: list[Fields]
) -> Fields:
    """Put the weights once more, for the steps that are multiplied, where messages and weights are bytes."""
    described, place = draft.program.input, draft.places[connection.source]
    if place == 0 and (described.lo < 0 or described.hi > UNSIGNED):
        return {}
    draws = len(pieces) if own.pixels == 1 else 1
    found = matrix(connection.wiring, laid, draft.grids[place], own, listed, draws)
    if found is None:
        return {}
    weights, starts, fields = found
    return fields | {"bytes_weights": draft.weights[8].put(weights), "bytes_starts": draft.fan_out.put(starts)}


def _put_fan_out(draft: _Draft, p: Population, connection: Connection) -> Fields:
    """Put the synapses of every source neuron where its events are listed; one number is enough where all agree."""
    fan = fan_out(connection.wiring, draft.program.shape_of(connection.source), p.shape).reshape(-1)
    if (fan == fan[0]).all():
        return {"fan_each": int(fan[0])}
    place = draft.places[connection.source]
    listed = fan if place == 0 and draft.form == BARE else draft.grids[place].spread(fan)
    return {"fan_each": -1, "fan_at": draft.fan_out.put(listed)}


def _put_registers(draft: _Draft, p: Population, own: Grid) -> Fields:
    """Put u kept, v kept, threshold and bias of every lane, those of a few pixels where all share them."""
    kept = [(DECAY_ONE - 1 - p.du) / DECAY_ONE, (DECAY_ONE - p.dv) / DECAY_ONE]
    threshold = p.vth << VTH_SHIFT if p.fires else np.full(p.shape, SILENT)
    bias = p.bias_mantissa << p.bias_exponent
    registers = np.stack([r.astype(np.float32).reshape(-1) for r in (*kept, threshold, bias)])
    lanes = own.spread(registers)  # register pixel lane
    lanes[2][own.spread(np.ones(p.size, dtype=np.int8)) == 0] = SILENT
    if (lanes == lanes[:, :1]).all():
        period = lcm(own.pitch, LANES)
        lanes = np.tile(lanes[:, 0], period // own.pitch)
    else:
        lanes = lanes.reshape(len(lanes), -1)
        period = -(-lanes.shape[1] // LANES) * LANES
        lanes = np.pad(lanes, ((0, 0), (0, period - lanes.shape[1])))
    return {"registers": draft.registers.put(lanes), "register_stride": period, "register_period": period}
