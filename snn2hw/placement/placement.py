"""What a placement is: cores with their slices, where they lie, how full they are, and what messages cost there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.summary import Shown, Summary
from snn2hw.chips.capacity import CoresNeeded
from snn2hw.placement.cutting import WORDS
from snn2hw.placement.mesh import CORES_PER_TILE, Mesh
from snn2hw.placement.slices import Slice
from snn2hw.placement.timing import is_seen
from snn2hw.placement.traffic import Flow

__all__ = ["SCHEMA", "Latency", "PlacedCore", "Placement"]

SCHEMA = "snn2hw.place/1"


@dataclass(frozen=True, eq=False)
class PlacedCore:
    """One core: its place on the mesh, its slices, what they take of every resource, and what it does in a step."""

    place: int
    slices: tuple[Slice, ...]
    needs: Mapping[str, int]
    use: Mapping[str, float]
    """Share of every resource that the chip limits."""
    synops: float

    @property
    def limiting(self) -> str:
        """Return the resource of which least is left."""
        return max(self.use, key=lambda name: self.use[name])


@dataclass(frozen=True)
class Latency:
    """A lower bound of the time of a step, or why there is none."""

    s_per_step: float | None
    reason: str


@dataclass(frozen=True, eq=False, repr=False)
class Placement(Shown):
    """A program on the cores of a chip."""

    digest: str
    target: str
    placer: str
    mesh: Mesh
    cores: tuple[PlacedCore, ...]
    least: CoresNeeded
    flow: Flow
    hops: int
    """Hops of all messages between cores, in all steps."""
    steps: int
    basis: str
    latency: Latency
    limits: Mapping[str, int]
    exceeds: Mapping[str, Mapping[str, float]]
    """For every population, in the program's order, what a core has too little of for it, and how many times it takes.
    """
    layers: Mapping[str, str] = field(default_factory=dict)
    """What tables call the populations."""

    @property
    def messages(self) -> int:
        """Return the messages from core to core in all steps."""
        return int(self.flow.messages.sum())

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return {
            "schema": SCHEMA,
            "digest": self.digest,
            "target": self.target,
            "placer": self.placer,
            "cores": len(self.cores),
            "cores_needed_at_least": self.least.to_json(),
            "chips": self.mesh.chips,
            "mesh": {"columns": self.mesh.width, "rows": self.mesh.height, "cores_per_tile": CORES_PER_TILE},
            "limits": dict(self.limits),
            "populations": self.by_population(),
            "traffic": {
                "basis": self.basis,
                "messages_per_step": self.messages / self.steps,
                "host_messages_per_step": int(self.flow.arriving.sum()) / self.steps,
                "hop_weighted_per_step": self.hops / self.steps,
            },
            "latency_s_per_step": self.latency.s_per_step,
            "latency_reason": self.latency.reason,
            "per_core": [self._core(core) for core in self.cores],
        }

    def _core(self, core: PlacedCore) -> dict[str, Any]:
        column, row = self.mesh.tiles[core.place].tolist()
        slices = [
            {
                "population": s.population,
                "low": list(s.box.low),
                "high": list(s.box.high),
                "synapses": [
                    {
                        "connection": r.connection,
                        "source": r.source,
                        "encoding": r.encoding,
                        "bits": r.bits,
                        "axon_slots": r.slots,
                    }
                    for r in s.readings
                ],
            }
            for s in core.slices
        ]
        chip, number = divmod(core.place, self.mesh.cores)
        return {
            "chip": chip,
            "core": number,
            "tile": [column, row],
            "population": slices,
            **core.needs,
            "utilisation": {name: round(share, 6) for name, share in core.use.items()},
            "limiting": core.limiting,
            "synops_per_step": core.synops,
        }

    def by_population(self) -> list[dict[str, Any]]:
        """Return for every population into how many slices it was cut, and what fills the cores that hold them."""
        found: dict[str, list[tuple[Slice, PlacedCore]]] = {name: [] for name in self.exceeds}
        for core in self.cores:
            for part in core.slices:
                found[part.population].append((part, core))
        rows = []
        for name, held in found.items():
            limits = [core.limiting for _, core in held]
            rows.append(
                {
                    "population": name,
                    "layer": self.layers.get(name, name),
                    "neurons": sum(part.box.size for part, _ in held),
                    "slices": len(held),
                    "exceeds": {limit: round(times, 3) for limit, times in self.exceeds[name].items()},
                    "largest": list(max((part.box for part, _ in held), key=lambda box: box.size).sides),
                    "encodings": sorted({r.encoding for part, _ in held for r in part.readings}),
                    "limited_by": max(sorted(set(limits)), key=limits.count),
                    "fullest": max(max(core.use.values()) for _, core in held),
                }
            )
        return rows

    def _summary(self) -> Summary:
        latency = self.latency.s_per_step
        least = f"at least {self.least.least} by {self.least.decisive}" if self.least.limited else "no bound"
        mean = {n: float(np.mean([c.use[n] for c in self.cores])) for n in self.limits}
        return Summary(
            title=f"Placement of program {self.digest[:12]} on {self.target}, {self.placer}",
            facts=[
                f"{len(self.cores)} cores ({least}), {self.mesh.chips} "
                f"{'chip' if self.mesh.chips == 1 else 'chips'} of {self.mesh.cores} cores",
                *(f"mean use of a core: {line}" for line in _threes([f"{WORDS[n]} {m:.0%}" for n, m in mean.items()])),
                f"traffic by {self.basis}",
                f"{self.messages / self.steps:,.1f} messages between cores a step, "
                f"{self.hops / self.steps:,.1f} hops; {self.flow.arriving.sum() / self.steps:,.1f} from the host",
                f"a step{'' if is_seen(self.basis) else ' in which all fire'} takes at least {latency * 1e6:,.2f} us "
                "in the slowest core, barrier included"
                if latency is not None
                else f"no time of a step: {self.latency.reason}",
            ],
            header=("population", "neurons", "exceeds a core", "slices", "largest", "synapses", "fullest core"),
            rows=[
                (
                    row["layer"],
                    f"{row['neurons']:,}",
                    _worst(row["exceeds"]),
                    str(row["slices"]),
                    "x".join(map(str, row["largest"])),
                    ", ".join(row["encodings"]) or "none",
                    f"{row['fullest']:.0%}, {WORDS[row['limited_by']]}",
                )
                for row in self.by_population()
            ],
        )


def _worst(exceeds: Mapping[str, float]) -> str:
    """Return the resource of which most cores would be needed."""
    if not exceeds:
        return "no"
    name = max(exceeds, key=lambda n: exceeds[n])
    return f"{WORDS[name]} {exceeds[name]:,.1f} x"


def _threes(words: list[str]) -> list[str]:
    """Return three to a line, so that no line is cut off."""
    return [", ".join(words[i : i + 3]) for i in range(0, len(words), 3)]
