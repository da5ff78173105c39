"""Messages between cores: who sends, who reads, how often, and the synops that this means.

A message goes once to every core that reads its neuron. How often neurons send comes from a run, or from the bound
that every neuron that may fire does so in every step. The input's messages come from the host: they are counted where
they arrive, and take no way on the mesh.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.engines import DEFAULT_ENGINE, run
from sim.program import INPUT, Program
from sim.raster import check_raster
from snn2hw.placement.slices import Slice, lines

__all__ = ["Activity", "Flow", "by_bound", "by_run", "flow_between", "synops_of"]


@dataclass(frozen=True, eq=False)
class Activity:
    """How many messages every neuron sends in ``steps`` steps of all samples together."""

    sends: Mapping[str, NDArray[np.int64]]
    steps: int
    basis: str


@dataclass(frozen=True, eq=False)
class Flow:
    """Messages from core to core: ``messages[i]`` of them from ``sender[i]`` to ``reader[i]``."""

    sender: NDArray[np.int64]
    reader: NDArray[np.int64]
    messages: NDArray[np.int64]
    arriving: NDArray[np.int64]
    """From the host, for every core."""


def by_bound(program: Program) -> Activity:
    """Return one message a step of every source that may send."""
    sends = {p.name: np.full(p.shape, int(p.fires), dtype=np.int64) for p in program.populations}
    sends[INPUT] = np.ones(program.input.shape, dtype=np.int64)
    return Activity(sends, 1, "bound: every neuron that may fire does so in every step")


def by_run(program: Program, raster: ArrayLike, engine: str = DEFAULT_ENGINE) -> Activity:
    """Return the messages of a run."""
    given = check_raster(program, raster)
    trace = run(program, given, engine=engine, allow_wrap=True)  # a chip wraps too
    sends = {name: (spikes != 0).sum(axis=(0, 1), dtype=np.int64) for name, spikes in trace.spikes.items()}
    sends[INPUT] = np.count_nonzero(given, axis=(0, 1)).astype(np.int64)
    samples, steps = given.shape[:2]
    return Activity(sends, samples * steps, f"run: {samples} samples of {steps} steps")


def flow_between(program: Program, cores: Sequence[Sequence[Slice]], activity: Activity) -> Flow:
    """Return who sends how many messages to whom."""
    owner = {p.name: np.empty(p.shape, dtype=np.int64) for p in program.populations}
    for index, slices in enumerate(cores):
        for part in slices:
            owner[part.population][part.box.window] = index
    found: dict[tuple[int, int], int] = {}
    arriving = np.zeros(len(cores), dtype=np.int64)
    for reader, slices in enumerate(cores):
        for source, window, taken in lines(r for part in slices for r in part.readings):
            sent = activity.sends[source][window] * (taken > 0)
            if source == INPUT:
                arriving[reader] += sent.sum()
                continue
            owners = owner[source][window].ravel()
            first = int(owners.min())
            totals = np.bincount(owners - first, weights=sent.ravel())  # exact: far below 2^53
            for place in np.flatnonzero(totals):
                key = first + int(place), reader
                found[key] = found.get(key, 0) + int(totals[place])
    pairs = np.array(sorted(found), dtype=np.int64).reshape(-1, 2)
    messages = np.array([found[s, r] for s, r in pairs.tolist()], dtype=np.int64)
    return Flow(pairs[:, 0], pairs[:, 1], messages, arriving)


def synops_of(slices: Sequence[Slice], activity: Activity) -> int:
    """Return the synops of one core in all steps."""
    met = (activity.sends[r.source][r.window] * r.synapses for part in slices for r in part.readings)
    return sum(int(m.sum()) for m in met)
