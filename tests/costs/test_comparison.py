"""Who wins, and where the two are even, on costs chosen by hand."""

import numpy as np
import pytest

from snn2hw.costs.comparison import Comparison, compare
from snn2hw.costs.price_files import get_table
from snn2hw.costs.pricing import Bill, Cost, Ends

TABLE = get_table("cmos45_int8")
NOTHING = Ends(np.zeros(2), np.zeros(2), np.zeros(2))


def _ends(low: float, counted: float, high: float) -> Ends:
    return Ends(np.full(2, low), np.full(2, counted), np.full(2, high))


def _compared(snn: Ends, ann: Ends, fixed: Ends = NOTHING, *, complete: bool = True) -> Comparison:
    ours, theirs = Cost(TABLE, {}, driven=snn, fixed=fixed), Cost(TABLE, {}, driven=NOTHING, fixed=ann)
    return compare(
        Bill.of(ours), Bill.of(theirs), spikes_per_synapse=2.0, spike_rate=0.1, ann_complete=complete, confidence=0.95
    )


ANN = _ends(10, 20, 40)


@pytest.mark.parametrize(
    ("ends", "outcome", "says"),
    [
        ((1, 5, 9), "wins", "the SNN wins: 0.25x the ANN's, in the whole band 0.025..0.9x"),
        ((1, 5, 11), "undecided", "as counted the SNN wins (0.25x); the band 0.025..1.1x holds both outcomes"),
        ((20, 30, 60), "undecided", "as counted the SNN loses (1.5x); the band 0.5..6x holds both outcomes"),
        ((41, 50, 60), "loses", "the SNN loses: 2.5x the ANN's, in the whole band 1.02..6x"),
    ],
)
def test_an_outcome_holds_only_if_it_holds_in_the_whole_band(
    ends: tuple[float, float, float], outcome: str, says: str
) -> None:
    found = _compared(_ends(*ends), ANN)
    assert (found.outcome, str(found)) == (outcome, says)


def test_an_ann_that_may_cost_more_can_only_be_beaten() -> None:
    assert _compared(_ends(1, 5, 9), ANN, complete=False).outcome == "wins"
    lost = _compared(_ends(41, 50, 60), ANN, complete=False)
    assert lost.outcome == "unknown"
    assert str(lost).startswith("unknown: at most 2.5x")


def test_break_even_leaves_the_updates_out_of_what_scales() -> None:
    found = _compared(_ends(5, 10, 20), ANN, fixed=_ends(5, 15, 60))
    assert [b.factor for b in found.break_even] == [1.0, 0.5, -1.0]  # (10 - 5) / 5, (20 - 15) / 10, (40 - 60) / 20
    assert [b.spikes_per_synapse for b in found.break_even] == [2.0, 1.0, -2.0]
    assert [b.spike_rate for b in found.break_even] == pytest.approx([0.1, 0.05, -0.1])


def test_a_cost_at_its_break_even_is_the_ann_s() -> None:
    fixed, driven = _ends(1, 2, 3), _ends(4, 8, 16)
    for point in _compared(driven, ANN, fixed=fixed).break_even:
        assert point.factor is not None
        scaled = fixed.end(point.end) + point.factor * driven.end(point.end)
        np.testing.assert_allclose(scaled, ANN.end(point.end))
