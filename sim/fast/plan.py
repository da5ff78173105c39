"""A raster through a layout: sizes of the lists, scratch memory, and the call of the kernels."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from sim.fast.kernels import choice
from sim.fast.kernels.machine import run_samples
from sim.fast.kernels.sums import SUM_BYTES
from sim.fast.layout.arena import aligned
from sim.fast.layout.grid import LIST, TILE_UNIT
from sim.fast.layout.laid_out import LaidOut
from sim.fast.layout.matrix import MOST_PIXELS
from sim.fast.layout.records import (
    INTERLEAVED,
    NEVER,
    SIZES,
    SOURCE,
    VALUED,
    Scratch,
    SizesRow,
    SourceRow,
    Tables,
    table_of,
)
from sim.fast.vector.calls import ChosenLoop, address
from sim.fast.vector.isa import AVX512, PORTABLE, Avx512, Portable, best
from sim.outcome import Outcome
from sim.trace import RECORDABLE

__all__ = ["loops_of", "runner"]

Place = Callable[[ChosenLoop], int]
"""What a table is told of a loop: where its machine code begins."""

FORMS: dict[str, Portable | Avx512] = {"avx512": AVX512, "portable": PORTABLE}

STRETCH = 64
"""Steps that a tile is advanced before the next; fewer where the lists of events would fill the memory.

