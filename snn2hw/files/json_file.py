"""Results as JSON files: written whole or not at all, one space of indent, a newline at the end."""

import json
from pathlib import Path
from typing import Any

from sim.files import atomic_write

__all__ = ["write_json"]


def write_json(path: Path | str, value: Any) -> None:
    """Write plain values; what is no JSON is a TypeError here, before the old file is touched."""
    text = json.dumps(value, indent=1) + "\n"
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
