"""Speech Commands, versions 1 and 2, as distributed, or a part of them with a ``metadata.csv``.

A folder of folders, one per word; ``validation_list.txt`` and ``testing_list.txt`` name the files of two parts and all
others are for training; ``_background_noise_`` holds long recordings. With a ``metadata.csv`` of path and part, that
says the parts. A speaker is the hash before ``_nohash_`` and is in one part alone.
"""

import re
from collections import Counter
from pathlib import Path

from sim.errors import FileError, InputError
from snn2hw.audio.clip import length_s
from snn2hw.audio.corpus import Corpus
from snn2hw.audio.part_names import is_part, known_parts, part_named
from snn2hw.audio.rows import Reading, SoundRow, corpus_of
from snn2hw.files.table_file import read_list, read_table

__all__ = ["KEYWORDS", "SILENCE", "UNKNOWN", "backgrounds", "read_keywords", "read_words"]

UNKNOWN, SILENCE = "_unknown_", "_silence_"
KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go", UNKNOWN, SILENCE)
"""The twelve classes of keyword spotting."""
NOISE = "_background_noise_"
_SPEAKER = re.compile(r"(?P<speaker>[^_]+)_nohash_\d+")


def read_words(root: Path, reading: Reading) -> Corpus:
    """Read every word as a class of its own."""
    found, notes = _rows(root)
    rows = [row for row in found if not row.label.startswith("_")]
    return corpus_of("speech-commands", root, rows, reading, notes=notes)


def read_keywords(root: Path, reading: Reading) -> Corpus:
    """Read the twelve classes: ten words, every other word as unknown, and stretches of background as silence.

    Of the other words as many files are taken, evenly, as a keyword has on average, in each part; and as many seconds
    of background, where no folder ``_silence_`` holds some already.
    """
    rows, notes = _rows(root)
    chosen = [row for row in rows if row.label in KEYWORDS]
    has = {row.label for row in chosen}
    lasting = [] if SILENCE in has else _lengths(root, reading, notes)
    others = [row for row in rows if row.label not in KEYWORDS]
    for part in ("train", "validate", "test"):
        words = [row for row in chosen if row.part == part and not row.label.startswith("_")]
        share = max(1, round(len(words) / 10)) if words else 0
        if UNKNOWN not in has:
            here = [row for row in others if row.part == part]
            picked = here if len(here) <= share else [here[k * len(here) // share] for k in range(share)]
            chosen += [SoundRow(r.path, UNKNOWN, part=part, speaker=r.speaker) for r in picked]
        if SILENCE not in has:
            chosen += _silences(lasting, part, share)
    return corpus_of("keywords", root, chosen, reading, KEYWORDS, notes=notes)


def backgrounds(root: Path) -> list[Path]:
    """Return the recordings of background noise, to be mixed in while training."""
    return sorted((root / NOISE).glob("*.wav"))


def _rows(root: Path) -> tuple[list[SoundRow], list[str]]:
    """Return every clip, and notes on those that are in no part."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder", "give the folder that holds one folder per word")
    table = root / "metadata.csv"
    if table.is_file():
        found, notes = _listed(root, table)
    else:
        lists = {"validate": _list(root / "validation_list.txt"), "test": _list(root / "testing_list.txt")}
        files = [p for d in sorted(root.iterdir()) if d.is_dir() and d.name != NOISE for p in sorted(d.glob("*.wav"))]
        found = [(p, next((k for k, v in lists.items() if f"{p.parent.name}/{p.name}" in v), "train")) for p in files]
        notes = []
    rows = []
    for path, part in found:
        match = _SPEAKER.search(path.stem)
        speaker = match["speaker"] if match else path.name
        rows.append(SoundRow(path, path.parent.name, part=part, speaker=speaker))
    return rows, notes


def _listed(root: Path, table: Path) -> tuple[list[tuple[Path, str]], list[str]]:
    """Return (file, part) of the rows of a table, and notes on rows of other parts."""
    rows = read_table(table, ("path", "part"), "write a metadata.csv, or keep the official lists")
    found = [(root / row["path"], part_named(row["part"], str(table))) for row in rows if is_part(row["part"])]
    others = Counter(row["part"] for row in rows if not is_part(row["part"]))
    if not found:
        raise InputError(f"{table}: no row of a part ({_said(others)})", f"call the parts {known_parts()}")
    return found, [f"left out: {table.name} has rows of parts that are none ({_said(others)})"] if others else []


def _said(others: Counter[str]) -> str:
    return ", ".join(f"{count} of {part!r}" for part, count in sorted(others.items())) or "it is empty"


def _list(path: Path) -> frozenset[str]:
    return frozenset(read_list(path, "the official lists come with the data; or write a metadata.csv"))


def _lengths(root: Path, reading: Reading, notes: list[str]) -> list[tuple[Path, float]]:
    """Return every background and how long it lasts; ``notes`` grow by those that are left out."""
    found = []
    for path in backgrounds(root):
        try:
            found.append((path, length_s(path)))
        except FileError as error:
            notes.append(reading.note(error))
    return found


def _silences(files: list[tuple[Path, float]], part: str, count: int) -> list[SoundRow]:
    """Cut seconds out of the backgrounds: the first eight tenths of each for training, a tenth for each other part."""
    first, last = {"train": (0.0, 0.8), "validate": (0.8, 0.9), "test": (0.9, 1.0)}[part]
    places = [
        (path, start)
        for path, long in files
        for start in range(int(first * long) + (first > 0), int(last * long))
        if start + 1 <= last * long
    ]
    if not places:
        return []
    picked = [places[k * len(places) // count] for k in range(count)] if len(places) > count else places
    return [
        SoundRow(p, SILENCE, part=part, speaker=f"{p.stem}/{part}", start_s=s, seconds=1.0, may_be_silent=True)
        for p, s in picked
    ]
