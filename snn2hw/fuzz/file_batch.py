"""Many damaged files through one reader, in this process: damage, a case on a file system in memory, the reader.

What a batch does follows from its reader, seed and number alone. `Beat` says how far it has come, so that whoever waits
knows it also where the process is lost over a case, which then still lies in its file.
"""

import mmap
import re
import struct
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.errors import Snn2hwError
from snn2hw.fuzz.guards import CASE_S, GROWTH_BYTES, Growth, WriteWatch, limit_time
from snn2hw.fuzz.mutate import mutated
from snn2hw.fuzz.readers import READERS

__all__ = ["Beat", "Desk", "FileBatch", "case_file", "signature_of"]

CORPUS = 48
"""Damaged files of a batch that are damaged once more, because a reader said something new about them."""
CORPUS_RATIO = 4
UNGUIDED = frozenset({".nir"})
"""What is not damaged twice: damage itself needs a library there that trusts its files."""
ALIKE = 3
"""Findings of a batch that are alike are told so often."""
_PARTICULAR = re.compile(r"'[^']*'|\"[^\"]*\"|[0-9]+|\([^()]*\)|\S*/\S*")


class Beat:
    """Two counts that outlive the process: cases that were read, and cases that were refused."""

    FIELDS = struct.Struct("<QQ")

    def __init__(self, folder: Path) -> None:
        path = folder / "beat"
        if not path.exists():
            path.write_bytes(bytes(self.FIELDS.size))
        with path.open("r+b") as handle:
            self._memory = mmap.mmap(handle.fileno(), self.FIELDS.size)

    def set(self, read: int, refused: int) -> None:
        """Say how far a batch has come."""
        self.FIELDS.pack_into(self._memory, 0, read, refused)

    def get(self) -> tuple[int, int]:
        """Return how far it came."""
        read, refused = self.FIELDS.unpack_from(self._memory, 0)
        return int(read), int(refused)


@dataclass(frozen=True)
class FileBatch:
    """So many damaged files for one reader, made of good ones."""

    reader: str
    seeds: Sequence[bytes]
    seed: Sequence[int]
    """Of the random numbers: the campaign's, the reader's and the batch's."""
    cases: int


def case_file(folder: Path, suffix: str) -> Path:
    """Return where the case lies that a reader of such files is given."""
    return folder / f"case{suffix}"


class Desk:
    """Where files are given to readers: their folder, and the guards over this process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._watch, self._growth = WriteWatch(folder), Growth()
        self._imported: set[str] = set()

    def give(self, reader: str) -> tuple[str, str]:
        """Give the case that lies in the folder to a reader; return what became of it, and the error."""
        path, read = case_file(self._folder, READERS[reader].suffix), READERS[reader].read
        self._growth.grown()
        if reader in self._imported:  # what packages do when they are imported is no file's doing
            self._watch.begin()
        try:
            read(path)
            outcome = "read", ""
        except Snn2hwError as error:
            ours = "memory" if "more memory than there is" in error.what else "refused"
            outcome = ours, str(error)
        except Exception as error:
            outcome = "foreign", signature_of(error)
        elsewhere = self._watch.end()
        self._imported.add(reader)
        grown = self._growth.grown()
        if grown >= GROWTH_BYTES:
            return "memory", f"grew by {grown >> 20} MiB"
        return ("outside", elsewhere[0]) if elsewhere else outcome

    def batch(self, batch: FileBatch) -> dict[str, Any]:
        """Damage and give; return {"tried": {outcome: cases}, "found": [{"kind", "error", "file"}]}."""
        reader, rng = READERS[batch.reader], np.random.default_rng(list(batch.seed))
        path, beat = case_file(self._folder, reader.suffix), Beat(self._folder)
        tried: Counter[str] = Counter()
        found: list[dict[str, str]] = []
        corpus, told = list(batch.seeds), set[str]()
        largest = CORPUS_RATIO * max(map(len, corpus))
        for _ in range(batch.cases):
            beat.set(tried["read"], tried["refused"])
            limit_time(CASE_S)
            data = _damaged(corpus, len(batch.seeds), reader.suffix, rng)
            path.write_bytes(data)
            kind, error = self.give(batch.reader)
            limit_time(0)
            tried[kind] += 1
            if kind not in ("read", "refused"):
                if sum(f["kind"] == kind and f["error"] == error for f in found) < ALIKE:
                    kept = self._folder / f"found{len(found)}{reader.suffix}"
                    kept.write_bytes(data)
                    found.append({"kind": kind, "error": error, "file": str(kept)})
            elif reader.suffix not in UNGUIDED and len(corpus) < CORPUS and len(data) <= largest:
                said = _PARTICULAR.sub("", error)
                if said not in told:
                    told.add(said)
                    corpus.append(data)
        beat.set(tried["read"], tried["refused"])
        return {"tried": dict(tried), "found": found}


def _damaged(corpus: Sequence[bytes], seeds: int, suffix: str, rng: np.random.Generator) -> bytes:
    """Return a damaged file; what is too damaged to be edited as a structure is damaged blindly."""
    known = len(corpus) if rng.integers(0, 2) else seeds  # half of them damaged once
    first, other = (corpus[int(rng.integers(0, known))] for _ in range(2))
    try:
        return mutated(first, other, suffix, rng)
    except Exception:
        return mutated(first, other, "", rng)


def signature_of(error: BaseException) -> str:
    """Return what an error is and where it was raised, without what differs from file to file."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "site-packages" not in f.filename] or frames
    last = ours[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.name}"
