"""Populations cut into slices, each of which fits into a core of its own.

A slice that takes too much is cut along the axis whose parts take least; one that still takes too much when it is a
single neuron is refused by name. A neuron's axons out are the cores that read it, so every cut of a reader costs its
sources axons: slices that send to too many cores are cut again until none is left.
"""

from collections.abc import Mapping
from dataclasses import fields
from math import ceil
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from sim.errors import UnsupportedError
from sim.program import INPUT, Population, Program
from snn2hw.chips.target import CoreLimits, Target
from snn2hw.placement.slices import Box, Slice, lines, slice_of, whole

__all__ = ["WORDS", "cut", "limits_of", "reach_of", "sent"]

WORDS = {
    "neurons": "neurons",
    "synapse_bits": "bits of synapses",
    "axons_in": "axons in",
    "axons_out": "axons out",
    "vth_configs": "different thresholds",
    "decay_configs": "different decays",
}
CURES = {
    "neurons": "use a chip whose cores hold neurons",
    "synapse_bits": "prune its synapses, use fewer bits a weight, or a chip with more memory in a core",
    "axons_in": "let it read fewer neurons: pool or prune before it, or use a chip with more axons in a core",
    "axons_out": "let fewer cores read it: make its readers smaller, or use a chip with more axons in a core",
    "vth_configs": "use a chip whose cores hold thresholds",
    "decay_configs": "use a chip whose cores hold decays",
}

Reach = Mapping[str, NDArray[np.int64]]
"""How many axons out every neuron of every population takes."""


def limits_of(target: Target) -> dict[str, int]:
    """Return the limits of one core that a chip states."""
    stated = {f.name: getattr(target.core, f.name) for f in fields(CoreLimits)}
    return {name: limit for name, limit in stated.items() if limit is not None and name in WORDS}


def cut(program: Program, target: Target) -> list[Slice]:
    """Return slices in the program's order, each within every limit of a core of ``target`` when it is alone there."""
    slices = [part for population in program.populations for part in _cut_down(program, population, target)]
    limit = limits_of(target).get("axons_out")
    if limit is None:
        return slices
    reach = reach_of(program, [(s,) for s in slices])
    while True:
        # a part of a slice may have another encoding, of fewer bits and more axons in
        worst = [max(_worst(s, target), ("axons_out", sent(reach, s) / limit), key=lambda w: w[1]) for s in slices]
        if max(ratio for _, ratio in worst) <= 1:
            return slices
        made: list[Slice] = []
        for part, (name, ratio) in zip(slices, worst, strict=True):
            if ratio <= 1:
                made.append(part)
                continue
            if part.box.size == 1:
                need = sent(reach, part) if name == "axons_out" else part.needs[name]
                _refuse(part, name, need, target)
            halves = _halves(program, program.by_name[part.population], part, ceil(ratio), target)
            _add(reach, (part,), -1)
            for half in halves:
                _add(reach, (half,), 1)
            made += halves
        slices = made


def reach_of(program: Program, cores: list[tuple[Slice, ...]]) -> Reach:
    """Return for every neuron the axons out that it takes: one for every core that reads it, two for some."""
    reach = {p.name: np.zeros(p.shape, dtype=np.int64) for p in program.populations}
    for slices in cores:
        _add(reach, slices, 1)
    return reach


def _add(reach: Reach, slices: tuple[Slice, ...], sign: int) -> None:
    for source, window, taken in lines(r for s in slices for r in s.readings):
        if source != INPUT:
            reach[source][window] += sign * taken


def sent(reach: Reach, part: Slice) -> int:
    """Return the axons out of a slice."""
    return int(reach[part.population][part.box.window].sum())


def _cut_down(program: Program, population: Population, target: Target) -> list[Slice]:
    waiting = [slice_of(program, population, whole(population), target.core.neurons)]
    done = []
    while waiting:
        part = waiting.pop()
        name, ratio = _worst(part, target)
        if ratio <= 1:
            done.append(part)
        elif part.box.size == 1:
            _refuse(part, name, part.needs[name], target)
        else:
            waiting += reversed(_halves(program, population, part, ceil(ratio), target))
    return done


def _worst(part: Slice, target: Target) -> tuple[str, float]:
    ratios = {name: part.needs[name] / limit for name, limit in limits_of(target).items() if name in part.needs}
    worst = max(ratios, key=lambda name: ratios[name])
    return worst, ratios[worst]


def _halves(program: Program, population: Population, part: Slice, pieces: int, target: Target) -> list[Slice]:
    """Cut where ``pieces`` equal pieces would meet, along the axis whose first part takes least for its size."""
    best: tuple[tuple[float, float], Box, Slice] | None = None
    limits = limits_of(target)
    fits = _worst(part, target)[1] <= 1  # it is cut for its axons out
    for axis, side in enumerate(part.box.sides):
        if side == 1:
            continue
        at = part.box.low[axis] + max(1, round(side * (pieces // 2) / pieces))
        first, second = part.box.halves(axis, at)
        made = slice_of(program, population, first, target.core.neurons)
        ratios = [made.needs[name] / limit for name, limit in limits.items() if name in made.needs]
        share = first.size / part.box.size
        # every axon in is one more axon out of a core that is read: what costs the sources least breaks a tie
        score = 0.0 if fits else round(max(ratios) / share, 6), made.needs["axons_in"] / share
        if best is None or score < best[0]:
            best = score, second, made
    assert best is not None, "a slice of several neurons has an axis to cut"
    return [best[2], slice_of(program, population, best[1], target.core.neurons)]


def _refuse(part: Slice, name: str, need: int, target: Target) -> NoReturn:
    limit = limits_of(target)[name]
    where = f"population {part.population!r}: neuron {part.box.low} alone needs {need:,} {WORDS[name]}"
    raise UnsupportedError(f"{where}, a core of {target.name} has {limit:,}", CURES[name])
