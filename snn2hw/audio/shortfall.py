"""Sound files that end before they should: what the header promises, held against the size of the file.

Decoders play what is there and say nothing. A recorder that did not know the length writes 0 or the greatest number:
then nothing was promised.
"""

import os
from pathlib import Path

from sim.border import open_plain

__all__ = ["shortfall"]

UNKNOWN = (0, 0xFFFFFFFF)
MOST_CHUNKS = 1000


def shortfall(path: Path) -> str | None:
    """Return how much less a WAV file holds than its header promises, None where it holds all or promises nothing."""
    with open_plain(path) as handle:
        size = os.fstat(handle.fileno()).st_size
        head = handle.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        at = len(head)
        for _ in range(MOST_CHUNKS):
            handle.seek(at)
            chunk = handle.read(8)
            if len(chunk) < 8:
                return None
            promised = int.from_bytes(chunk[4:], "little")
            at += len(chunk)
            if chunk[:4] == b"data":
                if promised in UNKNOWN or at + promised <= size:
                    return None
                return f"holds {size - at} of the {promised} bytes of sound that its header promises"
            at += promised + promised % 2
    return None
