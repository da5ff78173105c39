"""A corpus in folders, as people keep one: ``root/CLASS/*.wav|flac|ogg``, or ``root/train|validate|test/CLASS/*``."""

import hashlib
import re
from pathlib import Path

import numpy as np

from sim.errors import InputError
from snn2hw.audio.clip import Clip, read_clip
from snn2hw.audio.corpus import Corpus

__all__ = ["SUFFIXES", "read_folder"]

SUFFIXES = (".wav", ".flac", ".ogg")
PARTS = ("train", "validate", "test")
TEST_SHARE = 5
"""Without parts, about a fifth of a corpus's speakers (or files, where no speaker is named) are for testing."""

_SPEAKER = re.compile(r"(?P<speaker>[^_]+)_nohash_\d+")
"""The one naming of a speaker that is in wide use: Speech Commands' ``SPEAKER_nohash_N``."""


def read_folder(root: Path, rate_hz: int = 8000) -> Corpus:
    """Read every sound file below ``root``, ordered by name; a class is a folder that holds sound files."""
    if not root.is_dir():
        raise InputError(f"{root}: no such folder", "give a folder of folders, one per class")
    parted = {part for part in PARTS if (root / part).is_dir()}
    if parted and not {"train", "test"} <= parted:
        raise InputError(f"{root}: holds the parts {', '.join(sorted(parted))}", "needs train and test, or no parts")
    rows = [row for top in (sorted(parted) or [""]) for row in _rows(root, top)]
    classes = tuple(sorted({label for _, label, _ in rows}))
    if len(classes) < 2:
        raise InputError(
            f"{root}: {len(classes)} classes with sound files ({', '.join(SUFFIXES)})",
            "put each class into its own folder",
        )
    clips = [read_clip(path, rate_hz) for path, _, _ in rows]
    names = [str(path.relative_to(root)) for path, _, _ in rows]
    speakers = [_speaker(path) for path, _, _ in rows]
    return Corpus(
        name=root.name,
        classes=classes,
        rate_hz=rate_hz,
        samples=tuple(clip.samples for clip in clips),
        labels=np.array([classes.index(label) for _, label, _ in rows]),
        speakers=tuple(speakers),
        parts=tuple(part or _part(speaker) for (_, _, part), speaker in zip(rows, speakers, strict=True)),
        names=tuple(names),
        notes=tuple(_note(name, clip) for name, clip in zip(names, clips, strict=True) if clip.changes),
    )


def _rows(root: Path, part: str) -> list[tuple[Path, str, str]]:
    """Return (file, class, part) of every sound file below one part."""
    return [
        (path, folder.name, part)
        for folder in sorted((root / part).iterdir())
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in SUFFIXES
    ]


def _speaker(path: Path) -> str:
    """Return the speaker a file names; a file that names none is its own speaker."""
    match = _SPEAKER.search(path.stem)
    return match["speaker"].split("_")[-1] if match else f"{path.parent.name}/{path.name}"


def _part(speaker: str) -> str:
    """Put a speaker into a part by a hash of the name, so that a corpus that grows keeps its split."""
    return "test" if hashlib.sha256(speaker.encode()).digest()[0] % TEST_SHARE == 0 else "train"


def _note(name: str, clip: Clip) -> str:
    return f"{name}: {', '.join(clip.changes)}"
