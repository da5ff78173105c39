"""One sound file in: mono float32 samples at the rate that was asked for, or an error with the file's name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.cures import install
from sim.errors import FileError, MissingToolError

__all__ = ["SHORTEST_S", "Clip", "check_samples", "length_s", "read_clip", "resample", "resampler", "stored_rate_hz"]

SHORTEST_S = 0.05
"""A clip below this length holds no word: one window of analysis is 32 ms."""

_REPLACE = "remove it, or replace it by a good copy"


@dataclass(frozen=True)
class Clip:
    """Samples in [-1, 1] at ``rate_hz``; ``changes`` says what was done to the file to get them."""

    samples: NDArray[np.float32]
    rate_hz: int
    changes: tuple[str, ...] = ()


def read_clip(path: Path, rate_hz: int | None) -> Clip:
    """Read ``path`` (wav, flac, ogg), mix its channels to one and resample it to ``rate_hz`` (None: its own)."""
    soundfile = _soundfile()
    try:
        raw, found_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        raise FileError(f"{path}: not a readable sound file ({error})", _REPLACE) from None
    changes = []
    if raw.shape[1] > 1:
        changes.append(f"{raw.shape[1]} channels mixed to one")
    samples = np.ascontiguousarray(raw.mean(axis=1, dtype=np.float32))
    check_samples(samples, found_hz, str(path))
    if rate_hz is None:
        rate_hz = int(found_hz)
    if found_hz != rate_hz:
        changes.append(f"resampled from {found_hz} to {rate_hz} Hz")
        samples = resample(samples, found_hz, rate_hz)
    return Clip(samples, rate_hz, tuple(changes))


def stored_rate_hz(path: Path) -> int:
    """Return the rate a sound file is stored at."""
    return int(_facts(path).samplerate)


def length_s(path: Path) -> float:
    """Return the seconds that a sound file lasts."""
    facts = _facts(path)
    return float(facts.frames / facts.samplerate)


def _facts(path: Path) -> Any:
    soundfile = _soundfile()
    try:
        return soundfile.info(path)
    except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
        raise FileError(f"{path}: not a readable sound file ({error})", _REPLACE) from None


def resample(samples: NDArray[np.float32], from_hz: float, to_hz: float) -> NDArray[np.float32]:
    """Return the samples at another rate (soxr, high quality)."""
    try:
        import soxr
    except ImportError:
        raise MissingToolError("resampling needs soxr", install("soxr")) from None
    return np.asarray(soxr.resample(samples, from_hz, to_hz), dtype=np.float32)


def resampler(from_hz: int, to_hz: int) -> Callable[[NDArray[np.float32], bool], NDArray[np.float32]]:
    """Return what brings a stream to another rate, piece by piece; the second argument marks the last piece."""
    if from_hz < 1:
        raise FileError(f"a rate of {from_hz} Hz", "give the samples in a second")
    if from_hz == to_hz:
        return lambda samples, _: samples
    try:
        import soxr
    except ImportError:
        raise MissingToolError("resampling needs soxr", install("soxr")) from None
    stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32")
    return lambda samples, last: np.asarray(stream.resample_chunk(samples, last=last), dtype=np.float32)


def check_samples(samples: NDArray[np.float32], rate_hz: int, where: str) -> None:
    """Refuse what no feature can be computed from; ``where`` is the file or the utterance the message names."""
    fix = _REPLACE
    if samples.size == 0:
        raise FileError(f"{where}: holds no samples", fix)
    if not np.isfinite(samples).all():
        raise FileError(f"{where}: holds samples that are not finite", fix)
    if samples.size < SHORTEST_S * rate_hz:
        raise FileError(f"{where}: lasts {samples.size / rate_hz:.3f} s, a word needs {SHORTEST_S} s", fix)
    if not samples.any():
        raise FileError(f"{where}: is digital silence", fix)


def _soundfile() -> Any:
    try:
        import soundfile
    except ImportError:
        raise MissingToolError("reading sound files needs soundfile", install("soundfile")) from None
    return soundfile
