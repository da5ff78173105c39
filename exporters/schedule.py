"""Hardware time, derived from a Program: a chip, and lava-nc, needs one step per connection.

``start`` is the least solution of

    start(target) >= start(source) + 1 - lag,    start >= 0,    start(input) = 0

so a population computes its local step t in hardware step start + t, and a message takes

    delay = start(target) - start(source) + lag >= 1

hardware steps. It exists unless some cycle has fewer steps of lag than connections.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sim.errors import UnsupportedError
from sim.program import INPUT, Population, Program

__all__ = ["Schedule", "schedule"]


@dataclass(frozen=True)
class Schedule:
    """When each population starts, how long each message travels, and how far apart streamed samples must be.

    Where ``gap`` is 0 samples follow one another without a pause. Where it is not, what a source sends outside its own
    steps of a sample would still arrive, so it must be suppressed, and ``gap`` empty steps lie between two samples.
    """

    digest: str
    start: Mapping[str, int]
    delay: Mapping[str, tuple[int, ...]]
    """Per population, one delay per connection."""
    gap: int

    def period(self, steps: int) -> int:
        """Return the hardware steps from one sample of ``steps`` steps to the next."""
        return steps + self.gap

    def duration(self, steps: int, samples: int) -> int:
        """Return the hardware steps until the last population has done the last step of the last sample."""
        return max(self.start.values()) + (samples - 1) * self.period(steps) + steps


def schedule(program: Program) -> Schedule:
    """Derive the hardware time of ``program``; refuse the programs that have none, naming the cycle."""
    start = dict.fromkeys(program.by_name, 0)
    pushed_by: dict[str, str] = {}
    for _ in range(len(start) + 1):
        moved = [population.name for population in program.populations if _push(population, start, pushed_by)]
        if not moved:
            break
    else:
        _refuse(moved[0], pushed_by)
    at = {INPUT: 0, **start}
    delays = {p.name: tuple(at[p.name] - at[c.source] + c.lag for c in p.inputs) for p in program.populations}
    gap = max((c.lag for p in program.populations for c in p.inputs), default=0)
    return Schedule(program.digest, start, delays, gap)


def _push(population: Population, start: dict[str, int], pushed_by: dict[str, str]) -> bool:
    """Move one population behind its sources; say whether it moved (Bellman-Ford)."""
    moved = False
    for connection in population.inputs:
        source = 0 if connection.source == INPUT else start[connection.source]
        if start[population.name] < source + 1 - connection.lag:
            start[population.name] = source + 1 - connection.lag
            pushed_by[population.name] = connection.source
            moved = True
    return moved


def _refuse(name: str, pushed_by: Mapping[str, str]) -> None:
    """Walk back from a population that would be pushed for ever, round the cycle that pushes it."""
    for _ in pushed_by:
        name = pushed_by[name]
    cycle = [name]
    while (name := pushed_by[name]) != cycle[0]:
        cycle.append(name)
    path = " -> ".join(reversed([*cycle, cycle[0]]))
    what = f"population {cycle[0]!r}: lies on the cycle {path}, whose lags sum to fewer steps than it has connections"
    raise UnsupportedError(what, "hardware needs one step per connection: raise the lag of the feedback connection")
