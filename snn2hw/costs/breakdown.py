"""Counts of a run as the rows of a report: by population, by memory access, and in total."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.arithmetic import Int
from sim.layer_names import layer_names
from sim.program import Program
from sim.trace import Counts
from snn2hw.costs.estimate import Estimate
from snn2hw.costs.moments import over_blocks
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
    populations = program.populations
    kinds = ("synops", "spikes", "active")
    found = over_blocks(
        counts, lambda c: {(kind, p.name): getattr(c, kind)[p.name] for kind in kinds for p in populations}
    )
    return tuple(
        PopulationRow(
            name=p.name,
            layer=layers[p.name],
            neurons=p.size,
            synops=found["synops", p.name].estimate(confidence),
            spikes=found["spikes", p.name].estimate(confidence),
            rate=found["spikes", p.name].mean / (p.size * steps),
            updates=p.size * steps,
            active=found["active", p.name].estimate(confidence),
        )
        for p in populations
    )


def memory_rows(counts: Counts, confidence: float) -> tuple[MemoryRow, ...]:
    """Return one row per kind and size of access."""
    found = over_blocks(counts, _accesses)
    words = dict.fromkeys((what, bits) for what, bits, _ in found)
    return tuple(
        MemoryRow(what, bits, *(found[what, bits, way].estimate(confidence) for way in ("read", "written")))
        for what, bits in words
    )


def _accesses(counts: Counts) -> dict[tuple[str, int, str], Int]:
    """Return how often every kind of word was read and written, per sample."""
    sums: dict[tuple[str, int, str], Int] = {}
    zero = np.zeros_like(next(iter(counts.spikes.values())))
    for way, accesses in (("read", counts.reads), ("written", counts.writes)):
        for access in (a for rows in accesses.values() for a in rows):
            for kind in ("read", "written"):
                sums.setdefault((access.what, access.bits, kind), zero)
            sums[access.what, access.bits, way] = sums[access.what, access.bits, way] + access.count
    return sums
