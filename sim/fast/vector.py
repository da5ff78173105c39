"""A raster through a layout: sizes of the lists, scratch memory, and the call of the kernels."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from sim.fast.arena import aligned
from sim.fast.grid import LIST
from sim.fast.image import NEVER
from sim.fast.isa import AVX512, PORTABLE, Avx512, Portable, best
from sim.fast.layout import Layout, table_of
from sim.fast.machine import run_samples
from sim.fast.neurons import LANES
from sim.fast.product import MOST_PIXELS
from sim.fast.records import INTERLEAVED, SOURCE, VALUED, WHOLE, Results, Scratch, Tables
from sim.trace import RECORDABLE

__all__ = ["runner"]

FORMS: dict[str, Portable | Avx512] = {"avx512": AVX512, "portable": PORTABLE}

STRETCH = 64
"""Steps that a tile is advanced before the next; fewer where the lists of events would fill the memory.

Spikes of a neuron in a stretch are counted in a byte.
"""
LIST_BYTES = 1 << 26
KEPT_BYTES = 1 << 26
"""Memory that is kept for the next run of a program, so that single samples do not wait for it."""
SPARE = 64
"""Slots behind a list that a vector store may overwrite."""


@dataclass(frozen=True, eq=False)
class _Plan:
    """What the runs of a layout over so many steps have in common, and the memory of threads that are done."""

    key: tuple[int, int]  # steps, form of the kernels
    layout: Layout
    connections: NDArray[np.void]
    sizes: dict[str, int]
    sources: NDArray[np.void]
    spare: list[Scratch] = field(default_factory=list)


_plans: "weakref.WeakKeyDictionary[Layout, _Plan]" = weakref.WeakKeyDictionary()


def runner(
    layout: Layout, steps: int, refusing: NDArray[np.bool_], kernels: Literal["auto", "avx512", "portable"]
) -> Callable[[NDArray[np.integer[Any]], Results], None]:
    """Return the function that runs a group of samples (B, T, inputs) and writes its results."""
    isa = FORMS.get(kernels) or best()
    if isa == AVX512 and best() != AVX512:
        raise InputError("fast: this CPU has no AVX-512 with VNNI", 'use kernels="portable", or leave the choice to it')
    plan = _plans.get(layout)
    if plan is None or plan.key != (steps, isa.marker):
        plan = _plans[layout] = _plan(layout, steps, isa)
    refused = refusing.astype(np.uint8)

    def run(raster: NDArray[np.integer[Any]], results: Results) -> None:
        recorded = {f"{name}_size": getattr(results, name).shape[2] for name in RECORDABLE}
        whole = table_of(WHOLE, [plan.sizes | recorded | {"batch": len(raster)}])
        populations = _recorded(layout, results.recorded)
        same = (plan.connections, layout.tiles, layout.pieces, layout.runs)
        tables = Tables(whole, plan.sources, populations, *same)
        try:  # rather than ask first: another thread may take the last one in between
            scratch = plan.spare.pop()
        except IndexError:
            scratch = _scratch(plan.layout, tables)
        run_samples(isa, raster.view(np.uint8), tables, layout.arenas, scratch, results, refused)
        if (len(plan.spare) + 1) * sum(array.nbytes for array in scratch) <= KEPT_BYTES:
            plan.spare.append(scratch)

    return run


def _plan(layout: Layout, steps: int, isa: Portable | Avx512) -> _Plan:
    """Prepare for so many steps and a form of the kernels; the plan before is forgotten, its memory with it."""
    key = steps, isa.marker
    connections = _multiplied(layout.connections, isa == AVX512)
    if not ((connections["kind"] == VALUED) & (connections["image_most"] < NEVER)).any():
        layout = replace(layout, packing=layout.packing | {"image_size": 0})
    return _Plan(key, layout, connections, *_sizes(layout, steps))


def _multiplied(connections: NDArray[np.void], able: bool) -> NDArray[np.void]:
    """Return connections that are multiplied as bytes, or where the CPU cannot, read as images of 32-bit messages."""
    connections = connections.copy()
    if able:
        connections["image_most"][connections["bytes_planes"] > 0] = NEVER
    else:
        connections["bytes_most"] = NEVER
    connections.setflags(write=False)
    return connections


def _sizes(layout: Layout, steps: int) -> tuple[dict[str, int], NDArray[np.void]]:
    """Return the sizes of everything, and of the lists of each source, which depend on the number of steps."""
    lags = [
        max((int(c["lag"]) for c in layout.connections if c["source"] == i), default=0)
        for i in range(len(layout.grids))
    ]
    per_slot = [2 * (g.pixels * g.pitch + SPARE) + 4 * (g.pixels + 1) for g in layout.grids]
    per_slot[0] += 4 * (layout.grids[0].size + layout.packing["image_size"]) if layout.graded else 0
    stretch = max(1, min(STRETCH, steps, LIST_BYTES // sum(per_slot)))
    sources, index_at, ends_at = [], 0, 0
    for i, (g, lag) in enumerate(zip(layout.grids, lags, strict=True)):
        slots = 1 << (stretch + min(lag, steps) - 1).bit_length()  # a power of two, so that a mask finds the slot
        index_size, ends_size = g.pixels * g.pitch + SPARE, g.pixels + 2
        channel_step, pixel_step = (g.pixels, 1) if g.is_image else (1, g.pitch)
        sources.append(
            {"form": layout.form if i == 0 else INTERLEAVED, "size": g.size, "pixels": g.pixels, "pitch": g.pitch}
            | {"channels": g.channels, "channel_step": channel_step, "pixel_step": pixel_step, "slots": slots}
            | {"index_at": index_at, "index_size": index_size, "ends_at": ends_at, "ends_size": ends_size}
        )
        index_at, ends_at = index_at + slots * index_size, ends_at + slots * ends_size
    values = sources[0]["slots"] * sources[0]["index_size"] if layout.graded else 0
    whole = {"lanes": layout.arenas.u0.size, "index_size": index_at, "ends_size": ends_at, "values_size": values}
    whole |= {"steps": steps, "inputs": layout.grids[0].size * (4 if layout.graded else 1), "places": len(layout.order)}
    whole |= {"connections": len(layout.connections), "runs": len(layout.runs)}
    pixels = layout.tiles["pixel_to"] - layout.tiles["pixel"] + MOST_PIXELS  # a product is of several at a time
    sums = -(-(int((pixels * layout.tiles["lanes"]).max()) + LANES) // LANES) * LANES
    whole |= {"sums_size": sums, "spikes_room": sums // 8 + LANES}
    whole |= {"together": 2, "stretch": stretch, "graded": layout.graded} | layout.packing
    return whole, table_of(SOURCE, sources)


def _recorded(layout: Layout, recorded: NDArray[np.int64]) -> NDArray[np.void]:
    """Return the populations with the places where their spikes, u and v are recorded."""
    populations, plain = layout.populations.copy(), 0
    for place, p in enumerate(layout.order):
        for name, (first, to) in zip(("spikes_at", "u_at", "v_at"), recorded.tolist(), strict=True):
            populations[place][name] = plain - first if first <= plain < to else -1
        plain += p.size
    populations.setflags(write=False)
    return populations


def _scratch(layout: Layout, tables: Tables) -> Scratch:
    """Return the memory of one thread."""
    whole = {name: int(tables.whole[0][name]) for name in WHOLE.names or ()}
    together = whole["together"]
    return Scratch(
        u=aligned(together * whole["lanes"], np.float32),
        v=aligned(together * whole["lanes"], np.float32),
        counters=aligned(together * whole["lanes"], np.uint8),
        sums16=aligned(2 * whole["sums_size"], np.int16),
        sums32=aligned(2 * whole["sums_size"], np.int32),
        part16=aligned(whole["sums_size"], np.int16),
        part32=aligned(whole["sums_size"], np.int32),
        spikes=aligned(2 * whole["spikes_room"], np.uint8),
        lists=aligned(together * whole["index_size"], np.uint16),
        ends=aligned(together * whole["ends_size"], np.int32),
        window=aligned(LIST + SPARE, np.uint16),
        values=aligned(max(1, together * whole["values_size"]), np.int32),
        bits=aligned(max(1, together * int(tables.sources[0]["slots"]) * whole["bits_size"]), np.uint8),
        image=aligned(max(1, together * int(tables.sources[0]["slots"]) * whole["image_size"]), np.int32),
        drawn=aligned(2 * int(layout.connections["bytes_size"].max(initial=0)), np.uint8),
        heard=aligned(int(tables.sources[0]["size"]), np.uint8),
        block=aligned(-(-int(tables.sources[0]["channels"]) // 64) * 64, np.int64),
        same=aligned(together * int(tables.sources[0]["slots"]), np.uint8),
        faults=aligned(together * whole["stretch"] * len(layout.order) * 2, np.int64),
    )
