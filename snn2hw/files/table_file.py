"""Tables that people write: CSV files with a first line of names, and lists of words."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from sim.border import read_bytes
from sim.errors import FileError

__all__ = ["TABLE_BYTES", "read_list", "read_table"]

TABLE_BYTES = 1 << 26
"""Bytes of a table: 64 MiB, a million clips."""
FIX = "write it as CSV in UTF-8"


def read_table(path: Path, wanted: Sequence[str], missing: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file that has these columns; ``missing`` is the cure where there is no such file."""
    text = _text(path, missing, FIX)
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise FileError(f"{path}: not a table ({error})", FIX) from None
    found = set(rows[0]) if rows else set()
    lacking = [name for name in wanted if name not in found]
    if lacking:
        what = f"{path}: no column {', '.join(lacking)} (it has {', '.join(sorted(map(str, found))) or 'no rows'})"
        raise FileError(what, "name the columns in the first line")
    for number, row in enumerate(rows, 2):
        if any(row[name] is None for name in wanted):
            raise FileError(f"{path}: line {number} is shorter than the first", "give every row all columns")
    return rows


def read_list(path: Path, missing: str) -> list[str]:
    """Return what stands in a text, word by word."""
    return _text(path, missing, "write it as text in UTF-8").split()


def _text(path: Path, missing: str, fix: str) -> str:
    data = read_bytes(path, TABLE_BYTES, missing)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: not a table ({error})", fix) from None
