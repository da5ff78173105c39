"""Which processes live: those that have a mark in their environment."""

from contextlib import suppress
from pathlib import Path


def marked(mark):
    """Return the ids of the processes that live with ``NAME=value`` in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            ended = (path.parent / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
            if mark.encode() in path.read_bytes().split(b"\0") and not ended:
                found.append(int(path.parent.name))
    return found
