"""Which place of the mesh every core lies at, so that messages take few hops."""

import math

import numpy as np
from numpy.typing import NDArray

from snn2hw.placement.mesh import Mesh, hop_weighted
from snn2hw.placement.traffic import Flow

__all__ = ["anneal", "greedy_positions", "in_order"]

Positions = NDArray[np.int64]
PROPOSALS, PROPOSALS_A_CORE = 40_000, 400
COLDEST = 1e-3
"""The last temperature, as a part of the first."""


def in_order(cores: int) -> Positions:
    """Lay core i at place i."""
    return np.arange(cores, dtype=np.int64)


def _symmetric(flow: Flow, cores: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return for every core the others that it exchanges messages with, and how many."""
    others: list[dict[int, int]] = [{} for _ in range(cores)]
    for a, b, n in zip(flow.sender.tolist(), flow.reader.tolist(), flow.messages.tolist(), strict=True):
        if a != b:
            others[a][b] = others[a].get(b, 0) + n
            others[b][a] = others[b].get(a, 0) + n
    return [(np.array(list(o), np.int64), np.array(list(o.values()), np.int64)) for o in others]


def greedy_positions(flow: Flow, cores: int, mesh: Mesh) -> Positions:
    """Lay down one core after the other: the one tied most to those that lie, at the free place of fewest hops."""
    near, tiles = _symmetric(flow, cores), mesh.tiles
    position = np.full(cores, -1, dtype=np.int64)
    free = np.ones(len(tiles), dtype=bool)
    tied = np.zeros(cores, dtype=np.int64)
    waiting = np.ones(cores, dtype=bool)
    for _ in range(cores):
        core = int(np.argmax(np.where(waiting, tied, -1)))
        others, messages = near[core]
        lying = position[others] >= 0
        at = tiles[position[others[lying]]]
        hops = np.zeros(len(tiles), dtype=np.int64)
        for place, weight in zip(at, messages[lying], strict=True):
            hops += weight * np.abs(tiles - place).sum(axis=1)
        position[core] = int(np.argmin(np.where(free, hops, np.iinfo(np.int64).max)))
        free[position[core]] = waiting[core] = False
        tied[others] += messages
    return position


def anneal(flow: Flow, start: Positions, mesh: Mesh, *, seed: int = 0) -> Positions:
    """Swap what lies at two places again and again, worse ones ever more rarely; return the best that was met."""
    rng = np.random.default_rng(seed)
    near, tiles = _symmetric(flow, len(start)), mesh.tiles
    position, lies = start.copy(), np.full(len(tiles), -1, dtype=np.int64)
    lies[position] = np.arange(len(start))
    now = best = hop_weighted(flow, position, mesh)
    kept = position.copy()
    hottest = 2.0 * best / max(1, len(start))
    proposals = min(PROPOSALS, PROPOSALS_A_CORE * len(start)) if best else 0
    moved, places = rng.integers(0, len(start), proposals), rng.integers(0, len(tiles), proposals)
    chances = rng.random(proposals)
    for n in range(proposals):
        core, place = int(moved[n]), int(places[n])
        left, other = int(position[core]), int(lies[place])
        if (tiles[left] == tiles[place]).all():
            continue
        change = _change(near[core], core, (left, place), position, tiles, other)
        if other >= 0:
            change += _change(near[other], other, (place, left), position, tiles, core)
        warmth = hottest * COLDEST ** (n / proposals)
        if change > 0 and chances[n] >= math.exp(-change / warmth):
            continue
        position[core], lies[place], lies[left] = place, core, other
        if other >= 0:
            position[other] = left
        now += change
        if now < best:
            best, kept = now, position.copy()
    return kept


def _change(
    near: tuple[NDArray[np.int64], NDArray[np.int64]],
    core: int,
    way: tuple[int, int],
    position: Positions,
    tiles: NDArray[np.int64],
    swapped: int,
) -> int:
    """Return how many hops moving a core adds; what it exchanges with the core it is swapped with keeps its way."""
    others, messages = near
    at = tiles[position[others]]
    before, after = (np.abs(at - tiles[place]).sum(axis=1) for place in way)
    return int(((after - before) * messages)[others != swapped].sum())
