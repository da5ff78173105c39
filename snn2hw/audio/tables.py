"""Corpora that say their clips in a table: ESC-50 and ESC-10, UrbanSound8K, AudioMNIST, and any CSV.

ESC             meta/esc50.csv or meta/esc10.csv, audio/                  folds 1..5
UrbanSound8K    metadata/UrbanSound8K.csv, audio/fold1/ .. fold10/        folds 1..10
AudioMNIST      data/01/0_01_0.wav, data/audioMNIST_meta.txt (JSON)       speakers
CSV             path,label[,part,fold,speaker] beside the files           whatever it says; any column as label
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.border import JSON_BYTES, parse_json, read_bytes
from sim.errors import FileError, InputError
from snn2hw.audio.corpus import Corpus
from snn2hw.audio.part_names import part_named
from snn2hw.audio.rows import Reading, SoundRow, corpus_of
from snn2hw.files.table_file import read_table

__all__ = ["read_audiomnist", "read_csv", "read_esc", "read_urbansound"]

_DIGIT = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_]+)_(?P<take>\d+)\.wav")


def _table(path: Path, wanted: tuple[str, ...]) -> list[dict[str, str]]:
    return read_table(path, wanted, "give the folder of the data set as it is distributed")


def _about(row: Mapping[Any, Any], path: str = "") -> dict[str, str]:
    """Return what a row says, without the column that says its path; a column without a name is none."""
    return {
        name: str(value)
        for name, value in row.items()
        if isinstance(name, str) and name != path and not isinstance(value, list | dict | None)
    }


def _column(row: Mapping[str, Any], name: str, where: Path) -> str:
    if row.get(name) in (None, ""):
        known = ", ".join(sorted(str(key) for key, value in row.items() if value))
        raise InputError(f"{where}: nothing to read as label in column {name!r}", f"choose one of {known}")
    return str(row[name])


def read_esc(root: Path, reading: Reading, label: str = "", name: str = "esc50") -> Corpus:
    """Read ``esc50``, or ``esc10``, the ten of its classes that are marked, or all that a folder holds as ``esc``.

    Fold 1 is the test part until another is left out.
    """
    ten = name == "esc10"
    tables = [root / "meta" / table for table in (("esc10.csv", "esc50.csv") if ten else ("esc50.csv", "esc10.csv"))]
    table = next((path for path in tables if path.is_file()), tables[0])
    rows = _table(table, ("filename", "fold", "category"))
    chosen = [row for row in rows if not ten or row.get("esc10", "True") == "True"]
    return corpus_of(
        name,
        root,
        [
            SoundRow(
                root / "audio" / row["filename"],
                _column(row, label or "category", table),
                part="test" if row["fold"] == "1" else "train",
                speaker=row.get("src_file") or "",
                fold=row["fold"],
                about=_about(row, "filename"),
            )
            for row in chosen
        ],
        reading,
    )


def read_urbansound(root: Path, reading: Reading, label: str = "") -> Corpus:
    """Read UrbanSound8K; its folds are not to be mixed, and fold 1 is the test part until another is left out."""
    table = root / "metadata" / "UrbanSound8K.csv"
    rows = _table(table, ("slice_file_name", "fsID", "fold", "class"))
    return corpus_of(
        "urbansound8k",
        root,
        [
            SoundRow(
                root / "audio" / f"fold{row['fold']}" / row["slice_file_name"],
                _column(row, label or "class", table),
                part="test" if row["fold"] == "1" else "train",
                speaker=row["fsID"],
                fold=row["fold"],
                about=_about(row, "slice_file_name"),
            )
            for row in rows
        ],
        reading,
    )


def read_audiomnist(root: Path, reading: Reading, label: str = "") -> Corpus:
    """Read AudioMNIST; ``label`` is digit, speaker, or a field of its table of speakers, such as gender or accent.

    Every fifth speaker is the test part, in the order of their numbers; a class that training would lack is split by
    clip.
    """
    data = root / "data" if (root / "data").is_dir() else root
    about: dict[str, dict[str, Any]] = {}
    table = data / "audioMNIST_meta.txt"
    if table.is_file():
        about = parse_json(read_bytes(table, JSON_BYTES, "fetch it again"), f"{table}: not JSON", "fetch it again")
        if not isinstance(about, dict) or not all(isinstance(facts, dict) for facts in about.values()):
            raise FileError(f"{table}: not a table of speakers", "fetch it again")
    found = [
        (path, match)
        for folder in sorted(data.iterdir() if data.is_dir() else [])
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if (match := _DIGIT.fullmatch(path.name))
    ]
    speakers = sorted({match["speaker"] for _, match in found})
    rows = []
    for path, match in found:
        speaker = match["speaker"]
        facts = {**about.get(speaker, {}), "digit": match["digit"], "speaker": speaker}
        part = "test" if speakers.index(speaker) % 5 == 4 else "train"
        said = _column(facts, label or "digit", table)
        rows.append(SoundRow(path, said, part=part, speaker=speaker, about=_about(facts)))
    return corpus_of("audiomnist", root, rows, reading, derived=True)


def read_csv(table: Path, reading: Reading, label: str = "") -> Corpus:
    """Read the clips that a CSV lists: column ``path`` is beside it, ``label`` or any other column is the class.

    Columns ``part`` (a name of `snn2hw.audio.part_names`; train where it is empty), ``fold`` and ``speaker`` are read
    where they are.
    """
    column = label or "label"
    rows = _table(table, ("path", column))
    return corpus_of(
        table.stem,
        table.parent,
        [
            SoundRow(
                table.parent / row["path"],
                _column(row, column, table),
                part=part_named(row.get("part") or "train", f"{table}, line {number}"),
                speaker=row.get("speaker") or "",
                fold=row.get("fold") or "",
                about=_about(row, "path"),
            )
            for number, row in enumerate(rows, 2)
        ],
        reading,
    )
