"""TIMIT as distributed: sentences with their phones, every phone a clip.

TRAIN/DR1/FCJF0/SI1027.WAV and, beside it, SI1027.PHN: lines of first sample, last sample, phone. The 61 phones are
folded to the 39 of Lee and Hon (1989), and the glottal stop is left out; the two sentences that every speaker says (SA)
are left out, as is usual. TEST is the test part; no speaker is in both, so where the speaker is the
class, clips are split instead.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from sim.border import read_bytes
from sim.errors import FileError, InputError
from snn2hw.audio.clip import stored_rate_hz
from snn2hw.audio.corpus import Corpus
from snn2hw.audio.rows import Reading, SoundRow, corpus_of
from snn2hw.files.table_file import TABLE_BYTES

__all__ = ["FOLDED", "LABELS", "LEFT_OUT", "PHONES_39", "read_timit"]

_PHONES = "aa ae ah aw ay b ch d dh dx eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh sil t th uh uw v w y z"
PHONES_39 = tuple(_PHONES.split())
LEFT_OUT = "q"
SILENCE = "sil"
"""The phone that closures, pauses and the ends of a sentence count as: a segment of it may hold zeros alone."""
FOLDED = {phone: phone for phone in PHONES_39 if phone != SILENCE} | {
    "ao": "aa", "ax": "ah", "ax-h": "ah", "axr": "er", "el": "l", "em": "m", "en": "n", "eng": "ng", "hv": "hh",
    "ix": "ih", "nx": "n", "ux": "uw", "zh": "sh",
    **dict.fromkeys(("bcl", "dcl", "gcl", "kcl", "pcl", "tcl", "epi", "pau", "h#"), SILENCE),
}  # fmt: skip
"""The 61 phones but for the glottal stop, each with the one of 39 that it counts as."""
LABELS = ("phone", "phone61", "speaker", "gender", "dialect")
"""What can be the class of a segment; the first is usual."""

_LINE = re.compile(r"(?P<first>[0-9]{1,12})\s+(?P<last>[0-9]{1,12})\s+(?P<phone>\S+)")


def read_timit(root: Path, reading: Reading, label: str = "") -> Corpus:
    """Read every segment of TRAIN and TEST, in whichever case the folders are written."""
    if label and label not in LABELS:
        raise InputError(f"{root}: nothing to read as label {label!r}", f"choose one of {', '.join(LABELS)}")
    folders = {path.name.lower(): path for path in root.iterdir() if path.is_dir()} if root.is_dir() else {}
    if not {"train", "test"} <= folders.keys():
        raise InputError(f"{root}: has no TRAIN and TEST", "give the folder of TIMIT that holds both")
    sentences = _Sentences(reading, label or LABELS[0])
    rows = [row for part in ("train", "test") for row in sentences.rows(folders[part], part)]
    classes = PHONES_39 if label in ("", "phone") else None
    return corpus_of("timit", root, rows, reading, classes, notes=sentences.notes, derived=label == "speaker")


class _Sentences:
    """Reads the sentences of a part, and notes those that it leaves out."""

    def __init__(self, reading: Reading, label: str) -> None:
        self.reading, self.label, self.notes = reading, label, list[str]()

    def rows(self, folder: Path, part: str) -> Iterator[SoundRow]:
        """Return every segment of a part."""
        for table in sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".phn"):
            if table.stem.lower().startswith("sa"):
                continue
            try:
                sound = _sound_beside(table)
                rate_hz = stored_rate_hz(sound)
            except FileError as error:
                self.notes.append(self.reading.note(error))
                continue
            yield from self._segments(table, sound, rate_hz, part)

    def _segments(self, table: Path, sound: Path, rate_hz: int, part: str) -> Iterator[SoundRow]:
        speaker = table.parent.name
        facts = {"speaker": speaker, "gender": speaker[:1].upper(), "dialect": table.parent.parent.name}
        for number, first, last, phone in _segments(table):
            said = facts | {"phone": FOLDED[phone], "phone61": phone}
            yield SoundRow(
                sound,
                said[self.label],
                part=part,
                speaker=speaker,
                start_s=first / rate_hz,
                seconds=(last - first) / rate_hz,
                where=f"{table}, line {number}",
                may_be_silent=FOLDED[phone] == SILENCE,
                about=said,
            )


def _sound_beside(table: Path) -> Path:
    sound = next((path for s in (".WAV", ".wav", ".flac") if (path := table.with_suffix(s)).is_file()), None)
    if sound is None:
        raise FileError(f"{table}: no sound beside it", "keep every .PHN beside its .WAV")
    return sound


def _segments(table: Path) -> Iterator[tuple[int, int, int, str]]:
    """Return line, first sample, last sample and phone of every segment that counts."""
    text = read_bytes(table, TABLE_BYTES, "give the segments of the sentence").decode("latin-1")
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line.strip())
        known = match and (match["phone"] in FOLDED or match["phone"] == LEFT_OUT)
        if not match or not known or int(match["first"]) >= int(match["last"]):
            raise FileError(f"{table}, line {number}: no segment ({line.strip()[:40]!r})", "write: FIRST LAST PHONE")
        if match["phone"] != LEFT_OUT:
            yield number, int(match["first"]), int(match["last"]), match["phone"]
