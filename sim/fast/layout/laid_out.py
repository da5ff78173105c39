"""A Program laid out for the vector kernels: channels last, rows of weights by source neuron, one arena per type."""

import weakref
from dataclasses import dataclass, field
from math import lcm

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import DECAY_ONE, VTH_SHIFT
from sim.fast.layout.arena import Arena
from sim.fast.layout.bounds import ProvenLanes, bounds
from sim.fast.layout.grid import LIST, TILE_UNIT, LaneGrid, grid
from sim.fast.layout.lookup import Lookup, lookup, packing_as_bits, table
from sim.fast.layout.matrix import LISTED, Listing, image, matrix, window
from sim.fast.layout.records import (
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
    ConnectionRow,
    PieceRow,
    PopulationRecord,
    RunRow,
    TileRow,
    table_of,
)
from sim.fast.layout.rows import WeightRows, rows
from sim.fast.layout.tiles import Lane, runs, split_lanes, split_pixels
from sim.order import step_order
from sim.program import INPUT, Connection, Conv, Population, Program
from sim.wiring import fan_out

__all__ = ["LaidOut", "lay_out"]

SILENT = np.inf
"""A threshold that no v exceeds: of a population that never fires, and of lanes that hold no neuron."""

LONGEST = 1 << 24
"""Spikes of one step that are listed where a message may be several: lists have room for all that could be sent."""

UNSIGNED = 255
"""The largest message that is an unsigned byte."""

Fields = dict[str, int]


@dataclass(frozen=True, eq=False)
class LaidOut:
    """Everything about a Program that the vector kernels read and that no raster changes."""

    order: tuple[Population, ...]
    grids: tuple[LaneGrid, ...]  # of the input, then of the populations in order
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
    grids: tuple[LaneGrid, ...]
    places: dict[str, int]
    bounds: tuple[ProvenLanes, ...]
    graded: bool
    lookups: dict[Connection, Lookup | None]  # of the connections that read the input; None for rows of weights
    form: int
    packing: Fields
    populations: list[PopulationRecord] = field(default_factory=list)
    connections: list[ConnectionRow] = field(default_factory=list)
    pieces: list[PieceRow] = field(default_factory=list)
    weights: Arena = field(default_factory=lambda: Arena(np.int8))
    integers: Arena = field(default_factory=lambda: Arena(np.int32))
    registers: Arena = field(default_factory=lambda: Arena(np.float32))
    u0: Arena = field(default_factory=lambda: Arena(np.float32))
    v0: Arena = field(default_factory=lambda: Arena(np.float32))


_known: "weakref.WeakKeyDictionary[Program, LaidOut | None]" = weakref.WeakKeyDictionary()


def lay_out(program: Program) -> LaidOut | None:
    """Lay a program out, once; None for one whose sums no bound keeps small, or whose lists would be too long."""
    if program not in _known:
        _known[program] = _lay_out(program)
    return _known[program]


def _lay_out(program: Program) -> LaidOut | None:
    draft = _draft(program)
    if any(b.sums_bits > 32 for b in draft.bounds) or any(g.pitch > LIST for g in draft.grids):
        return None
    if any(p.most_sent > 1 and p.most_sent * p.size > LONGEST for p in draft.order):
        return None
    by_place = [_put_population(draft, p) for p in draft.order]
    tiles: list[TileRow] = []
    run_rows = []
    for run in runs(draft.order):
        first = len(tiles)
        for place in run.places:
            made = by_place[place]
            if made is None:
                return None
            tiles.extend(made)
        run_rows.append(RunRow(first, len(tiles), run.stepwise))
    arenas = (draft.weights, draft.integers, draft.registers, draft.u0, draft.v0)
    return LaidOut(
        order=draft.order,
        grids=draft.grids,
        populations=table_of(POPULATION, draft.populations),
        connections=table_of(CONNECTION, draft.connections),
        tiles=table_of(TILE, tiles),
        pieces=table_of(PIECE, draft.pieces),
        runs=table_of(RUN, run_rows),
        arenas=Arenas(*(a.joined() for a in arenas)),
        graded=draft.graded,
        form=draft.form,
        packing=draft.packing,
    )


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
    packing = packing_as_bits(grids[0], [c.wiring for c, how in lookups.items() if how is not None])
    packing |= image(grids[0], [c.wiring for c in lookups]) if graded else {}
    return _Draft(
        program=program,
        order=order,
        grids=grids,
        places={INPUT: 0, **{p.name: i + 1 for i, p in enumerate(order)}},
        bounds=proven,
        graded=graded,
        lookups=lookups,
        form=form,
        packing=packing,
    )


