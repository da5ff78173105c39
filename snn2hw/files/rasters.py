"""Input and trace files: ``.npz`` archives, checked before any memory is asked for.

An input file holds ``spikes`` (B, T, *input shape) integers, optionally ``labels`` (B,), the ``decoder`` with which
an output is held against them, the identity of the ``front`` end that made them, and the names of the ``classes``. A
trace file holds ``spikes.NAME``, ``u.NAME`` and ``v.NAME``, each (B, T, *shape), the ``output``, and the ``digest`` of
the program.
"""

import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.compare import recorded_of
from sim.errors import FileError, InputError
from sim.files import atomic_write
from sim.trace import Trace
from snn2hw.codec.decode import DECODERS, Decoder

__all__ = ["MAX_BYTES", "Raster", "read_npz", "read_raster", "write_npz", "write_raster", "write_trace"]

MAX_BYTES = 16 << 30
"""No input file may unpack to more than this."""

MAX_LABELS = 1 << 20


@dataclass(frozen=True, eq=False)
class Raster:
    """What is fed to a program, and what each sample is."""

    spikes: NDArray[np.integer]  # b t *shape
    labels: NDArray[np.integer] | None  # b
    decoder: Decoder | None = None
    """How the output is read when it is held against the labels; None: as `snn2hw run` chooses."""
    front: str | None = None
    """The identity of the front end that made it (`snn2hw.purpose.front_identity`)."""
    classes: tuple[str, ...] | None = None
    """What each label means."""


def read_npz(path: Path | str, *, max_bytes: int = MAX_BYTES) -> dict[str, NDArray[Any]]:
    """Read every array of an archive: no pickles, and sizes are checked from the headers before unpacking."""
    file = Path(path)
    if file.is_dir():
        raise InputError(f"{file}: is a folder", "name the .npz file itself")
    if not file.is_file():
        raise InputError(f"{file}: no such file", "check the path")
    try:
        with zipfile.ZipFile(file) as archive:
            if any(b"PK\x01\x02" in member.extra + member.comment for member in archive.infolist()):
                raise zipfile.BadZipFile("one entry of its directory swallows another")
            unpacked = sum(_announced_bytes(archive, member) for member in archive.infolist())
        if unpacked > max_bytes:
            raise FileError(f"{file}: unpacks to {unpacked} bytes, the limit is {max_bytes}", "split it into parts")
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except FileError as error:
        raise FileError(str(error.what) if str(file) in error.what else f"{file}: {error.what}", error.fix) from None
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, KeyError, OSError, RuntimeError) as error:
        what = f"{file}: not a readable .npz archive ({error})"
        raise FileError(what, "write it with numpy.savez(file, spikes=...)") from None


def _announced_bytes(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Return the bytes of one member, having checked that its header promises just that many."""
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        header = stream.tell()
    if dtype.hasobject:
        raise FileError(f"array {member.filename!r} holds Python objects, which are never unpickled", "store numbers")
    promised = int(np.prod([int(n) for n in shape], dtype=object)) * dtype.itemsize
    if promised + header != member.file_size:
        raise FileError(f"array {member.filename!r} promises {promised} bytes and holds {member.file_size - header}")
    return promised


def read_raster(path: Path | str) -> Raster:
    """Read an input file."""
    arrays = read_npz(path)
    if "spikes" not in arrays:
        held = ", ".join(sorted(arrays)) or "nothing"
        raise InputError(
            f"{path}: holds {held}, but no array 'spikes'", "save (B, T, *input shape) integers as 'spikes'"
        )
    spikes, labels = arrays["spikes"], arrays.get("labels")
    if spikes.ndim < 3:
        raise InputError(f"{path}: spikes has shape {spikes.shape}", "save (B, T, *input shape)")
    if labels is not None and (labels.shape != spikes.shape[:1] or not np.issubdtype(labels.dtype, np.integer)):
        what = f"{path}: labels are {labels.dtype} of shape {labels.shape} for {spikes.shape[0]} samples"
        raise InputError(what, "save one integer label per sample")
    return Raster(
        spikes=spikes,
        labels=labels,
        decoder=_decoder(path, arrays.get("decoder")),
        front=_front(path, arrays.get("front")),
        classes=_classes(path, arrays.get("classes")),
    )


def _decoder(path: Path | str, written: NDArray[Any] | None) -> Decoder | None:
    if written is None:
        return None
    if written.ndim or written.dtype.kind != "U" or str(written) not in DECODERS:
        raise InputError(f"{path}: decoder {written.tolist()!r}", f"save one of {', '.join(DECODERS)}, or none")
    return cast("Decoder", str(written))


def _front(path: Path | str, written: NDArray[Any] | None) -> str | None:
    if written is None:
        return None
    if written.ndim or written.dtype.kind != "U" or not re.fullmatch("[0-9a-f]{64}", str(written)):
        raise InputError(f"{path}: front is no SHA-256 in hexadecimal", "encode it again, or leave 'front' out")
    return str(written)


def _classes(path: Path | str, written: NDArray[Any] | None) -> tuple[str, ...] | None:
    if written is None:
        return None
    if written.ndim != 1 or written.dtype.kind != "U":
        raise InputError(f"{path}: classes are {written.dtype} of shape {written.shape}", "save a list of texts")
    return tuple(map(str, written))


def write_npz(path: Path | str, arrays: Mapping[str, ArrayLike]) -> None:
    """Write an archive atomically."""
    with atomic_write(path) as temporary, temporary.open("wb") as handle:
        np.savez_compressed(handle, allow_pickle=False, **{k: np.asarray(v) for k, v in arrays.items()})


def write_raster(
    path: Path | str,
    spikes: ArrayLike,
    labels: ArrayLike | None = None,
    decoder: str | None = None,
    *,
    front: str | None = None,
    classes: Sequence[str] | None = None,
) -> None:
    """Write an input file."""
    names = None if classes is None else np.array(classes, dtype=np.str_)
    said = {"labels": labels, "decoder": decoder, "front": front, "classes": names}
    write_npz(path, {"spikes": spikes} | {name: value for name, value in said.items() if value is not None})


def write_trace(path: Path | str, trace: Trace) -> None:
    """Write a trace file."""
    arrays: dict[str, ArrayLike] = {"digest": np.asarray(trace.digest), "output": trace.output}
    for what, recorded in recorded_of(trace).items():
        arrays |= {f"{what}.{name}": values for name, values in recorded.items()}
    write_npz(path, arrays)
