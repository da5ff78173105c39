"""The Free Spoken Digit Dataset, as its users have it: a folder of ``{digit}_{speaker}_{take}.wav`` at 8 kHz."""

import re
from pathlib import Path

import numpy as np

from sim.errors import InputError
from snn2hw.audio.clip import read_clip
from snn2hw.audio.corpus import Corpus

__all__ = ["DIGITS", "FSDD_RATE_HZ", "read_fsdd"]

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FSDD_RATE_HZ = 8000
OFFICIAL_TEST_TAKES = range(5)
"""The dataset's README: takes 0-4 of every digit and speaker are the test part, 5-49 the training part."""

_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_]+)_(?P<take>\d+)\.wav")


def read_fsdd(root: Path) -> Corpus:
    """Read every recording under ``root`` or ``root/recordings``, ordered by name."""
    folder = root / "recordings" if (root / "recordings").is_dir() else root
    if not folder.is_dir():
        raise InputError(f"{root}: no such folder", "give the folder of the dataset (it holds recordings/)")
    found = sorted((path, match) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)))
    if not found:
        raise InputError(f"{folder}: no file called DIGIT_SPEAKER_TAKE.wav", "give the folder of the dataset")
    clips = [read_clip(path, FSDD_RATE_HZ) for path, _ in found]
    takes = [int(match["take"]) for _, match in found]
    return Corpus(
        name="fsdd",
        classes=DIGITS,
        rate_hz=FSDD_RATE_HZ,
        samples=tuple(clip.samples for clip in clips),
        labels=np.array([int(match["digit"]) for _, match in found]),
        speakers=tuple(match["speaker"] for _, match in found),
        parts=tuple("test" if take in OFFICIAL_TEST_TAKES else "train" for take in takes),
        names=tuple(path.name for path, _ in found),
        notes=tuple(
            f"{path.name}: {', '.join(clip.changes)}"
            for (path, _), clip in zip(found, clips, strict=True)
            if clip.changes
        ),
    )
