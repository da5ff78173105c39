"""A corpus in folders, as people keep one: ``root/CLASS/*.wav|flac|ogg``, or ``root/train|validate|test/CLASS/*``.

A part may have any of its names in `snn2hw.audio.part_names`. So are pictures of spectrograms kept,
``*.png|jpg|jpeg``, not beside sounds.
"""

import hashlib
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.errors import FileError, InputError
from snn2hw.audio.clip import read_clip
from snn2hw.audio.corpus import Corpus
from snn2hw.audio.part_names import known_parts, part_folders
from snn2hw.audio.picture import PICTURES
from snn2hw.audio.rows import Reading, SoundRow, corpus_of

__all__ = ["SUFFIXES", "read_folder", "read_sounds"]

SUFFIXES = (".wav", ".flac", ".ogg")
TEST_SHARE = 5
"""Without parts, about a fifth of a corpus's speakers (or files, where no speaker is named) are for testing."""

_SPEAKER = re.compile(r"(?P<speaker>[^_]+)_nohash_\d+")
"""The one naming of a speaker that is in wide use: Speech Commands' ``SPEAKER_nohash_N``."""


def read_folder(root: Path, rate_hz: int | None = 8000, *, skip_damaged: bool = False) -> Corpus:
    """Read every sound or picture below ``root``, ordered by name; a class is a folder that holds some.

    Sound files that lie deeper than a class are refused: neither reading them nor leaving them out would be right.
    Those that lie beside the classes have none, are left out and noted.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder", "give a folder of folders, one per class")
    parts = _parts(root)
    tops = sorted(parts.items()) or [("", root)]
    found = [row for part, top in tops for row in _rows(top, part)]
    classes = {label for _, label, _ in found}
    if len(classes) < 2:
        raise InputError(
            f"{root}: {len(classes)} classes with sound files ({', '.join(SUFFIXES)}) or pictures",
            "put each class into its own folder",
        )
    rows = [
        SoundRow(path, label, part=part or _part(_speaker(path)), speaker=_speaker(path)) for path, label, part in found
    ]
    return corpus_of(
        root.name, root, rows, Reading(rate_hz, skip_damaged), notes=_beside(root, parts), derived=not parts
    )


def _parts(root: Path) -> dict[str, Path]:
    """Return the folders of the parts, by part; none where classes lie in ``root`` itself.

    A folder that is called as a part is and holds no folder is a class, unless both train and test are there.
    """
    parts = part_folders(root)
    if {"train", "test"} <= parts.keys():
        return parts
    if any(inner.is_dir() for folder in parts.values() for inner in folder.iterdir()):
        held = ", ".join(sorted(folder.name for folder in parts.values()))
        raise InputError(f"{root}: holds the parts {held}", "needs train and test, or no parts")
    return {}


def _beside(root: Path, parts: dict[str, Path]) -> list[str]:
    """Return notes on sounds that lie in no class; a folder of folders of sounds beside the parts is refused."""
    stray = [path for top in {root, *parts.values()} for path in top.iterdir() if _is_clip(path)]
    for folder in sorted(root.iterdir()) if parts else ():
        if not folder.is_dir() or folder in parts.values():
            continue
        held = sorted(path for path in folder.rglob("*") if _is_clip(path))
        if any(path.parent != folder for path in held):
            what = f"{folder}: {len(held)} sound files in a folder that is no part"
            raise InputError(what, f"call it one of {known_parts()}, or move it out of {root.name}")
        stray += held
    if not stray:
        return []
    names = [path.relative_to(root).as_posix() for path in sorted(stray)]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return [f"left out: {len(names)} sound files that lie beside the classes ({', '.join(names[:3])}{more})"]


def _is_clip(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES + PICTURES and path.is_file()


def read_sounds(
    root: Path, rate_hz: int, longest_s: float, *, skip_damaged: bool = False
) -> tuple[list[NDArray[np.float32]], list[str]]:
    """Read every sound below ``root`` at one rate, in the order of their names; more than ``longest_s`` is refused.

    Beside them are notes on those that were damaged and left out.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder", "give a folder of sounds")
    paths = sorted(path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise InputError(f"{root}: no sound files ({', '.join(SUFFIXES)})", "give a folder of sounds")
    sounds: list[NDArray[np.float32]] = []
    reading, notes = Reading(rate_hz, skip_damaged), list[str]()
    for path in paths:
        try:
            sounds.append(read_clip(path, rate_hz).samples)
        except FileError as error:
            notes.append(reading.note(error))
        if sum(map(len, sounds)) > longest_s * rate_hz:
            raise InputError(f"{root}: more than {longest_s:g} s of sound", "give fewer of them")
    if not sounds:
        raise InputError(f"{root}: every file is damaged", "give other sounds")
    return sounds, notes


def _rows(top: Path, part: str) -> list[tuple[Path, str, str]]:
    """Return (file, class, part) of every sound file below one part."""
    _refuse_nested(top)
    return [
        (path, folder.name, part)
        for folder in sorted(top.iterdir())
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in SUFFIXES + PICTURES
    ]


def _speaker(path: Path) -> str:
    """Return the speaker a file names; a file that names none is its own speaker."""
    match = _SPEAKER.search(path.stem)
    return match["speaker"].split("_")[-1] if match else f"{path.parent.name}/{path.name}"


def _part(speaker: str) -> str:
    """Put a speaker into a part by a hash of the name, so that a corpus that grows keeps its split."""
    return "test" if hashlib.sha256(speaker.encode()).digest()[0] % TEST_SHARE == 0 else "train"


def _refuse_nested(top: Path) -> None:
    for folder in sorted(top.iterdir()):
        if not folder.is_dir():
            continue
        for inner in sorted(folder.iterdir()):
            if inner.is_dir() and any(path.suffix.lower() in SUFFIXES + PICTURES for path in inner.rglob("*")):
                what = f"{inner}: sound files deeper than a class ({folder.name})"
                fix = "keep one folder per class, or list the files in a CSV of path,label: --data LIST.csv"
                raise InputError(what, fix)
