"""What is advanced together: populations in runs, their neurons in tiles, the lanes of a pixel in pieces."""

from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import groupby, pairwise
from math import gcd

from sim.fast.layout.grid import TILE_UNIT, LaneGrid
from sim.fast.layout.records import TileRow
from sim.program import INPUT, Population

__all__ = ["Lane", "StepRun", "runs", "split_lanes", "split_pixels"]

TILE_LANES = 3712
"""About as many neurons as keep their u and v in the nearest cache."""

Lane = tuple[int, int]
"""The first lane of a piece, and how many it has."""


@dataclass(frozen=True)
class StepRun:
    """Places in the order of computation; ``stepwise`` where they read one another through lags."""

    places: tuple[int, ...]
    stepwise: bool


def runs(order: tuple[Population, ...]) -> tuple[StepRun, ...]:
    """Group the populations into the strongly connected components of the whole graph, sources first.

    One of a component may be advanced through many steps alone; several, or one that reads itself, only step by step.
    """
    place = {p.name: i for i, p in enumerate(order)}
    reads = [{place[c.source] for c in p.inputs if c.source != INPUT} for p in order]
    reached = [_reach(reads, i) for i in range(len(order))]
    home = [min([i, *(j for j in reached[i] if i in reached[j])]) for i in range(len(order))]
    members = {h: tuple(i for i in range(len(order)) if home[i] == h) for h in home}
    graph = {h: {home[j] for i in who for j in reads[i]} - {h} for h, who in members.items()}
    sorted_homes = TopologicalSorter(graph).static_order()
    return tuple(StepRun(members[h], len(members[h]) > 1 or h in reads[h]) for h in sorted_homes)


def _reach(reads: list[set[int]], start: int) -> set[int]:
    """Return everything that ``start`` reads, directly or not."""
    found: set[int] = set()
    open_ends = set(reads[start])
    while open_ends:
        found |= open_ends
        open_ends = {j for i in open_ends for j in reads[i]} - found
    return found


def split_lanes(pitch: int, most: int) -> list[Lane]:
    """Split the lanes of a pixel into pieces of up to ``most`` times 32 lanes, as equal as can be.

    Where they are larger than what is advanced at once, they begin where that does.
    """
    if pitch < 32:
        return [(0, pitch)]
    unit = TILE_UNIT if most > 1 else 32
    units, count = -(-pitch // unit), -(-pitch // (32 * most))
    edges = [min(unit * (units * i // count), pitch) for i in range(count + 1)]
    return [(a, b - a) for a, b in pairwise(edges)]


def split_pixels(own: LaneGrid, pieces: list[Lane], place: int, *, all_lanes: bool) -> list[TileRow]:
    """Cut a population into tiles: a piece or two of its one pixel, or, with all their lanes, a few pixels each.

    A tile begins where ``TILE_UNIT`` lanes end: what is advanced together belongs to one tile.
    """
    if not all_lanes:
        tiles, piece = [], 0
        for _, group in groupby(pieces, lambda p: p[0] // TILE_UNIT):
            taken = list(group)
            lanes, piece_to = sum(n for _, n in taken), piece + len(taken)
            tiles.append(TileRow(place, 0, 1, taken[0][0], lanes, piece=piece, piece_to=piece_to))
            piece = piece_to
        return tiles
    count = -(-own.pixels * own.pitch // TILE_LANES)
    unit = max(2, TILE_UNIT // gcd(own.pitch, TILE_UNIT))  # two, because they may be looked up two at a time
    step = -(-own.pixels // (count * unit)) * unit
    whole_pixels = {"lane": 0, "lanes": own.pitch, "piece": 0, "piece_to": len(pieces)}
    return [
        TileRow(place, i, min(i + step, own.pixels), **whole_pixels, y=i // own.width, x=i % own.width)
        for i in range(0, own.pixels, step)
    ]
