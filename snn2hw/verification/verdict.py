"""The answer of a verification: one row per executor."""

from dataclasses import asdict, dataclass
from typing import Literal

from sim.compare import Divergence
from sim.program import Json
from sim.summary import Shown, Summary

__all__ = ["SCHEMA", "Status", "Verdict", "VerdictRow"]

SCHEMA = "snn2hw.verdict/1"

Status = Literal["baseline", "equal", "differs", "refused", "unavailable", "failed"]
"""``baseline``: the reference itself; ``refused``: the format cannot say it; ``unavailable``: not installed."""


@dataclass(frozen=True)
class VerdictRow:
    """What one executor said."""

    executor: str
    status: Status
    values: int
    """How many spikes, u and v were compared (for the baseline: produced)."""
    seconds: float
    divergence: Divergence | None = None
    counts: str | None = None
    """The first count that differs, for executors that count."""
    message: str | None = None
    losses: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Verdict(Shown):
    """All rows, for one program and one input."""

    digest: str
    input_sha256: str
    samples: int
    steps: int
    updates: int
    """Neuron updates per executor."""
    rows: tuple[VerdictRow, ...]

    @property
    def equal(self) -> bool:
        """Return whether every executor that was asked ran and agreed."""
        return all(row.status in ("baseline", "equal") for row in self.rows)

    def to_json(self) -> dict[str, Json]:
        """Return the content of a verdict file."""
        rows: list[Json] = [asdict(row) | {"losses": list(row.losses)} for row in self.rows]
        return {
            "schema": SCHEMA,
            "digest": self.digest,
            "input_sha256": self.input_sha256,
            "samples": self.samples,
            "steps": self.steps,
            "updates": self.updates,
            "equal": self.equal,
            "rows": rows,
        }

    def _summary(self) -> Summary:
        said = "all equal" if self.equal else "NOT all equal"
        return Summary(
            title=f"Verdict of program {self.digest[:12]}: {said}",
            facts=[f"{self.samples} samples of {self.steps} steps, {self.updates:,} neuron updates per executor"],
            header=("executor", "verdict", "values", "seconds", "says"),
            rows=[
                (r.executor, r.status, f"{r.values:,}", f"{r.seconds:.2f}", " ".join(_said(r)).partition("\n")[0])
                for r in self.rows
            ],
        )

    def __str__(self) -> str:
        """Return the table."""
        from tabulate import tabulate

        table = tabulate(
            [[r.executor, r.status, f"{r.values:,}", f"{r.seconds:.2f}"] for r in self.rows],
            headers=["executor", "verdict", "values compared", "seconds"],
            colalign=("left", "left", "right", "right"),
        )
        return "\n".join([table, *(note for row in self.rows for note in _notes(row))])


def _notes(row: VerdictRow) -> list[str]:
    return [f"{row.executor}: {text}" for text in _said(row)]


def _said(row: VerdictRow) -> list[str]:
    said = [str(row.divergence) if row.divergence else None, row.counts, row.message]
    return [*filter(None, said), *(f"loss: {x}" for x in row.losses)]
