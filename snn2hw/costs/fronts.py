"""Several networks of either kind that do one task: accuracy against energy, and the front of each kind.

A network stands on the front of its kind under a price table where no other of its kind is at least as accurate and
cheaper, or more accurate and as cheap. Both kinds are counted by one rule: products whose two factors are not zero.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from snn2hw.codec.share import Share
from snn2hw.costs.text import amount, plain_table

__all__ = ["SCHEMA", "Candidate", "Fronts", "TableFronts", "fronts_of"]

SCHEMA = "snn2hw.energy-fronts/1"

Side = Literal["snn", "ann"]


@dataclass(frozen=True)
class Candidate:
    """One network: how often it is right, and what it costs per inference under every price table, as counted."""

    side: Side
    name: str
    share: Share | None
    costs: Mapping[str, float]

    @property
    def accuracy(self) -> float:
        """Return how often it is right; 0 where that is not known."""
        return 0.0 if self.share is None else self.share.accuracy

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        share = None if self.share is None else self.share.to_json()
        return {"side": self.side, "name": self.name, "accuracy": share, "costs": dict(self.costs)}


@dataclass(frozen=True)
class TableFronts:
    """Both fronts under one table, from the cheapest network to the most accurate."""

    table: str
    unit: str
    snn: tuple[Candidate, ...]
    ann: tuple[Candidate, ...]

    def factor(self, one: Candidate) -> tuple[float, Candidate] | None:
        """Return the cost of a network over that of the cheapest of the other kind at least as accurate, and which."""
        others = [c for c in (self.ann if one.side == "snn" else self.snn) if c.accuracy >= one.accuracy]
        if not others:
            return None
        least = min(others, key=lambda c: c.costs[self.table])
        return one.costs[self.table] / least.costs[self.table], least

    def __str__(self) -> str:
        """Say who is cheaper at which accuracy."""
        beaten = [(c, f[0]) for c in self.snn if (f := self.factor(c)) is not None and f[0] >= 1]
        if len(beaten) == len(self.snn):
            least, most = min(f for _, f in beaten), max(f for _, f in beaten)
            span = f"{least:.2g}" if f"{least:.2g}" == f"{most:.2g}" else f"{least:.2g} to {most:.2g}"
            return f"{self.table}: at no accuracy does an SNN win; an ANN at least as accurate costs {span} times less"
        lost = [c for c, _ in beaten]
        won = [c for c in self.snn if c not in lost]
        said = ", ".join(f"{c.name} ({c.accuracy:.1%}{self._than(c)})" for c in won)
        rest = f"; elsewhere ANNs at least as accurate cost less ({len(beaten)} of {len(self.snn)})" if beaten else ""
        return f"{self.table}: the SNN wins with {said}{rest}"

    def _than(self, one: Candidate) -> str:
        found = self.factor(one)
        if found is None:
            return ", and no ANN is as accurate"
        return f", {1 / found[0]:.2g} times cheaper than {found[1].name}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        names = {"snn": [c.name for c in self.snn], "ann": [c.name for c in self.ann]}
        return {"table": self.table, "unit": self.unit, **names, "says": str(self)}


@dataclass(frozen=True)
class Fronts:
    """All networks, their fronts under every table, and why there is no verdict where there is none."""

    candidates: tuple[Candidate, ...]
    tables: tuple[TableFronts, ...]
    unknown: str | None = None

    @property
    def verdict(self) -> str:
        """Say under every table who wins at which accuracy, or why that cannot be said."""
        if self.unknown is not None:
            return f"no verdict: {self.unknown}"
        return "; ".join(map(str, self.tables))

    def __str__(self) -> str:
        """Return the table of all networks and the verdict."""
        return "\n\n".join(self._blocks())

    def _blocks(self) -> Iterator[str]:
        rows = []
        for c in self.candidates:
            low, high = (None, None) if c.share is None else c.share.interval
            right = "-" if low is None else f"{c.accuracy:.2%} ({low:.1%} to {high:.1%})"
            marks = [
                f"{amount(c.costs[t.table], t.unit)}{' *' if c in (t.snn if c.side == 'snn' else t.ann) else ''}"
                for t in self.tables
            ]
            rows.append([c.side.upper(), c.name, right, *marks])
        names = [t.table for t in self.tables]
        yield plain_table(rows, ["", "network", "right, 95% interval", *names], "lll" + "r" * len(names))
        yield "per inference, a proxy: products whose two factors are not zero; *: on the front of its kind"
        yield f"verdict: {self.verdict}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "schema": SCHEMA,
            "measured": False,
            "networks": [c.to_json() for c in self.candidates],
            "fronts": [t.to_json() for t in self.tables],
            "unknown": self.unknown,
            "verdict": self.verdict,
        }


def fronts_of(candidates: Sequence[Candidate], tables: Mapping[str, str], unknown: str | None = None) -> Fronts:
    """Return the fronts of both kinds under every table, given with its unit."""
    made = tuple(
        TableFronts(table, unit, _front(candidates, "snn", table), _front(candidates, "ann", table))
        for table, unit in tables.items()
    )
    return Fronts(tuple(candidates), made, unknown)


def _front(candidates: Sequence[Candidate], side: Side, table: str) -> tuple[Candidate, ...]:
    """Return the networks of one kind that no other of its kind beats; of equals the first."""
    best: list[Candidate] = []
    for one in sorted((c for c in candidates if c.side == side), key=lambda c: (c.costs[table], -c.accuracy)):
        if not best or one.accuracy > best[-1].accuracy:
            best.append(one)
    return tuple(best)
