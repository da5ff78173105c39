"""One sample on the mesh of a placement, step by step: messages, hops, the slowest core, the barrier, and energy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sim.summary import Shown, Summary

__all__ = ["MeshRun", "MeshStep"]


class MeshStep(NamedTuple):
    """One step: what was sent, how far, and which core took longest."""

    messages: int
    host_messages: int
    hops: int
    synops: int
    slowest: int
    """The place of the slowest core: chip * cores of a chip + core."""
    slowest_s: float
    barrier_s: float

    @property
    def time_s(self) -> float:
        """Return how long the step takes."""
        return self.slowest_s + self.barrier_s


@dataclass(frozen=True, repr=False)
class MeshRun(Shown):
    """What was found; energies and times are as their prices are, nothing is measured here."""

    by: str
    note: str
    spikes: int
    steps: tuple[MeshStep, ...]
    energy_pj: Mapping[str, float]
    """By component: synapse, soma, messages, hops."""

    @property
    def totals(self) -> dict[str, int]:
        """Return the messages from core to core and their hops, and all synops, those of the host's messages too."""
        return {what: sum(getattr(step, what) for step in self.steps) for what in ("messages", "hops", "synops")}

    @property
    def latency_s(self) -> float:
        """Return how long the sample takes."""
        return sum(step.time_s for step in self.steps)

    @property
    def total_pj(self) -> float:
        """Return the energy of all components."""
        return sum(self.energy_pj.values())

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return {
            "by": self.by,
            "note": self.note,
            **self.totals,
            "spikes": self.spikes,
            "latency_s": self.latency_s,
            "energy_pj": {**self.energy_pj, "total": self.total_pj},
            "steps": [
                {
                    "messages": step.messages,
                    "host_messages": step.host_messages,
                    "hops": step.hops,
                    "synops": step.synops,
                    "slowest_core": step.slowest,
                    "slowest_core_s": step.slowest_s,
                    "barrier_s": step.barrier_s,
                }
                for step in self.steps
            ],
        }

    def _summary(self) -> Summary:
        total = self.totals
        longest = max(self.steps, key=lambda step: step.time_s)
        parts = ", ".join(f"{name} {pj / 1e3:,.2f} nJ" for name, pj in self.energy_pj.items())
        return Summary(
            title=f"The first sample on the mesh, by {self.by}",
            facts=[
                self.note,
                f"{total['messages']:,} messages between cores over {total['hops']:,} hops, {total['synops']:,} synops",
                f"latency {self.latency_s * 1e6:,.2f} us in {len(self.steps)} steps",
                f"longest step {longest.time_s * 1e6:,.2f} us: core {longest.slowest} "
                f"{longest.slowest_s * 1e6:,.2f} us, then the barrier {longest.barrier_s * 1e6:,.2f} us",
                f"energy {self.total_pj / 1e3:,.2f} nJ: {parts}",
            ],
        )
