"""One sound file in: mono float32 samples at the rate that was asked for, or an error with the file's name."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.border import foreign_errors, open_plain, read_bytes
from sim.cures import install
from sim.errors import FileError, InputError, MissingToolError
from snn2hw.audio.shortfall import shortfall

__all__ = [
    "SHORTEST_S",
    "Clip",
    "check_samples",
    "length_s",
    "read_clip",
    "resample",
    "resampler",
    "sound_pieces",
    "stored_rate_hz",
    "trimmed",
]

SHORTEST_S = 0.05
"""A clip below this length holds no word: one window of analysis is 32 ms."""

LONGEST_FRAMES = 1 << 26
"""Samples of one channel: 23 minutes at 48 kHz, 256 MiB."""
SOUND_BYTES = 1 << 29
"""Bytes of a sound file."""
PIECE_FRAMES = 1 << 16
"""Samples that are unpacked at a time."""
SLOWEST_HZ, FASTEST_HZ = 1000, 768_000
MOST_CHANNELS = 32

_REPLACE = "remove it, or replace it by a good copy"


@dataclass(frozen=True)
class Clip:
    """Samples in [-1, 1] at ``rate_hz``; ``changes`` says what was done to the file to get them."""

    samples: NDArray[np.float32]
    rate_hz: int
    changes: tuple[str, ...] = ()


def read_clip(path: Path, rate_hz: int | None) -> Clip:
    """Read ``path`` (wav, flac, ogg), mix its channels to one and resample it to ``rate_hz`` (None: its own)."""
    raw, found_hz, channels = _read(path)
    changes = [missing] if (missing := shortfall(path)) else []
    if channels > 1:
        changes.append(f"{channels} channels mixed to one")
    check_samples(raw, found_hz, str(path))
    if rate_hz is None:
        rate_hz = found_hz
    if found_hz != rate_hz:
        changes.append(f"resampled from {found_hz} to {rate_hz} Hz")
        raw = resample(raw, found_hz, rate_hz)
    return Clip(raw, rate_hz, tuple(changes))


def _read(path: Path) -> tuple[NDArray[np.float32], int, int]:
    """Return the mean of all channels, the rate, and how many channels: piece by piece, whatever the header claims."""
    soundfile = _soundfile()
    try:
        data = io.BytesIO(read_bytes(path, SOUND_BYTES, _REPLACE))
    except InputError as error:
        reason = error.what.removeprefix(f"{path}: ")
        raise FileError(f"{path}: not a readable sound file ({reason})", _REPLACE) from None
    with _readable(path), soundfile.SoundFile(data) as sound:
        rate_hz, channels = _form_of(sound, path)
        pieces, frames = [], 0
        while len(piece := sound.read(PIECE_FRAMES, dtype="float32", always_2d=True)):
            pieces.append(piece.mean(axis=1, dtype=np.float32))
            frames += len(piece)
            if frames > LONGEST_FRAMES:
                raise FileError(f"{path}: lasts more than {LONGEST_FRAMES} samples", "cut it into clips")
    return np.concatenate([*pieces, np.empty(0, np.float32)]), rate_hz, channels


def sound_pieces(path: Path, rate_hz: int) -> Iterator[NDArray[np.float32]]:
    """Read a sound of any length piece by piece, one channel at ``rate_hz``: memory does not grow with it.

    What `read_clip` refuses is refused, at the end.
    """
    soundfile = _soundfile()
    with _readable(path), open_plain(path, _REPLACE) as handle, soundfile.SoundFile(handle) as sound:
        found_hz, _ = _form_of(sound, path)
        through = resampler(found_hz, rate_hz)
        frames, silent = 0, True
        while len(piece := sound.read(PIECE_FRAMES, dtype="float32", always_2d=True)):
            mono = piece.mean(axis=1, dtype=np.float32)
            _check_finite(mono, str(path))
            frames, silent = frames + len(mono), silent and not mono.any()
            yield through(mono, False)
        _check_whole(frames, silent, found_hz, str(path))
        yield through(np.zeros(0, np.float32), True)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what the library says of a sound into one error of ours, without the object that it was given."""
    soundfile = _soundfile()
    with foreign_errors(path, "not a readable sound file", _REPLACE):
        try:
            yield
        except soundfile.LibsndfileError as error:
            raise ValueError(error.error_string.rstrip(".")) from None


def _form_of(sound: Any, path: Path) -> tuple[int, int]:
    """Return rate and channels of an open sound."""
    rate_hz, channels = int(sound.samplerate), int(sound.channels)
    if not SLOWEST_HZ <= rate_hz <= FASTEST_HZ or not 1 <= channels <= MOST_CHANNELS:
        raise FileError(f"{path}: {channels} channels at {rate_hz} Hz", _REPLACE)
    return rate_hz, channels


def stored_rate_hz(path: Path) -> int:
    """Return the rate a sound file is stored at."""
    return int(_facts(path).samplerate)


def length_s(path: Path) -> float:
    """Return the seconds that a sound file lasts."""
    facts = _facts(path)
    return float(facts.frames / facts.samplerate)


def _facts(path: Path) -> Any:
    soundfile = _soundfile()
    with _readable(path):
        facts = soundfile.info(path)
        if not SLOWEST_HZ <= facts.samplerate <= FASTEST_HZ:
            raise FileError(f"{path}: stored at {facts.samplerate} Hz", _REPLACE)
        return facts


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
    _check_finite(samples, where)
    _check_whole(samples.size, not samples.any(), rate_hz, where)


def _check_finite(samples: NDArray[np.float32], where: str) -> None:
    if not np.isfinite(samples).all():
        raise FileError(f"{where}: holds samples that are not finite", _REPLACE)


def _check_whole(count: int, silent: bool, rate_hz: int, where: str) -> None:
    """Refuse a sound of so many samples, for its length or its silence."""
    if count == 0:
        raise FileError(f"{where}: holds no samples", _REPLACE)
    if count < SHORTEST_S * rate_hz:
        raise FileError(f"{where}: lasts {count / rate_hz:.3f} s, a word needs {SHORTEST_S} s", _REPLACE)
    if silent:
        raise FileError(f"{where}: is digital silence", _REPLACE)


def _soundfile() -> Any:
    try:
        import soundfile
    except ImportError:
        raise MissingToolError("reading sound files needs soundfile", install("soundfile")) from None
    return soundfile


def trimmed(samples: NDArray[np.float32], rate_hz: int, quiet_db: float = -40.0) -> NDArray[np.float32]:
    """Cut both ends where 10 ms are ``quiet_db`` below the loudest 10 ms, keeping 10 ms of margin."""
    block = rate_hz // 100
    count = samples.size // block
    if count == 0:
        return samples
    power = np.square(samples[: count * block].reshape(count, block), dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (quiet_db / 10))
    if not loud.size:
        return samples
    return samples[max(0, loud[0] - 1) * block : (loud[-1] + 2) * block]
