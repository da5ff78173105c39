"""What a campaign has tried and found, on a screen and in a file from which it goes on."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.border import JSON_BYTES, parse_json, read_bytes
from sim.errors import FileError, InputError
from sim.files import write_bytes
from snn2hw.fuzz.outcome import TrialResult

__all__ = ["LEDGER", "Campaign", "Finding", "read_campaign", "write_campaign"]

SCHEMA = "snn2hw.fuzz/1"
LEDGER = "findings.json"
FIX = "start the campaign in a new folder"


@dataclass(frozen=True)
class Finding:
    """A case that failed: what met it, how, and where it was written."""

    subject: str
    outcome: TrialResult
    file: Path | None

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        file = None if self.file is None else str(self.file)
        return {"subject": self.subject, "kind": self.outcome.kind, "error": self.outcome.error, "file": file}


@dataclass
class Campaign:
    """What was tried and what was found."""

    seed: int
    tried: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(reader or executor, outcome) to the number of cases."""
    findings: list[Finding] = field(default_factory=list)
    batches: Counter[str] = field(default_factory=Counter)
    """Reader, or programs, to the batches that are done: their numbers are part of their seeds."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        rows = [{"subject": s, "outcome": o, "cases": n} for (s, o), n in sorted(self.tried.items())]
        return {
            "schema": SCHEMA,
            "seed": self.seed,
            "batches": dict(sorted(self.batches.items())),
            "tried": rows,
            "findings": [found.to_json() for found in self.findings],
        }


def write_campaign(campaign: Campaign, home: Path | None) -> None:
    """Write it down, if there is a folder for it."""
    if home is not None:
        write_bytes(home / LEDGER, json.dumps(campaign.to_json(), indent=1).encode() + b"\n")


def read_campaign(home: Path, seed: int) -> Campaign:
    """Return the campaign that a folder holds, so that it goes on; a new one where there is none."""
    path = home / LEDGER
    if not path.exists():
        return Campaign(seed)
    said = parse_json(read_bytes(path, JSON_BYTES, FIX), f"{path}: a campaign", FIX)
    try:
        if said["schema"] != SCHEMA:
            raise KeyError("schema")
        campaign = _campaign(said)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise FileError(f"{path}: is no campaign of this version", FIX) from None
    if campaign.seed != seed:
        raise InputError(f"{path}: the campaign there has seed {campaign.seed}, not {seed}", f"give it, or {FIX}")
    return campaign


def _campaign(said: Mapping[str, Any]) -> Campaign:
    findings = [
        Finding(f["subject"], TrialResult(f["kind"], f["error"]), None if f["file"] is None else Path(f["file"]))
        for f in said["findings"]
    ]
    tried = Counter({(row["subject"], row["outcome"]): int(row["cases"]) for row in said["tried"]})
    return Campaign(int(said["seed"]), tried, findings, Counter(dict(said["batches"])))
