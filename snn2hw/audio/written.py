"""A sound file out, piece by piece: whole or not at all, and 16 bit of every sample."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.cures import install
from sim.errors import InputError, MissingToolError
from sim.files import atomic_write

__all__ = ["sound_writer"]

FORMATS = {".wav": "WAV", ".flac": "FLAC"}


@contextmanager
def sound_writer(path: Path, rate_hz: int) -> Iterator[Callable[[NDArray[np.floating]], None]]:
    """Yield what takes samples in [-1, 1] of one channel; louder ones are cut off. The file is there at the end."""
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path}: no kind of sound that is written", f"name it {' or '.join(FORMATS)}")
    try:
        import soundfile
    except ImportError:
        raise MissingToolError("writing sound files needs soundfile", install("soundfile")) from None
    with (
        atomic_write(path) as temporary,
        soundfile.SoundFile(temporary, "w", rate_hz, 1, "PCM_16", format=kind) as sound,
    ):

        def write(samples: NDArray[np.floating]) -> None:
            sound.write(np.rint(np.clip(samples, -1.0, 32767 / 32768) * 32768).astype(np.int16))

        yield write
