"""Which populations may be advanced through many steps alone, and which only together, step by step."""

from dataclasses import dataclass
from graphlib import TopologicalSorter

from sim.program import INPUT, Population

__all__ = ["Run", "runs"]


@dataclass(frozen=True)
class Run:
    """Places in the order of computation; ``stepwise`` where they read one another through lags."""

    places: tuple[int, ...]
    stepwise: bool


def runs(order: tuple[Population, ...]) -> tuple[Run, ...]:
    """Group the populations into the strongly connected components of the whole graph, sources first."""
    place = {p.name: i for i, p in enumerate(order)}
    reads = [{place[c.source] for c in p.inputs if c.source != INPUT} for p in order]
    reached = [_reach(reads, i) for i in range(len(order))]
    home = [min([i, *(j for j in reached[i] if i in reached[j])]) for i in range(len(order))]
    members = {h: tuple(i for i in range(len(order)) if home[i] == h) for h in home}
    graph = {h: {home[j] for i in who for j in reads[i]} - {h} for h, who in members.items()}
    return tuple(Run(members[h], len(members[h]) > 1 or h in reads[h]) for h in TopologicalSorter(graph).static_order())


def _reach(reads: list[set[int]], start: int) -> set[int]:
    """Return everything that ``start`` reads, directly or not."""
    found: set[int] = set()
    open_ends = set(reads[start])
    while open_ends:
        found |= open_ends
        open_ends = {j for i in open_ends for j in reads[i]} - found
    return found
