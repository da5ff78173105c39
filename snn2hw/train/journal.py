"""The log of a run: one JSON object per epoch and line, never more epochs than the checkpoint knows."""

import json
from pathlib import Path
from typing import Any

from sim.files import atomic_write

__all__ = ["Journal"]


class Journal:
    """Rows in memory and in ``path``; the checkpoint holds the rows too, so a kill between the two leaves no doubt."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []

    def start(self, rows: list[dict[str, Any]]) -> None:
        """Begin with what the checkpoint knows; lines beyond it are dropped, missing ones restored."""
        self.rows = list(rows)
        with atomic_write(self.path) as temporary:
            temporary.write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")

    def write(self, row: dict[str, Any]) -> None:
        """Append one epoch."""
        with self.path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(row) + "\n")