def _put_population(draft: _Draft, p: Population) -> list[TileRow] | None:
    """Add a population with its connections, and return its tiles; None where a connection cannot be laid out."""
    place = draft.places[p.name]
    own, bound = draft.grids[place], draft.bounds[place - 1]
    wide = bound.sums_bits == 32 or (draft.graded and any(c.source == INPUT for c in p.inputs))
    pieces = split_lanes(own.pitch, 1 if wide else 4)
    first = len(draft.connections)
    for connection in p.inputs:
        fields = _connection(draft, p, connection, pieces, wide=wide)
        if fields is None:
            return None
        draft.connections.append(ConnectionRow(**fields))
    all_lanes = own.pixels > 1 or any(c.kind == GROUPED for c in draft.connections[first:])
    row = PopulationRecord(
        first=draft.u0.put(own.spread(p.u0.reshape(-1))),
        pitch=own.pitch,
        **_put_registers(draft, p, own),
        biased=bool(p.bias_mantissa.any()),
        subtract=p.reset == "subtract",
        keeps=p.reset == "none",
        loose=bool(p.properties["at_threshold"]),
        most=max(1, p.most_sent),
        pause=int(p.properties["refractory"]),
        special=_special(p),
        checked=not (bound.never_wraps and bound.never_clips and p.reset == "zero"),
        wide=wide,
        still=1 + p.inputs[0].lag if [c.source for c in p.inputs] == [INPUT] else 0,
        connections=first,
        connections_to=len(draft.connections),
    )
    draft.v0.put(own.spread(p.v0.reshape(-1)))
    draft.populations.append(row)
    return split_pixels(own, pieces, place - 1, all_lanes=all_lanes)


def _special(p: Population) -> bool:
    """Return whether neurons rest, keep v when they fire, or fire at 0: what costs time where nobody does."""
    fires_at_0 = p.properties["at_threshold"] and not p.vth.all()
    return bool(p.reset == "none" or p.properties["refractory"] or fires_at_0)


def _connection(
    draft: _Draft, p: Population, connection: Connection, pieces: list[Lane], *, wide: bool
) -> Fields | None:
    """Put the weights and the fan-out of a connection into their arenas; return its fields, None where it cannot be."""
    place = draft.places[connection.source]
    source, own = draft.grids[place], draft.grids[draft.places[p.name]]
    laid = _weight_rows(draft, connection, source, own)
    if laid is None:
        return None
    kind, bits, weight = laid.fields["kind"], 8 * laid.weight.itemsize, laid.weight
    if kind == WINDOW and draft.graded and place == 0:
        kind = VALUED
    if kind in (GROUPED, VALUED) or (wide and bits == 16):
        bits = 32
    if kind != GROUPED and not laid.fields.get("two_pixels", False):
        weight = np.concatenate([weight[..., lane : lane + lanes].reshape(-1) for lane, lanes in pieces])
    listed = LISTED[32 if wide else 16, bits] if kind in (WINDOW, VALUED) else 0
    first_piece = len(draft.pieces)
    draft.pieces.extend(PieceRow(lane, lanes) for lane, lanes in pieces)
    bits_of_line = {
        name: draft.packing[name] for name in ("bits_row", "bits_pad_y", "bits_pad_x") if name in draft.packing
    }
    return {
        **bits_of_line,
        **laid.fields,
        **(window(draft.packing, connection.wiring, source, laid.fields) if kind == VALUED else {}),
        "kind": kind,
        "wide": wide,
        "pieces": first_piece,
        "pieces_to": len(draft.pieces),
        "out_width": own.width,
        "source": place,
        "lag": connection.lag,
        "right_shift": max(0, -connection.exponent),
        "weight_bits": bits,
        "weights": draft.weights.put_bytes(weight.astype(f"i{bits // 8}")),
        "rows_total": len(laid.weight) * laid.fields["rows"],
        **_put_fan_out(draft, p, connection),
        **(_put_matrix(draft, connection, laid, own, listed, pieces) if kind in (WINDOW, VALUED) else {}),
    }


