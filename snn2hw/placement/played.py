"""What every core of a placement does in every step of one sample: the events that a mesh has a price for."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.arithmetic.registry import require_arithmetic
from sim.engines import run
from sim.errors import InputError
from sim.program import INPUT, Program
from sim.raster import check_raster
from snn2hw.placement.encodings import ENCODINGS
from snn2hw.placement.placement import Placement
from snn2hw.placement.slices import Window, lines

__all__ = ["CoreEvents", "Sends", "play", "sends_of"]

Grid = NDArray[np.int64]
Bits = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sends:
    """Who sends, and who is active without sending, in every step of the first sample of a raster."""

    sends: Mapping[str, Bits]
    """By population, and of the input: (t, *shape)."""
    idle: Mapping[str, Bits]
    """Neurons that end a step with u or v, and have sent nothing: (t, *shape)."""
    steps: int


@dataclass(frozen=True, eq=False)
class CoreEvents:
    """Counts by step and core, (t, c), but ``neurons`` (c) and the hops (t)."""

    neurons: Grid
    fired: Grid
    idle: Grid
    """Active neurons that have not fired."""
    sent: Grid
    """Messages to other cores, or to the core itself."""
    arrived: Grid
    """Messages from cores."""
    host: Grid
    """Messages from the host."""
    synops: Mapping[str, Grid]
    """By encoding."""
    across: NDArray[np.int64]
    down: NDArray[np.int64]


def sends_of(program: Program, placement: Placement, raster: ArrayLike) -> Sends:
    """Run the first sample of a raster."""
    require_arithmetic(program.arithmetic, ("loihi",), "a replay on a mesh")
    if placement.digest != program.digest:
        raise InputError("this placement is one of another program", "place this program")
    given = check_raster(program, raster)[:1]
    trace = run(program, given, record=("spikes", "u", "v"), allow_wrap=True)  # a chip wraps too
    sends = {name: spikes[0] != 0 for name, spikes in trace.spikes.items()}
    idle = {name: ((trace.u[name][0] != 0) | (trace.v[name][0] != 0)) & ~sent for name, sent in sends.items()}
    return Sends({**sends, INPUT: given[0] != 0}, idle, given.shape[1])


def play(program: Program, placement: Placement, sends: Sends) -> CoreEvents:
    """Count every event where it happens; a delay does not move a message."""
    cores, steps = placement.cores, sends.steps
    owner = {p.name: np.empty(p.shape, dtype=np.int64) for p in program.populations}
    for index, core in enumerate(cores):
        for part in core.slices:
            owner[part.population][part.box.window] = index
    grids = {n: np.zeros((steps, len(cores)), np.int64) for n in ("fired", "idle", "sent", "arrived", "host")}
    synops = {name: np.zeros((steps, len(cores)), np.int64) for name in ENCODINGS}
    way = np.zeros((2, steps), np.int64)
    tiles = placement.mesh.tiles[[core.place for core in cores]]
    for index, core in enumerate(cores):
        for part in core.slices:
            box = (slice(None), *part.box.window)
            grids["fired"][:, index] += _per_step(sends.sends[part.population][box])
            grids["idle"][:, index] += _per_step(sends.idle[part.population][box])
            for reading in part.readings:
                sent = sends.sends[reading.source][(slice(None), *reading.window)]
                met = sent.reshape(steps, -1) @ reading.synapses.ravel().astype(np.int64)
                synops[reading.encoding][:, index] += met
        for source, window, taken in lines(r for part in core.slices for r in part.readings):
            if source == INPUT:
                grids["host"][:, index] += _per_step(sends.sends[INPUT][(slice(None), *window)] & (taken > 0))
                continue
            step, sender = _messages(sends.sends[source], window, taken > 0, owner[source])
            grids["arrived"][:, index] += np.bincount(step, minlength=steps)
            np.add.at(grids["sent"], (step, sender), 1)
            for axis in range(2):
                np.add.at(way[axis], step, np.abs(tiles[sender, axis] - tiles[index, axis]))
    neurons = np.array([core.needs["neurons"] for core in cores], np.int64)
    return CoreEvents(neurons, synops=synops, across=way[0], down=way[1], **grids)


def _per_step(sent: Bits) -> NDArray[np.int64]:
    return np.asarray(sent.reshape(len(sent), -1).sum(axis=1), dtype=np.int64)


def _messages(sent: Bits, window: Window, read: Bits, owner: Grid) -> tuple[Grid, Grid]:
    """Return the step and the sending core of every message of a source that a core reads."""
    step, place = np.nonzero((sent[(slice(None), *window)] & read).reshape(len(sent), -1))
    return step, owner[window].ravel()[place]
