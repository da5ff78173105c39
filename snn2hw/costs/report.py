"""The whole comparison as one value: counts of the integer run, their price under every table, and the ANN beside it.

Nothing is measured here: every amount is a proxy, and comes as a band (low, counted, high) over assumptions and tables.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from sim.errors import InputError
from sim.summary import Shown, Summary
from snn2hw.costs import text
from snn2hw.costs.breakdown import MemoryRow, PopulationRow
from snn2hw.costs.comparison import Comparison
from snn2hw.costs.equal_rule import EqualCost, EqualCount
from snn2hw.costs.estimate import Estimate, estimate
from snn2hw.costs.neurobench_rules.torch_model import NeurobenchCounts
from snn2hw.costs.pricing import ENDS, Bill
from snn2hw.costs.report_sides import AnnSide
from snn2hw.costs.same_task import SameTask
from snn2hw.costs.weight_storage import WeightStorage

__all__ = ["SCHEMA", "AnnSide", "EnergyReport"]

SCHEMA = "snn2hw.energy/1"

Side = Literal["snn", "ann"]
SIDES: tuple[Side, ...] = get_args(Side)


@dataclass(frozen=True, eq=False, repr=False)
class EnergyReport(Shown):
    """Everything that is known of the cost of one Program on one raster."""

    digest: str
    samples: int
    steps: int
    confidence: float
    synapses: int
    totals: Mapping[str, Estimate]
    spike_rate: float
    spikes_per_synapse: Estimate
    populations: tuple[PopulationRow, ...]
    memory: tuple[MemoryRow, ...]
    neurobench: NeurobenchCounts
    snn: tuple[Bill, ...]
    ann: AnnSide | None
    ann_costs: tuple[Bill, ...]
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]
    equal_counts: tuple[EqualCount, ...] = ()
    """The products of both networks by each rule that is the same for both."""
    equal_costs: tuple[EqualCost, ...] = ()
    storage: WeightStorage | None = None
    task: SameTask | None = None
    """Whether both do the same task; None without an ANN."""

    def costs(self, side: Side) -> tuple[Bill, ...]:
        """Return what one of the networks costs under every table that prices it."""
        return self.snn if side == "snn" else self.ann_costs

    def band(self, side: Side) -> tuple[float, float]:
        """Return the least and the greatest mean energy over the tables in pJ."""
        costs = [c for c in self.costs(side) if c.table.unit == "pJ"]
        if not costs:
            raise InputError(f"no table in pJ prices the {side.upper()}", "name one, such as cmos45_int8")
        return min(c.total.low.mean for c in costs), max(c.total.high.mean for c in costs)

    @property
    def verdict(self) -> str | None:
        """Say in one sentence who wins as counted, table by table, or why that cannot be said; None without an ANN.

        Both are counted by one rule: products whose two factors are not zero.
        """
        if not self.comparisons:
            return None
        if self.task is None or self.task.unknown is not None:
            why = "nobody said what the networks are for" if self.task is None else self.task.unknown
            return f"no verdict: {why}"
        judged = [c for c in self.equal_costs if c.rule == "skipping"]
        if not judged:
            return "no verdict: without samples of the ANN its products with zero are not known"
        lost = ", ".join(c.table for c in judged if c.outcome == "loses")
        won = ", ".join(c.table for c in judged if c.outcome == "wins")
        said = [f"the SNN loses under {lost}"] * bool(lost) + [f"the SNN wins under {won}"] * bool(won)
        if not said:
            return "no verdict: the ANN holds operators that no rule counts"
        return f"as counted, {'; '.join(said)} ({self.task})"

    def _summary(self) -> Summary:
        counted = ("synops", "spikes", "updates")
        facts = [
            f"{self.samples} samples of {self.steps} steps; every amount is a proxy, nothing was measured",
            f"per inference: {', '.join(f'{self.totals[name].mean:,.0f} {name}' for name in counted)}",
            *([f"verdict: {self.verdict}"] if self.verdict else []),
        ]
        rows = [
            (side.upper(), cost.table.name, *(text.amount(end.mean, cost.table.unit) for end in ends))
            for side in SIDES
            for cost in self.costs(side)
            for ends in ((cost.total.low, cost.total.counted, cost.total.high),)
        ]
        title = f"EnergyReport of program {self.digest[:12]}"
        return Summary(title, facts, ("", "price table", "low", "counted", "high"), rows)

    def __str__(self) -> str:
        """Return the tables and sentences, one block after another."""
        return "\n\n".join(self._blocks())

    def _blocks(self) -> Iterator[str]:
        yield f"program {self.digest[:12]}, {self.samples} samples of {self.steps} steps; every amount is a proxy"
        yield text.totals_table(self.totals, self.spikes_per_synapse, self.spike_rate, self.confidence)
        yield text.population_table(self.populations)
        yield text.memory_table(self.memory)
        if self.storage is not None:
            yield text.storage_line(self.storage)
        yield text.neurobench_table(self.neurobench)
        if self.ann is not None:
            yield text.ann_table(self.ann.census, self.ann.effective)
        yield text.cost_table(self.snn, self.ann_costs)
        bands = [
            f"{side.upper()} energy proxy, band over all tables in joules: "
            + " .. ".join(text.amount(end, "pJ") for end in self.band(side))
            for side in SIDES
            if any(c.table.unit == "pJ" for c in self.costs(side))
        ]
        if bands:
            yield "\n".join(bands)
        if self.comparisons:
            known = self.task is not None and self.task.unknown is None
            yield "\n".join(f"{c.table}: {c if known else c.ratio_text}" for c in self.comparisons)
            yield text.equal_table(self.equal_counts, self.equal_costs)
            yield "\n".join([*([str(self.task)] if self.task else []), f"verdict: {self.verdict}"])
            yield text.break_even_table(self.comparisons, self.spikes_per_synapse.mean, self.spike_rate)
        yield "\n".join(f"note: {n}" for n in self.notes)

    def to_json(self) -> dict[str, Any]:
        """Return every number of the report as plain values, each cost with the prices it was made of."""
        return {
            "schema": SCHEMA,
            "digest": self.digest,
            "measured": False,
            "samples": self.samples,
            "steps": self.steps,
            "confidence": self.confidence,
            "synapses": self.synapses,
            "per_inference": {name: e.to_json() for name, e in self.totals.items()},
            "spike_rate": self.spike_rate,
            "spikes_per_synapse": self.spikes_per_synapse.to_json(),
            "populations": [asdict(p) for p in self.populations],
            "memory": [asdict(m) for m in self.memory],
            "neurobench": asdict(self.neurobench),
            "snn": [_cost_json(c, self.confidence) for c in self.snn],
            "ann": None if self.ann is None else _ann_json(self.ann, self.ann_costs, self.confidence),
            "comparisons": [c.to_json() for c in self.comparisons],
            "weight_storage": None if self.storage is None else asdict(self.storage),
            "equal_rule": {
                "products": [c.to_json() for c in self.equal_counts],
                "costs": [c.to_json() for c in self.equal_costs],
            },
            "task": None if self.task is None else self.task.to_json(),
            "verdict": self.verdict,
            "notes": list(self.notes),
        }


def _ann_json(ann: AnnSide, costs: tuple[Bill, ...], confidence: float) -> dict[str, Any]:
    effective = None if ann.effective is None else estimate(ann.effective.total, confidence).to_json()
    return {
        "file": Path(ann.path).name,
        "sha256": ann.census.sha256,
        "macs": ann.census.total,
        "nominal_macs": ann.census.nominal,
        "complete": ann.census.complete,
        "effective_macs": effective,
        "upper_bounds": [] if ann.effective is None else list(ann.effective.upper_bound),
        "nodes": [asdict(n) for n in ann.census.nodes],
        "unknown": [{"name": u.node.name, "operator": u.node.operator, "why": u.why} for u in ann.census.unknown],
        "others": dict(ann.census.others),
        "outline": None if ann.outline is None else ann.outline.to_json(),
        "origin": ann.origin,
        "cost": [_cost_json(c, confidence) for c in costs],
    }


def _cost_json(cost: Bill, confidence: float) -> dict[str, Any]:
    return {
        "table": cost.table.name,
        "title": cost.table.title,
        "scope": cost.table.scope,
        "unit": cost.table.unit,
        "proxy": True,
        "kinds": list(cost.table.kinds),
        "value_bits": cost.table.value_bits,
        "total": {end: cost.total.end(end).estimate(confidence).to_json() for end in ENDS},
        "parts": {part: {end: ends.end(end).mean for end in ENDS} for part, ends in cost.parts.items()},
        "prices": [asdict(p) for p in cost.table.prices.values()],
        "memory": None if cost.table.memory is None else cost.table.memory.to_json(),
        "notes": list(cost.table.notes),
    }
