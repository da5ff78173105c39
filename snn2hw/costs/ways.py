"""What a placement makes of the messages of every neuron: the cores that they go to, and the hops on the way.

messages(sample) = sum over neurons  times it sent * cores that read it          hops the same, with the hops of each
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.description import Int
from sim.errors import InputError
from sim.program import INPUT, Program
from snn2hw.costs.prices import Event
from snn2hw.placement.placement import Placement
from snn2hw.placement.slices import lines

__all__ = ["WAYS", "Placed", "Ways", "WaysTaken", "ways_of"]

WAYS: tuple[Event, ...] = ("message", "hop_across", "hop_down")

Ways = Mapping[str, Int]
"""By population, (ways, neurons): what one message of every neuron comes to."""


def ways_of(program: Program, placement: Placement) -> Ways:
    """Follow the messages of every neuron to the cores that read it; those of the host come from no core."""
    if placement.digest != program.digest:
        raise InputError("this placement is one of another program", "place this program")
    shapes = {p.name: p.shape for p in program.populations}
    owner = {name: np.empty(shape, dtype=np.int64) for name, shape in shapes.items()}
    for index, core in enumerate(placement.cores):
        for part in core.slices:
            owner[part.population][part.box.window] = index
    tiles = placement.mesh.tiles[[core.place for core in placement.cores]]
    found = {name: np.zeros((len(WAYS), *shape), dtype=np.int64) for name, shape in shapes.items()}
    for index, core in enumerate(placement.cores):
        for source, window, taken in lines(r for part in core.slices for r in part.readings):
            if source == INPUT:
                continue
            read = taken > 0
            apart = np.abs(tiles[owner[source][window]] - tiles[index])
            for way, hops in zip(found[source], (1, apart[..., 0], apart[..., 1]), strict=True):
                way[window] += read * hops
    return {name: ways.reshape(len(WAYS), -1) for name, ways in found.items()}


@dataclass(frozen=True, eq=False)
class Placed:
    """The messages and hops of every sample under one placement."""

    chip: str
    placer: str
    taken: Mapping[Event, Int]


class WaysTaken:
    """The messages and hops of every sample, from spikes that come chunk by chunk."""

    def __init__(self, program: Program, placement: Placement) -> None:
        self._placement, self._ways = placement, ways_of(program, placement)
        self._found: list[Int] = []

    def add(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take the recorded spikes of more samples, ``spikes.NAME`` (b, t, *shape)."""
        sums = []
        for name, ways in self._ways.items():
            sent = (arrays[f"spikes.{name}"] != 0).sum(axis=1, dtype=np.int64)
            sums.append(ways @ sent.reshape(len(sent), -1).T)
        self._found.append(np.sum(sums, axis=0))

    def placed(self) -> Placed:
        """Return what every sample came to."""
        taken = dict(zip(WAYS, np.concatenate(self._found, axis=1), strict=True))
        return Placed(self._placement.target, self._placement.placer, taken)
