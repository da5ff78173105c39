"""Features computed once: arrays in the user's cache folder, under a key of everything they depend on."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from sim.files import atomic_write

__all__ = ["FEATURES", "cache_folder", "cached"]

FEATURES = 1
"""Raise when the code of the features changes their values."""


def cache_folder() -> Path:
    """``$SNN2HW_CACHE``, else ``$XDG_CACHE_HOME/snn2hw``, else ``~/.cache/snn2hw``."""
    if chosen := os.environ.get("SNN2HW_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "snn2hw"


def cached(key: object, compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """Return the array stored under ``key`` (told apart by its repr), computing and storing it when there is none.

    A file that cannot be read is computed again; a folder that cannot be written only costs the time.
    """
    name = hashlib.sha256(f"{FEATURES} {key!r}".encode()).hexdigest()[:32]
    file = cache_folder() / f"{name}.npy"
    if file.is_file():
        try:
            stored: NDArray[Any] = np.load(file, allow_pickle=False)
            return stored
        except Exception:  # whatever NumPy raises over a damaged file
            file.unlink(missing_ok=True)
    values = compute()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _store(file, values)
    except (OSError, InputError):
        return values
    return values


def _store(file: Path, values: NDArray[np.generic]) -> None:
    with atomic_write(file) as temporary, temporary.open("wb") as handle:
        np.save(handle, values, allow_pickle=False)
