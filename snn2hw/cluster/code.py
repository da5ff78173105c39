"""Which code this is: one digest over the sources of the three packages, alike wherever they are alike."""

import hashlib
from functools import cache
from pathlib import Path

__all__ = ["code_digest"]

PACKAGES = ("sim", "exporters", "snn2hw")
SUFFIXES = (".py", ".toml")
"""What computes, and the chips and prices that it reads."""


@cache
def code_digest() -> str:
    """Return the SHA-256 of all sources, by their names and contents."""
    root = Path(__file__).parents[2]
    found = [path for package in PACKAGES for path in (root / package).rglob("*") if path.suffix in SUFFIXES]
    sha = hashlib.sha256()
    for path in sorted(found, key=lambda path: path.relative_to(root).as_posix()):
        data = path.read_bytes()
        sha.update(f"{path.relative_to(root).as_posix()}\0{len(data)}\0".encode() + data)
    return sha.hexdigest()
