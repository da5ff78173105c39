"""Two networks under one price table: who wins, by how much, and at which spike rate they would be even.

With the messages of the spiking network scaled by k, E_snn(k) = fixed + k * driven, so k* = (E_ann - fixed) / driven.
The break-even in spikes per synapse and inference is k* times where this network stands.
"""

from dataclasses import dataclass
from typing import Any, Literal

from snn2hw.costs.estimate import Estimate
from snn2hw.costs.pricing import ENDS, Bill

__all__ = ["BreakEven", "Comparison", "Outcome", "compare"]

Outcome = Literal["wins", "loses", "undecided", "unknown"]


@dataclass(frozen=True)
class BreakEven:
    """Where the two are even at one end of the assumptions.

    ``factor`` is None for a silent network; at or below 0 no rate is low enough: the neuron updates alone cost more.
    """

    end: str
    factor: float | None
    spikes_per_synapse: float | None
    spike_rate: float | None


@dataclass(frozen=True)
class Comparison:
    """The spiking network over the ANN: below 1 it is cheaper."""

    table: str
    counted: Estimate
    band: tuple[float, float]
    outcome: Outcome
    break_even: tuple[BreakEven, ...]

    @property
    def ratio_text(self) -> str:
        """Say what both cost without saying who wins: for networks that are not known to do the same task."""
        at_most = "at most " if self.outcome == "unknown" else ""
        return f"{at_most}{self.counted.mean:.3g}x the ANN's cost, in a band of {self.band_text}"

    @property
    def band_text(self) -> str:
        """Say between which ratios the truth lies."""
        low, high = self.band
        return f"{low:.3g}..{high:.3g}x"

    def __str__(self) -> str:
        """Say it in one line."""
        ratio, band = f"{self.counted.mean:.3g}x", self.band_text
        match self.outcome:
            case "wins":
                return f"the SNN wins: {ratio} the ANN's, in the whole band {band}"
            case "loses":
                return f"the SNN loses: {ratio} the ANN's, in the whole band {band}"
            case "undecided" if self.counted.mean > 1:
                return f"as counted the SNN loses ({ratio}); the band {band} holds both outcomes"
            case "undecided":
                return f"as counted the SNN wins ({ratio}); the band {band} holds both outcomes"
            case "unknown":
                return f"unknown: at most {ratio} as counted, and the ANN holds operators that no rule counts"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "table": self.table,
            "ratio": {"low": self.band[0], "counted": self.counted.to_json(), "high": self.band[1]},
            "outcome": self.outcome,
            "says": str(self),
            "break_even": [vars(b) for b in self.break_even],
        }


def compare(
    snn: Bill, ann: Bill, *, spikes_per_synapse: float, spike_rate: float, ann_complete: bool, confidence: float
) -> Comparison:
    """Compare two costs of one table; an ANN with uncounted operators costs at least what is given."""
    theirs = {end: ann.total.end(end).mean for end in ENDS}
    ours = {end: snn.total.end(end).mean for end in ENDS}
    outcome: Outcome
    if ours["high"] < theirs["low"]:
        outcome = "wins"
    elif not ann_complete:
        outcome = "unknown"
    else:
        outcome = "loses" if ours["low"] > theirs["high"] else "undecided"
    return Comparison(
        table=snn.table.name,
        counted=snn.total.counted.over(theirs["counted"]).estimate(confidence),
        band=(ours["low"] / theirs["high"], ours["high"] / theirs["low"]),
        outcome=outcome,
        break_even=tuple(_break_even(snn, end, theirs[end], spikes_per_synapse, spike_rate) for end in ENDS),
    )


def _break_even(snn: Bill, end: str, ann: float, spikes_per_synapse: float, spike_rate: float) -> BreakEven:
    driven, fixed = snn.driven.end(end).mean, snn.fixed.end(end).mean
    if driven == 0:
        return BreakEven(end, None, None, None)
    factor = (ann - fixed) / driven
    return BreakEven(end, factor, factor * spikes_per_synapse, factor * spike_rate)
