"""What one event costs, who says so, and how they know.

Every event of a table's view has a price: what nobody has published is priced 0 with kind "assumed", visibly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log
from typing import Any, Literal, get_args

from snn2hw.ann.weight_forms import Form

__all__ = ["EVENTS", "Event", "Kind", "MemoryPrice", "Price", "PriceTable", "View"]

View = Literal["chip", "arithmetic", "operations"]
Kind = Literal["measured", "published", "fitted", "derived", "assumed"]
OnChip = Literal[
    "synop_dense", "synop_conv", "update_active", "update_inactive", "spike", "message", "hop_across", "hop_down"
]
InArithmetic = Literal["accumulate", "multiply_accumulate", "state_add", "state_multiply"]
AsOperation = Literal["synop", "update"]
Event = OnChip | InArithmetic | AsOperation

EVENTS: Mapping[View, tuple[Event, ...]] = {
    "chip": get_args(OnChip),
    "arithmetic": get_args(InArithmetic),
    "operations": get_args(AsOperation),
}
"""Three ways to take the same run apart; a table prices every event of one of them."""


@dataclass(frozen=True)
class Price:
    """What one event costs, in the table's unit: ``low <= amount <= high``."""

    event: Event
    amount: float
    low: float
    high: float
    kind: Kind
    source: str


@dataclass(frozen=True)
class MemoryPrice:
    """What one access of ``word_bits`` costs in memories of given sizes."""

    word_bits: int
    points: tuple[tuple[int, float], ...]
    """Bytes of a memory, rising, and what an access of it costs."""
    kind: Kind
    source: str
    forms: tuple[Form, ...] = ("dense",)
    """How weights may be held: the one that takes least is."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values, sizes and amounts as two lists."""
        sizes, amounts = zip(*self.points, strict=True)
        told = {"word_bits": self.word_bits, "bytes": list(sizes), "amounts": list(amounts)}
        told["weight_forms"] = list(self.forms)
        return {**told, "kind": self.kind, "source": self.source}

    def access(self, stored_bits: int) -> float:
        """Return the cost of one word of a memory that holds ``stored_bits``.

        Straight lines in log size and log energy; the smallest given memory is the floor, beyond the greatest the last
        line goes on.
        """
        points = self.points
        size = max(stored_bits / 8, points[0][0])
        (x0, y0), (x1, y1) = next((pair for pair in pairwise(points) if size <= pair[1][0]), (points[-2], points[-1]))
        return exp(log(y0) + (log(size) - log(x0)) * (log(y1) - log(y0)) / (log(x1) - log(x0)))


@dataclass(frozen=True)
class PriceTable:
    """One way to turn counts into an amount."""

    name: str
    title: str
    view: View
    unit: str
    scope: str
    notes: tuple[str, ...]
    prices: Mapping[Event, Price]
    memory: MemoryPrice | None
    value_bits: int | None
    """Bits of an ANN's values; 32 (floats) also stands for the weights and states of the spiking network."""
    chip: str | None = None
    """The chip whose prices these are: messages and hops are bounded by where a program lies on it."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return how its prices are known, each kind once."""
        kinds = [p.kind for p in self.prices.values()] + ([self.memory.kind] if self.memory else [])
        return tuple(dict.fromkeys(kinds))
