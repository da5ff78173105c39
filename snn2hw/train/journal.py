"""The log of a run: one JSON object per epoch and line, never more epochs than the checkpoint knows."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.files import atomic_write

__all__ = ["append_row", "rewrite_rows"]


def rewrite_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Begin with what the checkpoint knows; lines beyond it are dropped, missing ones restored."""
    with atomic_write(path) as temporary:
        temporary.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Append one epoch."""
    with path.open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(row) + "\n")
