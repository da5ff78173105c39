"""The corpora by name, and the one door to all of them."""

from pathlib import Path

from sim.errors import InputError
from snn2hw.audio.corpus import Corpus
from snn2hw.audio.rows import Reading

__all__ = ["CORPORA", "SYNTHESISED", "read_corpus"]

CORPORA = {
    "fsdd": "the Free Spoken Digit Dataset, from its folder",
    "folder": "root/class/*.wav or *.png, or a CSV of path,label[,part,fold,speaker]",
    "csv": "a CSV of path,label[,part,fold,speaker]",
    "digits": "English digits, synthesised",
    "digits-accents": "English digits in six accents, synthesised",
    "digits-ru": "Russian digits, synthesised, or from a folder named as FSDD's",
    "keywords": "Speech Commands, twelve classes; without --data, synthesised",
    "keywords-ru": "the same in Russian, synthesised",
    "speech-commands": "Speech Commands, every word",
    "audiomnist": "AudioMNIST",
    "esc": "ESC-50 or ESC-10, whichever the folder holds",
    "esc10": "ESC-10",
    "esc50": "ESC-50",
    "urbansound8k": "UrbanSound8K",
    "timit": "TIMIT, every phone a clip",
}
"""Corpus name to what it is."""

SYNTHESISED = ("digits", "digits-accents", "digits-ru", "keywords", "keywords-ru")
"""Corpora that need no folder."""
RECORDED_TOO = ("digits-ru", "keywords")
"""Those of them that are read from a folder where one is given."""

LABELLED = ("folder", "csv", "audiomnist", "esc", "esc10", "esc50", "urbansound8k", "timit")
"""Corpora whose table has more than one column that can be the label."""

SPOKEN_RATE_HZ = 8000


def read_corpus(
    name: str,
    folder: Path | None = None,
    rate_hz: int | None = SPOKEN_RATE_HZ,
    *,
    label: str = "",
    skip_damaged: bool = False,
) -> Corpus:
    """Read or synthesise a corpus.

    Args:
        name: one of `CORPORA`.
        folder: where it lies; a CSV for ``folder`` is a corpus too, and ``csv`` is no other.
        rate_hz: to resample to; None keeps the rate that most of its files have.
        label: the column that is the class, where a table has several.
        skip_damaged: leave files out that cannot be read, and say so in the notes, instead of refusing.
    """
    if name not in CORPORA:
        raise InputError(f"there is no corpus {name!r}", f"choose one of {', '.join(CORPORA)}")
    if label and (name not in LABELLED or (name == "folder" and folder is not None and folder.is_dir())):
        raise InputError(f"label {label!r}: {name} has one label", "leave it out")
    if name in SYNTHESISED and (folder is None or name not in RECORDED_TOO):
        if folder is not None:
            raise InputError(f"--data {folder}: {name} are synthesised", "leave it out, or choose fsdd or folder")
        return _synthesised(name, rate_hz or SPOKEN_RATE_HZ)
    if folder is None:
        raise InputError(f"{name}: no folder given", "add --data PATH")
    return _from_disk(name, folder, Reading(rate_hz, skip_damaged), label)


def _synthesised(name: str, rate_hz: int) -> Corpus:
    from snn2hw.audio.digits import ACCENTS, spoken_digits
    from snn2hw.audio.spoken_keywords import spoken_keywords

    language = "ru" if name.endswith("-ru") else "en"
    if name.startswith("keywords"):
        return spoken_keywords(language, rate_hz)
    return spoken_digits(language, accents=ACCENTS if name == "digits-accents" else (), rate_hz=rate_hz)


def _from_disk(name: str, folder: Path, reading: Reading, label: str) -> Corpus:
    from snn2hw.audio import speech_commands, tables

    match name:
        case "fsdd" | "digits-ru":
            from snn2hw.audio.fsdd import read_fsdd

            return read_fsdd(folder, reading, russian=name == "digits-ru")
        case "keywords":
            return speech_commands.read_keywords(folder, reading)
        case "speech-commands":
            return speech_commands.read_words(folder, reading)
        case "audiomnist":
            return tables.read_audiomnist(folder, reading, label)
        case "esc" | "esc10" | "esc50":
            return tables.read_esc(folder, reading, label, name)
        case "urbansound8k":
            return tables.read_urbansound(folder, reading, label)
        case "timit":
            from snn2hw.audio.timit import read_timit

            return read_timit(folder, reading, label)
        case "csv":
            if folder.is_dir():
                raise InputError(f"{folder}: a folder, and csv is a table", "give the CSV, or read it as: folder")
            return tables.read_csv(folder, reading, label)
        case _:
            from snn2hw.audio.folder import read_folder

            if folder.is_file():
                return tables.read_csv(folder, reading, label)
            return read_folder(folder, reading.rate_hz, skip_damaged=reading.skip_damaged)
