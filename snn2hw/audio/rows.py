"""From a list of files with their labels to a corpus: what every layout of files comes down to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from sim.errors import FileError, InputError
from snn2hw.audio.by_clip import by_clip, named_few, untaught
from snn2hw.audio.clip import Clip, read_clip, stored_rate_hz
from snn2hw.audio.corpus import Corpus
from snn2hw.audio.logmel import LogMel
from snn2hw.audio.picture import is_picture, read_picture

__all__ = ["Reading", "SoundRow", "corpus_of"]


@dataclass(frozen=True)
class SoundRow:
    """One clip: a file, or ``seconds`` of it from ``start_s`` on, and what is known of it.

    ``where`` is the line that says a segment, for errors; ``may_be_silent`` one whose class is silence. ``about`` is
    all that a table says of it, by column.
    """

    path: Path
    label: str
    part: str = "train"
    speaker: str = ""
    fold: str = ""
    start_s: float = 0.0
    seconds: float | None = None
    where: str = ""
    may_be_silent: bool = False
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """How files become clips: at which rate (None: their own), and whether one that is damaged is left out."""

    rate_hz: int | None = None
    skip_damaged: bool = False

    def note(self, error: FileError) -> str:
        """Return what is said of a damaged file that is left out; refuse it where none is."""
        if not self.skip_damaged:
            raise FileError(error.what, f"{error.fix}; or leave such files out with --skip-damaged") from None
        return f"left out: {error.what}"


def corpus_of(
    name: str,
    root: Path,
    rows: Sequence[SoundRow],
    reading: Reading,
    classes: Sequence[str] | None = None,
    *,
    notes: Sequence[str] = (),
    derived: bool = False,
) -> Corpus:
    """Read the clips; classes are in the given order, else in that of their names.

    ``notes`` are what finding the rows left to say. Parts that are ``derived``, not those of the data's authors, are
    changed where training would lack what is tested.
    """
    if not rows:
        raise InputError(f"{root}: no sound files of the layout of {name}", "check the folder, see docs/audio.md")
    pictures = _of_one_kind(rows, root)
    rate_hz = reading.rate_hz or (LogMel().rate_hz if pictures else _usual_rate(rows, reading))
    kept, clips, said = _heard(rows, root, rate_hz, reading, pictures=pictures)
    if not kept:
        raise InputError(f"{root}: every file is damaged", "fetch the data again")
    parts, noted = _taught(kept, root, derived=derived)
    known = tuple(classes) if classes else tuple(sorted({row.label for row in kept}))
    if len(known) < 2:
        raise InputError(f"{root}: {len(known)} class ({', '.join(known)})", "a corpus needs two or more")
    return Corpus(
        name=name,
        classes=known,
        rate_hz=rate_hz,
        samples=tuple(clip.samples for clip in clips),
        labels=np.array([known.index(row.label) for row in kept]),
        speakers=tuple(row.speaker or _named(row, root) for row in kept),
        parts=tuple(parts),
        names=tuple(_named(row, root) for row in kept),
        notes=tuple(dict.fromkeys((*noted, *notes, *said))),
        folds=tuple(row.fold for row in kept) if any(row.fold for row in kept) else (),
        columns=_columns(kept),
    )


def _columns(rows: Sequence[SoundRow]) -> dict[str, tuple[str, ...]]:
    """Return what the tables say of all rows, by column, in the order in which columns come."""
    names = dict.fromkeys(name for row in rows for name in row.about)
    return {name: tuple(row.about.get(name, "") for row in rows) for name in names}


def _heard(
    rows: Sequence[SoundRow], root: Path, rate_hz: int, reading: Reading, *, pictures: bool
) -> tuple[list[SoundRow], list[Clip], list[str]]:
    """Return the rows that can be read, their clips, and notes on what was left out or changed."""
    kept, clips, said = list[SoundRow](), list[Clip](), list[str]()
    read = lru_cache(maxsize=1)(
        read_picture if pictures else read_clip
    )  # segments of one file stand one behind the other
    for row in rows:
        try:
            clip = _part_of(read(row.path, rate_hz), row)
        except FileError as error:
            said.append(reading.note(error))
            continue
        kept.append(row)
        clips.append(clip)
        if clip.changes:
            said.append(f"{_named(row, root)}: {', '.join(clip.changes)}")
    return kept, clips, said


def _taught(rows: Sequence[SoundRow], root: Path, *, derived: bool) -> tuple[list[str], list[str]]:
    """Return the part of every row, and what is to be said of classes that training lacks."""
    labels, parts = [row.label for row in rows], [row.part for row in rows]
    if derived:
        return by_clip(labels, parts, [_named(row, root) for row in rows])
    lacking, tested = untaught(labels, parts)
    some = lacking and lacking < tested and not any(row.fold for row in rows)
    return parts, [f"training lacks classes of the test part: {named_few(lacking)}"] if some else []


def _of_one_kind(rows: Sequence[SoundRow], root: Path) -> bool:
    """Return whether these are pictures; pictures beside sounds are refused."""
    kinds = {is_picture(row.path) for row in rows}
    if len(kinds) > 1:
        raise InputError(f"{root}: sounds and pictures in one corpus", "keep them apart")
    return kinds == {True}


def _named(row: SoundRow, root: Path) -> str:
    name = row.path.relative_to(root).as_posix() if row.path.is_relative_to(root) else str(row.path)
    return name if row.seconds is None else f"{name}@{row.start_s:g}s"


def _usual_rate(rows: Sequence[SoundRow], reading: Reading) -> int:
    """Return the rate of most files: none of those is resampled."""
    found: Counter[int] = Counter()
    for path in {row.path for row in rows}:
        try:
            found[stored_rate_hz(path)] += 1
        except FileError as error:
            reading.note(error)
    if not found:
        raise InputError(f"{rows[0].path.parent}: every file is damaged", "fetch the data again")
    return max(found, key=lambda rate: (found[rate], rate))


def _part_of(clip: Clip, row: SoundRow) -> Clip:
    """Return the segment of a row, which must lie in its file and hold a sound; at its end one sample is rounding."""
    if row.seconds is None:
        return clip
    first = round(row.start_s * clip.rate_hz)
    last = first + round(row.seconds * clip.rate_hz)
    where, count = row.where or f"{row.path}, from {row.start_s:g} s", clip.samples.size
    if last > count + 1:
        what = f"{where}: a segment from {row.start_s:g} to {row.start_s + row.seconds:g} s is not in {row.path.name}"
        raise FileError(f"{what}, which lasts {count / clip.rate_hz:g} s", "mend the line, or fetch the sound again")
    samples = clip.samples[first:last]
    if not samples.size:
        raise FileError(f"{where}: a segment of no samples", "mend the line")
    if not samples.any() and not row.may_be_silent:
        raise FileError(f"{where}: a segment of digital silence", "mend the line, or fetch the sound again")
    return Clip(samples, clip.rate_hz, clip.changes)
