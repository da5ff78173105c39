"""How many spikes a population's messages may hold: what its neurons send, the data, the chip and its bounds decide."""

from collections.abc import Mapping
from dataclasses import dataclass

from sim.program import INPUT
from snn2hw.compiler.calibrate import Prepared
from snn2hw.network.registers import RealPopulation

__all__ = ["Firing", "firing_of", "most_sent", "spans_of"]

UNSEEN = 31
"""Spikes in a message where no data say how many there are."""

SPARE = 2
"""Calibration has not seen everything: so many times the greatest message in it still fits."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Firing:
    """How a population fires on its chip."""

    most: int
    """The greatest message."""
    at_threshold: bool
    """Whether a potential at the threshold fires there; elsewhere the threshold is one mantissa lower."""


def firing_of(prepared: Prepared, layer: RealPopulation) -> Firing:
    """Return how the chip lets a layer fire."""
    return Firing(most_sent(prepared, layer), _fires_at_threshold(prepared, layer))


def most_sent(prepared: Prepared, layer: RealPopulation) -> int:
    """Return the greatest message of a population; every one more would cost its readers' sums some of their range."""
    if not layer.many:
        return 1
    seen = prepared.ranges.layers.get(layer.name)
    most = min(prepared.target.most("most"), UNSEEN if seen is None else max(SPARE, SPARE * seen.most))
    return min(most, layer.most) if layer.most else most


def _fires_at_threshold(prepared: Prepared, layer: RealPopulation) -> bool:
    """Return whether the chip itself has to fire at the threshold, and can.

    Where a spike takes the threshold off, the threshold must be its own; elsewhere one mantissa less says nearly the
    same on every chip.
    """
    exact = layer.many or layer.reset == "subtract"
    return layer.fires_at_threshold and exact and prepared.target.most("at_threshold") == 1


def spans_of(prepared: Prepared) -> Mapping[str, Span]:
    """Return the range of the messages of every source."""
    sent = {layer.name: (0, most_sent(prepared, layer)) for layer in prepared.machine.populations}
    return {INPUT: prepared.ranges.messages, **sent}
