"""What a finished run says of itself: summary.json in its folder."""

from pathlib import Path
from typing import Any

from sim.border import JSON_BYTES, parse_json, read_bytes
from sim.errors import FileError
from sim.fields import Fields

__all__ = ["classes_in", "read_summary"]


def read_summary(folder: Path) -> dict[str, Any]:
    """Return the summary of the run in a folder."""
    path, fix = folder / "summary.json", "train again"
    found = parse_json(read_bytes(path, JSON_BYTES, fix), str(path), fix)
    if not isinstance(found, dict):
        raise FileError(f"{path}: holds no summary of a run", fix)
    return found


def classes_in(folder: Path) -> tuple[str, ...]:
    """Return the classes that the summary of the run in a folder names."""
    path, fix = folder / "summary.json", "give the last.pt of a finished run in its folder"
    read = Fields(f"{path}: no summary of a run", parse_json(read_bytes(path, JSON_BYTES, fix), str(path), fix), fix)
    return read.texts("classes", 10_000)
