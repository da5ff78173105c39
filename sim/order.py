"""In which order the populations of one local step are computed."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from sim.errors import ProgramError
from sim.parts import INPUT, Population

__all__ = ["step_order"]


def step_order(populations: Sequence[Population]) -> tuple[Population, ...]:
    """Sort so that every lag-0 source comes before its target; the given order decides ties."""
    reads: Mapping[str, list[str]] = {
        p.name: [c.source for c in p.inputs if c.lag == 0 and c.source != INPUT] for p in populations
    }
    sorter = TopologicalSorter(reads)
    try:
        sorter.prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]  # each name reads the one before it
        what = f"population {cycle[1]!r}: reads {cycle[0]!r} with lag 0, which closes a cycle"
        raise ProgramError(what, "give the connection lag=1") from None
    by_name = {p.name: p for p in populations}
    position = {p.name: i for i, p in enumerate(populations)}
    order: list[Population] = []
    while sorter.is_active():
        for name in sorted(sorter.get_ready(), key=position.__getitem__):
            order.append(by_name[name])
            sorter.done(name)
    return tuple(order)
