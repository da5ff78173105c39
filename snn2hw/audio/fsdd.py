"""The Free Spoken Digit Dataset, as its users have it: a folder of ``{digit}_{speaker}_{take}.wav`` at 8 kHz."""

import re
from pathlib import Path

from sim.errors import InputError
from snn2hw.audio.corpus import Corpus
from snn2hw.audio.rows import Reading, SoundRow, corpus_of

__all__ = ["DIGITS", "FSDD_RATE_HZ", "read_fsdd"]

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RUSSIAN_DIGITS = ("ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять")
FSDD_RATE_HZ = 8000
OFFICIAL_TEST_TAKES = range(5)
"""The dataset's README: takes 0-4 of every digit and speaker are the test part, 5-49 the training part."""

_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>.+)_(?P<take>\d+)\.wav")


def read_fsdd(root: Path, reading: Reading | None = None, *, russian: bool = False) -> Corpus:
    """Read every recording under ``root`` or ``root/recordings``, ordered by name.

    Russian digits are named the same way; their test part is every fifth voice, in the order of their names.
    """
    folder = root / "recordings" if (root / "recordings").is_dir() else root
    if not folder.is_dir():
        raise InputError(f"{root}: no such folder", "give the folder of the dataset (it holds recordings/)")
    found = sorted((path, match) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)))
    if not found:
        raise InputError(f"{folder}: no file called DIGIT_SPEAKER_TAKE.wav", "give the folder of the dataset")
    names = RUSSIAN_DIGITS if russian else DIGITS
    voices = sorted({match["speaker"] for _, match in found})
    tested = set(voices[4::5]) if russian else set()
    rows = [
        SoundRow(
            path,
            names[int(match["digit"])],
            part="test"
            if (match["speaker"] in tested if russian else int(match["take"]) in OFFICIAL_TEST_TAKES)
            else "train",
            speaker=match["speaker"],
        )
        for path, match in found
    ]
    name = "digits-ru" if russian else "fsdd"
    return corpus_of(name, folder, rows, reading or Reading(FSDD_RATE_HZ), names, derived=russian)
