"""Counts of a run as the rows of a report: by population, by memory access, and in total."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.arithmetic import Int
from sim.layer_names import layer_names
from sim.program import Program
from sim.trace import Counts
from snn2hw.costs.estimate import Estimate, estimate
from snn2hw.costs.prices import Event

__all__ = ["MemoryRow", "PopulationRow", "memory_rows", "population_rows", "totals"]


@dataclass(frozen=True)
class PopulationRow:
    """One population's counts per inference."""

    name: str
    layer: str
    """What tables call it."""
    neurons: int
    synops: Estimate
    spikes: Estimate
    rate: float
    updates: int
    active: Estimate


@dataclass(frozen=True)
class MemoryRow:
    """All accesses of one kind and size, per inference."""

    what: str
    bits: int
    reads: Estimate
    writes: Estimate


def totals(events: Mapping[Event, Int]) -> dict[str, Int]:
    """Return what the whole program did, per sample, by the name a report uses."""
    return {
        "synops": events["synop"],
        "synops_of_graded_messages": events["multiply_accumulate"],
        "spikes": events["spike"],
        "messages": events["message"],
        "updates": events["update"],
        "updates_active": events["update_active"],
        "updates_inactive": events["update_inactive"],
    }


def population_rows(program: Program, counts: Counts, steps: int, confidence: float) -> tuple[PopulationRow, ...]:
    """Return one row per population."""
    layers = layer_names(program)
    return tuple(
        PopulationRow(
            name=p.name,
            layer=layers[p.name],
            neurons=p.size,
            synops=estimate(counts.synops[p.name], confidence),
            spikes=estimate(counts.spikes[p.name], confidence),
            rate=float(counts.spikes[p.name].mean()) / (p.size * steps),
            updates=p.size * steps,
            active=estimate(counts.active[p.name], confidence),
        )
        for p in program.populations
    )


def memory_rows(counts: Counts, confidence: float) -> tuple[MemoryRow, ...]:
    """Return one row per kind and size of access."""
    sums: dict[tuple[str, int], list[Int]] = {}
    zero = np.zeros_like(next(iter(counts.spikes.values())))
    for way, accesses in enumerate((counts.reads, counts.writes)):
        for access in (a for rows in accesses.values() for a in rows):
            both = sums.setdefault((access.what, access.bits), [zero, zero])
            both[way] = both[way] + access.count
    return tuple(
        MemoryRow(what, bits, estimate(reads, confidence), estimate(writes, confidence))
        for (what, bits), (reads, writes) in sums.items()
    )
