"""The corpora by name, and the one door to all of them."""

from pathlib import Path

from sim.errors import InputError
from snn2hw.audio.corpus import Corpus

__all__ = ["CORPORA", "read_corpus"]

CORPORA = {
    "fsdd": "the Free Spoken Digit Dataset, from its folder",
    "folder": "root/class/*.wav",
    "digits": "English digits, synthesised",
    "digits-ru": "Russian digits, synthesised",
}
"""Corpus name to what it is."""


def read_corpus(name: str, folder: Path | None = None, rate_hz: int = 8000) -> Corpus:
    """Read or synthesise a corpus; only ``folder`` comes at any rate."""
    if name in ("digits", "digits-ru"):
        from snn2hw.audio.digits import spoken_digits

        if folder is not None:
            raise InputError(f"--data {folder}: {name} are synthesised", "leave it out, or choose fsdd or folder")
        return spoken_digits("ru" if name == "digits-ru" else "en")
    if folder is None:
        raise InputError(f"{name}: no folder given", "add --data PATH")
    if name == "fsdd":
        from snn2hw.audio.fsdd import read_fsdd

        return read_fsdd(folder)
    from snn2hw.audio.folder import read_folder

    return read_folder(folder, rate_hz)