def _weight_rows(draft: _Draft, connection: Connection, source: LaneGrid, own: LaneGrid) -> WeightRows | None:
    """Return the weights of a connection as rows, or as tables of sums."""
    how = draft.lookups.get(connection)
    if how is not None and isinstance(connection.wiring, Conv):
        return table(connection.wiring, connection.exponent, how, source, own)
    return rows(connection.wiring, source, own, connection.exponent)


def _put_matrix(
    draft: _Draft, connection: Connection, laid: WeightRows, own: LaneGrid, listed: float, pieces: list[Lane]
) -> Fields:
    """Put the weights once more, for the steps that are multiplied, where messages and weights are bytes."""
    described, place = draft.program.input, draft.places[connection.source]
    if place == 0 and (described.lo < 0 or described.hi > UNSIGNED):
        return {}
    most = 1 if place == 0 else draft.program.by_name[connection.source].most_sent
    listing = Listing(listed, len(pieces) if own.pixels == 1 else 1, most)
    found = matrix(connection.wiring, laid, draft.grids[place], own, listing)
    if found is None:
        return {}
    weights, starts, fields = found
    return fields | {"bytes_weights": draft.weights.put_bytes(weights), "bytes_starts": draft.integers.put(starts)}


def _put_fan_out(draft: _Draft, p: Population, connection: Connection) -> Fields:
    """Put the synapses of every source neuron where its events are listed; one number is enough where all agree."""
    fan = fan_out(connection.wiring, draft.program.shape_of(connection.source), p.shape).reshape(-1)
    if (fan == fan[0]).all():
        return {"fan_each": int(fan[0])}
    place = draft.places[connection.source]
    listed = fan if place == 0 and draft.form == BARE else draft.grids[place].spread(fan)
    return {"fan_each": -1, "fan_at": draft.integers.put(listed)}


def _put_registers(draft: _Draft, p: Population, own: LaneGrid) -> Fields:
    """Put the factors of u and v, threshold and bias of every lane, those of a few pixels where all share them."""
    factors = [(DECAY_ONE - 1 - p.du) / DECAY_ONE, (DECAY_ONE - p.dv) / DECAY_ONE]
    bar = (p.vth << VTH_SHIFT) - int(p.properties["at_threshold"])  # what v must exceed
    threshold = bar if p.fires else np.full(p.shape, SILENT)
    bias = p.bias_mantissa << p.bias_exponent
    registers = np.stack([r.astype(np.float32).reshape(-1) for r in (*factors, threshold, bias)])
    lanes = own.spread(registers)  # register pixel lane
    lanes[2][own.spread(np.ones(p.size, dtype=np.int8)) == 0] = SILENT
    if (lanes == lanes[:, :1]).all():
        period = lcm(own.pitch, TILE_UNIT)
        lanes = np.tile(lanes[:, 0], period // own.pitch)
    else:
        lanes = lanes.reshape(len(lanes), -1)
        period = -(-lanes.shape[1] // TILE_UNIT) * TILE_UNIT
        lanes = np.pad(lanes, ((0, 0), (0, period - lanes.shape[1])))
    return {"registers": draft.registers.put(lanes), "register_stride": period, "register_period": period}