Spikes of a neuron in a stretch are counted in a byte.
"""
LIST_BYTES = 1 << 26
SPARE_BYTES = 1 << 26
"""Memory that is kept for the next run of a program, so that single samples do not wait for it."""
SPARE = 64
"""Slots behind a list that a vector store may overwrite."""
TOGETHER = 2
"""Samples that run together."""


@dataclass(frozen=True, eq=False)
class _VectorPlan:
    """What the runs of a layout over so many steps have in common, and the memory of threads that are done."""

    key: tuple[int, int]  # steps, form of the kernels
    isa: Portable | Avx512
    layout: LaidOut
    connections: NDArray[np.void]
    pieces: NDArray[np.void]
    sizes: SizesRow
    sources: NDArray[np.void]
    recording: dict[bytes, tuple[NDArray[np.void], NDArray[np.void]]] = field(default_factory=dict)
    spare: list[Scratch] = field(default_factory=list)


_plans: "weakref.WeakKeyDictionary[LaidOut, _VectorPlan]" = weakref.WeakKeyDictionary()


def runner(
    layout: LaidOut, steps: int, refusing: NDArray[np.bool_], kernels: Literal["auto", "avx512", "portable"]
) -> Callable[[NDArray[np.integer[Any]], Outcome], None]:
    """Return the function that runs a group of samples (B, T, inputs) and writes what comes of it."""
    isa = FORMS.get(kernels) or best()
    if isa == AVX512 and best() != AVX512:
        raise InputError("fast: this CPU has no AVX-512 with VNNI", 'use kernels="portable", or leave the choice to it')
    plan = _plans.get(layout)
    if plan is None or plan.key != (steps, isa.marker):
        plan = _plans[layout] = _plan(layout, steps, isa)
    refused = refusing.astype(np.uint8)

    def run(raster: NDArray[np.integer[Any]], outcome: Outcome) -> None:
        sizes, populations = _recording(plan, outcome)
        sizes["batch"] = len(raster)
        tables = Tables(
            sizes=sizes,
            sources=plan.sources,
            populations=populations,
            connections=plan.connections,
            tiles=layout.tiles,
            pieces=plan.pieces,
            runs=layout.runs,
        )
        try:  # rather than ask first: another thread may take the last one in between
            scratch = plan.spare.pop()
        except IndexError:
            scratch = _scratch(plan.layout, tables)
        run_samples(isa, raster.view(np.uint8), tables, layout.arenas, scratch, outcome, refused)
        if (len(plan.spare) + 1) * sum(array.nbytes for array in scratch) <= SPARE_BYTES:
            plan.spare.append(scratch)

    return run


def loops_of(layout: LaidOut, steps: int, recorded: NDArray[np.int64]) -> tuple[ChosenLoop, ...]:
    """Return the loops that a run over so many steps calls, without compiling any."""
    found: dict[ChosenLoop, None] = {}

    def note(chosen: ChosenLoop) -> int:
        found[chosen] = None
        return 0

    _populations(_plan(layout, steps, best(), note), recorded, note)
    return tuple(found)


def _plan(layout: LaidOut, steps: int, isa: Portable | Avx512, place_of: Place = address) -> _VectorPlan:
    """Prepare for so many steps and a form of the kernels; the plan before is forgotten, its memory with it."""
    connections = _multiplied(layout, isa == AVX512, place_of)
    images = bool(((connections["kind"] == VALUED) & (connections["image_most"] < NEVER)).any())
    if not images:
        layout = replace(layout, packing=layout.packing | {"image_size": 0})
    sizes, sources = _sizes(layout, steps)
    return _VectorPlan(
        key=(steps, isa.marker),
        isa=isa,
        layout=layout,
        connections=connections,
        pieces=_pieces(layout, connections, place_of),
        sizes=sizes,
        sources=sources,
    )


def _multiplied(layout: LaidOut, able: bool, place_of: Place) -> NDArray[np.void]:
    """Return connections that are multiplied as bytes, or where the CPU cannot, read as images of 32-bit messages."""
    connections = layout.connections.copy()
    if able:
        connections["image_most"][connections["bytes_planes"] > 0] = NEVER
    else:
        connections["bytes_most"] = NEVER
    for place, p in enumerate(layout.populations):
        for c in connections[p["connections"] : p["connections_to"]]:
            most = layout.populations[c["source"] - 1]["most"] if c["source"] > 0 else 1
            if c["bytes_most"] < layout.grids[c["source"]].size * most:
                pitch = layout.grids[place + 1].pitch
                c["product"] = place_of(choice.multiplying(pitch, bool(c["wide"]), bool(c["bytes_single"])))
                if c["bytes_single"]:
                    c["product_of_two"] = place_of(choice.multiplying_two_steps(bool(c["wide"])))
    connections.setflags(write=False)
    return connections


def _pieces(layout: LaidOut, connections: NDArray[np.void], place_of: Place) -> NDArray[np.void]:
    """Return the pieces with the loops that sum them."""
    pieces = layout.pieces.copy()
    for c in connections:
        kind, weight_bits, wide, two_pixels = (int(c[name]) for name in ("kind", "weight_bits", "wide", "two_pixels"))
        for piece in pieces[c["pieces"] : c["pieces_to"]]:
            lanes = int(piece["lanes"])
            piece["loop"] = place_of(choice.summing(kind, lanes, weight_bits, bool(wide), bool(two_pixels)))
            if c["kind"] == VALUED and c["image_most"] < layout.grids[c["source"]].size:
                piece["image_loop"] = place_of(choice.multiplying_windows(lanes))
    pieces.setflags(write=False)
    return pieces


def _sizes(layout: LaidOut, steps: int) -> tuple[SizesRow, NDArray[np.void]]:
    """Return the sizes of everything, and of the lists of each source, which depend on the number of steps."""
    lags = [
        max((int(c["lag"]) for c in layout.connections if c["source"] == i), default=0)
        for i in range(len(layout.grids))
    ]
    packing = {name: number for name, number in layout.packing.items() if name in SizesRow._fields}
    most, lists = _longest_lists(layout)
    stretch = max(1, min(STRETCH, steps, LIST_BYTES // _slot_bytes(layout, lists)))
    sources: list[SourceRow] = []
    index_at = ends_at = 0
    for i, (g, lag) in enumerate(zip(layout.grids, lags, strict=True)):
        slots = 1 << (stretch + min(lag, steps) - 1).bit_length()  # a power of two, so that a mask finds the slot
        source = SourceRow(
            form=layout.form if i == 0 else INTERLEAVED,
            size=g.size,
            pixels=g.pixels,
            pitch=g.pitch,
            channels=g.channels,
            channel_step=g.pixels if g.is_image else 1,
            pixel_step=1 if g.is_image else g.pitch,
            slots=slots,
            index_at=index_at,
            index_size=lists[i],
            ends_at=ends_at,
            ends_size=g.pixels + 2,
        )
        sources.append(source)
        index_at, ends_at = index_at + slots * source.index_size, ends_at + slots * source.ends_size
    sums = _room_for_sums(layout)
    sizes = SizesRow(
        steps=steps,
        inputs=layout.grids[0].size * (4 if layout.graded else 1),
        places=len(layout.order),
        connections=len(layout.connections),
        runs=len(layout.runs),
        lanes=layout.arenas.u0.size,
        index_size=index_at,
        ends_size=ends_at,
        values_size=sources[0].slots * sources[0].index_size if layout.graded else 0,
        sums_size=sums,
        spikes_room=sums // 8 + TILE_UNIT,
        together=TOGETHER,
        stretch=stretch,
        graded=int(layout.graded),
        rests=int(layout.populations["pause"].any()),
        many=int(most > 1),
        **packing,
    )
    return sizes, table_of(SOURCE, sources)


def _longest_lists(layout: LaidOut) -> tuple[int, list[int]]:
    """Return the greatest message of any population, and how long the lists of each source may become."""
    most = [1, *layout.populations["most"].tolist()]
    return max(most), [n * g.pixels * g.pitch + SPARE for n, g in zip(most, layout.grids, strict=True)]


def _slot_bytes(layout: LaidOut, lists: list[int]) -> int:
    """Return the bytes of the lists of one step."""
    of_values = 4 * (layout.grids[0].size + layout.packing.get("image_size", 0)) if layout.graded else 0
    return of_values + sum(2 * size + 4 * (g.pixels + 2) for size, g in zip(lists, layout.grids, strict=True))


def _room_for_sums(layout: LaidOut) -> int:
    """Return how many sums the largest tile has, a product being of several pixels at a time."""
    pixels = layout.tiles["pixel_to"] - layout.tiles["pixel"] + MOST_PIXELS
    return -(-(int((pixels * layout.tiles["lanes"]).max()) + TILE_UNIT) // TILE_UNIT) * TILE_UNIT


def _recording(plan: _VectorPlan, outcome: Outcome) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return the sizes, for any batch, and the populations of runs that record what this one does."""
    recorded = outcome.recorded.tobytes()
    if recorded not in plan.recording:
        of_a_step = {f"{name}_size": getattr(outcome, name).shape[2] for name in RECORDABLE}
        sizes = table_of(SIZES, [plan.sizes._replace(**of_a_step)])
        plan.recording[recorded] = sizes, _populations(plan, outcome.recorded)
    sizes, populations = plan.recording[recorded]
    return sizes.copy(), populations


