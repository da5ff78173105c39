"""An EnergyReport as plain values for a file."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn2hw.costs.estimate import estimate
from snn2hw.costs.pricing import ENDS, Cost

if TYPE_CHECKING:
    from snn2hw.costs.report import EnergyReport

__all__ = ["SCHEMA", "to_json"]

SCHEMA = "snn2hw.energy/1"


def to_json(report: "EnergyReport") -> dict[str, Any]:
    """Return every number of the report, each cost with the prices it was made of."""
    return {
        "schema": SCHEMA,
        "digest": report.digest,
        "measured": False,
        "samples": report.samples,
        "steps": report.steps,
        "confidence": report.confidence,
        "synapses": report.synapses,
        "per_inference": {name: e.to_json() for name, e in report.totals.items()},
        "spike_rate": report.spike_rate,
        "spikes_per_synapse": report.spikes_per_synapse.to_json(),
        "populations": [asdict(p) for p in report.populations],
        "memory": [asdict(m) for m in report.memory],
        "neurobench": asdict(report.neurobench),
        "snn": [_cost(c, report.confidence) for c in report.snn],
        "ann": _ann(report),
        "comparisons": [c.to_json() for c in report.comparisons],
        "verdict": report.verdict,
        "notes": list(report.notes),
    }


def _ann(report: "EnergyReport") -> dict[str, Any] | None:
    ann = report.ann
    if ann is None:
        return None
    effective = None if ann.effective is None else estimate(ann.effective.total, report.confidence).to_json()
    return {
        "file": Path(ann.path).name,
        "sha256": ann.census.sha256,
        "macs": ann.census.total,
        "nominal_macs": ann.census.nominal,
        "complete": ann.census.complete,
        "effective_macs": effective,
        "upper_bounds": [] if ann.effective is None else list(ann.effective.upper_bound),
        "nodes": [asdict(n) for n in ann.census.nodes],
        "unknown": [asdict(u) for u in ann.census.unknown],
        "others": dict(ann.census.others),
        "cost": [_cost(c, report.confidence) for c in report.ann_costs],
    }


def _cost(cost: Cost, confidence: float) -> dict[str, Any]:
    return {
        "table": cost.table.name,
        "title": cost.table.title,
        "scope": cost.table.scope,
        "unit": cost.table.unit,
        "proxy": True,
        "kinds": list(cost.table.kinds),
        "total": {end: estimate(cost.total.end(end), confidence).to_json() for end in ENDS},
        "parts": {part: {end: float(ends.end(end).mean()) for end in ENDS} for part, ends in cost.parts.items()},
        "prices": [asdict(p) for p in cost.table.prices.values()],
        "memory": None if cost.table.memory is None else asdict(cost.table.memory),
        "notes": list(cost.table.notes),
    }
