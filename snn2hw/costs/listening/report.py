"""What listening costs, row by row, and whether the spiking network wins in any of them."""

from dataclasses import asdict, dataclass
from textwrap import wrap
from typing import Any, Literal

from sim.summary import Shown, Summary
from snn2hw.chips.target import Updates
from snn2hw.costs.equal_rule import Rule
from snn2hw.costs.listening.challenge import ChallengeProxy
from snn2hw.costs.listening.gate import EnergyGate

__all__ = ["SCHEMA", "Listening", "ListeningRow"]

SCHEMA = "snn2hw.listening/1"

Outcome = Literal["wins", "loses", "depends", "unknown"]


@dataclass(frozen=True)
class ListeningRow:
    """One second under one table, rule and gate, in thousands of the table's unit, the gate's own cost on both sides.

    ``ann`` is what the other side costs with every activation that nobody knows taken to be different from zero,
    ``ann_least`` with all of them zero; None where the table prices no ANN.
    """

    table: str
    unit: str
    rule: Rule
    gated: bool
    snn: float
    gate: float | None
    ann_least: float | None = None
    ann: float | None = None
    complete: bool = True

    @property
    def outcome(self) -> Outcome | None:
        """Say who is cheaper; where it depends, on how many of the ANN's activations are zero."""
        if self.ann is None or self.ann_least is None:
            return None
        if self.snn <= self.ann_least:
            return "wins"
        if not self.complete:
            return "unknown"
        return "loses" if self.snn > self.ann else "depends"

    @property
    def break_even(self) -> float | None:
        """Return the share of the unknown activations above which the spiking network is cheaper, where it depends."""
        if self.outcome != "depends" or self.ann is None or self.ann_least is None:
            return None
        return (self.snn - self.ann_least) / (self.ann - self.ann_least)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "outcome": self.outcome, "break_even": self.break_even}


@dataclass(frozen=True, repr=False)
class Listening(Shown):
    """The cost of a second of a sound."""

    digest: str
    target: str
    updates: Updates | None
    source: str
    ann: str
    active: float | None
    """The share of its hidden activations that are not zero, where somebody has said it."""
    ann_hop_s: float
    seconds: float
    open_share: float
    openings: int
    gate: EnergyGate
    rows: tuple[ListeningRow, ...]
    challenge: ChallengeProxy | None = None
    """Of a denoiser: what Intel's challenge counts."""

    @property
    def verdict(self) -> str:
        """Say in how many rows the spiking network wins."""
        judged = [row for row in self.rows if row.outcome is not None]
        count = {name: sum(row.outcome == name for row in judged) for name in ("wins", "depends", "unknown")}
        if not judged:
            return "no table that prices an ANN was named: nothing is compared"
        told = f"of {len(judged)} rows the SNN wins in {count['wins'] or 'none'}"
        if count["depends"]:
            shares = [row.break_even for row in judged if row.break_even is not None]
            told += f"; in {count['depends']} where more than {min(shares):.0%} to {max(shares):.0%} of the ANN's "
            told += "hidden activations are not zero"
        return told + (f"; {count['unknown']} are not known" if count["unknown"] else "")

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return {
            "schema": SCHEMA,
            "digest": self.digest,
            "target": self.target,
            "updates": self.updates,
            "updates_source": self.source,
            "ann": self.ann,
            "ann_active": self.active,
            "ann_hop_s": self.ann_hop_s,
            "seconds": self.seconds,
            "gate": {**asdict(self.gate), "open_share": self.open_share, "openings": self.openings},
            "rows": [row.to_json() for row in self.rows],
            "verdict": self.verdict,
        } | ({} if self.challenge is None else {"ndns_proxy": self.challenge.to_json()})

    def _summary(self) -> Summary:
        how = self.updates or "not stated, counted as clocked"
        return Summary(
            title=f"A second of listening, program {self.digest[:12]} on {self.seconds:,.1f} s of sound",
            facts=[
                f"neurons at rest on {self.target}: {how}",
                f"the other side: {self.ann}, every {self.ann_hop_s * 1e3:,.1f} ms"
                + ("" if self.active is None else f", {self.active:.1%} of its hidden activations not zero"),
                f"gate: open {self.open_share:.1%} of the time, {self.openings:,} times",
                *([] if self.challenge is None else [str(self.challenge)]),
                *wrap(self.verdict, 95),
            ],
            header=("table", "rule", "gate", "SNN", "ANN", "SNN wins"),
            rows=[
                (
                    row.table,
                    row.rule,
                    "yes" if row.gated else "no",
                    _amount(row.snn, row.unit),
                    "-" if row.ann is None else _amount(row.ann, row.unit),
                    _told(row),
                )
                for row in self.rows
            ],
        )


def _amount(thousands: float, unit: str) -> str:
    return f"{thousands:,.1f} nJ/s" if unit == "pJ" else f"{thousands:,.1f} thousand/s"


def _told(row: ListeningRow) -> str:
    if row.break_even is None:
        return {"wins": "yes", "loses": "no", "unknown": "not known"}.get(row.outcome or "", "-")
    return f"above {row.break_even:.0%} active"