def _populations(plan: _VectorPlan, recorded: NDArray[np.int64], place_of: Place = address) -> NDArray[np.void]:
    """Return the populations with the places where they are recorded, and the loops that advance them."""
    populations, neuron = plan.layout.populations.copy(), 0
    stretch, steps = plan.sizes.stretch, plan.sizes.steps
    lengths = {stretch, steps % stretch} - {0}
    together = [plan.layout.tiles[run["tiles"] : run["tiles_to"]] for run in plan.layout.runs if run["stepwise"]]
    stepwise = {int(place) for tiles in together for place in tiles["place"]}
    for place, p in enumerate(plan.layout.order):
        row = populations[place]
        for name, (first, to) in zip(("spikes_at", "u_at", "v_at"), recorded.tolist(), strict=True):
            row[name] = neuron - first if first <= neuron < to else -1
        neuron += p.size
        alone = place in stepwise or row["u_at"] >= 0 or row["v_at"] >= 0
        kind = choice.NeuronKind(bool(row["checked"]), bool(row["special"]), bool(row["most"] > 1), bool(row["wide"]))
        avx512 = plan.isa == AVX512
        if alone or any(length % 2 for length in lengths):
            row["one_step"] = place_of(choice.advancing(avx512, kind, 1))
        if not alone and max(lengths) > 1:
            row["two_steps"] = place_of(choice.advancing(avx512, kind, 2))
    populations.setflags(write=False)
    return populations


def _scratch(layout: LaidOut, tables: Tables) -> Scratch:
    """Return the memory of one thread."""
    sizes = SizesRow(*tables.sizes[0].item())
    source = SourceRow(*tables.sources[0].item())
    slots, sums_size = TOGETHER * source.slots, SUM_BYTES * sizes.sums_size
    return Scratch(
        u=aligned(TOGETHER * sizes.lanes, np.float32),
        v=aligned(TOGETHER * sizes.lanes, np.float32),
        rest=aligned(max(1, TOGETHER * sizes.lanes * sizes.rests), np.float32),
        counters=aligned(TOGETHER * sizes.lanes, np.uint8),
        sums=aligned(2 * sums_size, np.uint8),
        part=aligned(sums_size, np.uint8),
        spikes=aligned(2 * sizes.spikes_room, np.uint8),
        sent=aligned(max(1, 2 * sizes.sums_size * sizes.many), np.uint8),
        lists=aligned(TOGETHER * sizes.index_size, np.uint16),
        ends=aligned(TOGETHER * sizes.ends_size, np.int32),
        window=aligned(LIST * int(layout.populations["most"].max(initial=1)) + SPARE, np.uint16),
        values=aligned(max(1, TOGETHER * sizes.values_size), np.int32),
        bits=aligned(max(1, slots * sizes.bits_size), np.uint8),
        image=aligned(max(1, slots * sizes.image_size), np.int32),
        drawn=aligned(2 * int(layout.connections["bytes_size"].max(initial=0)), np.uint8),
        heard=aligned(source.size, np.uint8),
        block=aligned(-(-source.channels // 64) * 64, np.int64),
        same=aligned(slots, np.uint8),
        faults=aligned(TOGETHER * sizes.stretch * len(layout.order) * 2, np.int64),
    )
