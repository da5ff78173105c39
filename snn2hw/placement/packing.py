"""Slices put together into cores.

What slices take is added up, their registers are united; axons that two slices of a core could share are counted
twice while packing, so that no core ever takes more than was counted. How full a core is in the end is counted anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sim.program import Program
from snn2hw.chips.target import Target
from snn2hw.placement.cutting import Reach, limits_of, reach_of, sent
from snn2hw.placement.slices import Slice, axons_in
from snn2hw.placement.traffic import Activity, flow_between

__all__ = ["core_needs", "first_fit", "next_fit"]

Cores = list[tuple[Slice, ...]]
SUMMED = ("neurons", "synapse_bits", "axons_in", "axons_out")
"""What adds up; different registers are united."""

OPEN_CORES = 64
"""How many of the cores opened last may still be given a slice."""


@dataclass
class _Filling:
    slices: list[int] = field(default_factory=list)
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SUMMED, 0))
    vths: frozenset[int] = frozenset()
    decays: frozenset[int] = frozenset()


@dataclass(frozen=True)
class _Room:
    """What there is to pack, and into what."""

    slices: Sequence[Slice]
    takes: Sequence[dict[str, int]]
    limits: dict[str, int]

    def fits(self, core: _Filling, index: int) -> bool:
        part, takes = self.slices[index], self.takes[index]
        need = {name: core.sums[name] + takes[name] for name in SUMMED}
        need["vth_configs"] = len(core.vths | part.vths)
        need["decay_configs"] = len(core.decays | part.decays)
        return all(need[name] <= limit for name, limit in self.limits.items())

    def put(self, core: _Filling, index: int) -> None:
        part = self.slices[index]
        core.slices.append(index)
        core.sums = {name: core.sums[name] + self.takes[index][name] for name in SUMMED}
        core.vths |= part.vths
        core.decays |= part.decays


def _room(program: Program, slices: Sequence[Slice], target: Target) -> _Room:
    reach = reach_of(program, [(s,) for s in slices])
    takes = [{**{n: s.needs[n] for n in SUMMED[:3]}, "axons_out": sent(reach, s)} for s in slices]
    return _Room(slices, takes, limits_of(target))


def _done(slices: Sequence[Slice], cores: Sequence[_Filling]) -> Cores:
    return [tuple(slices[i] for i in core.slices) for core in cores]


def next_fit(program: Program, slices: Sequence[Slice], target: Target) -> Cores:
    """Fill one core after the other in the order of the program."""
    room = _room(program, slices, target)
    cores = [_Filling()]
    for index in range(len(slices)):
        if not room.fits(cores[-1], index):
            cores.append(_Filling())
        room.put(cores[-1], index)
    return _done(slices, cores)


def first_fit(program: Program, slices: Sequence[Slice], target: Target, activity: Activity) -> Cores:
    """Put every slice into the open core that it exchanges most messages with, of those that it fits into."""
    room = _room(program, slices, target)
    flow = flow_between(program, [(s,) for s in slices], activity)
    exchanged: list[dict[int, int]] = [{} for _ in slices]
    for a, b, n in zip(flow.sender.tolist(), flow.reader.tolist(), flow.messages.tolist(), strict=True):
        exchanged[a][b] = exchanged[a].get(b, 0) + n
        exchanged[b][a] = exchanged[b].get(a, 0) + n
    cores: list[_Filling] = []
    held_by: dict[int, int] = {}
    for index in range(len(slices)):
        with_core: dict[int, int] = {}
        for other, messages in exchanged[index].items():
            if other in held_by:
                with_core[held_by[other]] = with_core.get(held_by[other], 0) + messages
        first = max(0, len(cores) - OPEN_CORES)
        fitting = [c for c in range(first, len(cores)) if room.fits(cores[c], index)]
        if fitting:
            chosen = max(fitting, key=lambda c: (with_core.get(c, 0), -c))
        else:
            chosen = len(cores)
            cores.append(_Filling())
        room.put(cores[chosen], index)
        held_by[index] = chosen
    return _done(slices, cores)


def core_needs(slices: Sequence[Slice], reach: Reach) -> dict[str, int]:
    """Return how much of every resource one core takes: axons that its slices share, once."""
    return {
        "neurons": sum(s.box.size for s in slices),
        "synapse_bits": sum(s.needs["synapse_bits"] for s in slices),
        "axons_in": axons_in(r for s in slices for r in s.readings),
        "axons_out": sum(sent(reach, s) for s in slices),
        "vth_configs": len(frozenset().union(*(s.vths for s in slices))),
        "decay_configs": len(frozenset().union(*(s.decays for s in slices))),
    }
