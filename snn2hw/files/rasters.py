"""Input and trace files: ``.npz`` archives, checked before any memory is asked for.

An input file holds ``spikes`` (B, T, *input shape) integers, optionally ``labels`` (B,), the ``decoder`` with which
an output is held against them, the identity of the ``front`` end that made them, and the names of the ``classes``. A
trace file holds ``spikes.NAME``, ``u.NAME`` and ``v.NAME``, each (B, T, *shape), the ``output``, and the ``digest`` of
the program.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.compare import recorded_of
from sim.errors import InputError
from sim.trace import Trace
from snn2hw.codec.decode import DECODERS, Decoder
from snn2hw.files.archives import Announced, read_npz, write_npz

__all__ = [
    "Raster",
    "RasterFacts",
    "read_npz",
    "read_raster",
    "read_raster_facts",
    "trace_arrays",
    "write_npz",
    "write_raster",
    "write_trace",
]

LONGEST_DECODER = 32
"""Characters of the text that names a decoder."""

SHA256_DIGITS = 64

SAID = ("labels", "decoder", "front", "classes")
"""What an input file may say beside its messages: arrays in the file, fields of `Raster` and `RasterFacts`."""


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

    @property
    def facts(self) -> "RasterFacts":
        """Return all of it but the messages."""
        return RasterFacts(self.spikes.shape, self.spikes.dtype, **{name: getattr(self, name) for name in SAID})


@dataclass(frozen=True, eq=False)
class RasterFacts:
    """What an input file says beside its messages: their shape and type, and what `Raster` has under the same names."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    labels: NDArray[np.integer] | None = None  # b
    decoder: Decoder | None = None
    front: str | None = None
    classes: tuple[str, ...] | None = None


def read_raster_facts(path: Path | str, shape: tuple[int, ...] | None = None) -> RasterFacts:
    """Read all of an input file but its messages."""
    seen: list[Announced] = []

    def judge(announced: Mapping[str, Announced]) -> None:
        _judge(str(path), announced, shape)
        seen.append(announced["spikes"])

    arrays = read_npz(path, names=SAID, judge=judge)
    whole = seen[0].shape if shape is None else (*seen[0].shape[:2], *shape)
    return RasterFacts(whole, seen[0].dtype, **_said(path, arrays))


def read_raster(path: Path | str, shape: tuple[int, ...] | None = None) -> Raster:
    """Read an input file; ``shape`` is that of the input: others are refused before they are read.

    A signal (C, L) and the same with a height of 1, as a program has it, stand for one another.
    """
    arrays = read_npz(path, names=("spikes", *SAID), judge=lambda announced: _judge(str(path), announced, shape))
    spikes = arrays["spikes"]
    return Raster(spikes if shape is None else spikes.reshape(*spikes.shape[:2], *shape), **_said(path, arrays))


def _said(path: Path | str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    return {
        "labels": arrays.get("labels"),
        "decoder": _decoder(path, arrays.get("decoder")),
        "front": _front(path, arrays.get("front")),
        "classes": _classes(arrays.get("classes")),
    }


def _with_height(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a signal (C, L) as that of an image whose height is 1; another one as it is."""
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape


def _judge(path: str, announced: Mapping[str, Announced], shape: tuple[int, ...] | None) -> None:
    """Refuse what is no input file, from its headers alone."""
    if "spikes" not in announced:
        held = ", ".join(sorted(announced)) or "nothing"
        raise InputError(
            f"{path}: holds {held}, but no array 'spikes'", "save (B, T, *input shape) integers as 'spikes'"
        )
    spikes, labels, decoder = (announced.get(name) for name in ("spikes", "labels", "decoder"))
    assert spikes is not None
    if len(spikes.shape) < 3:
        raise InputError(f"{path}: spikes has shape {spikes.shape}", "save (B, T, *input shape)")
    if shape is not None and _with_height(spikes.shape[2:]) != _with_height(shape):
        expected = "(B, T, " + ", ".join(map(str, shape)) + ")"
        what = f"{path}: spikes: shape {spikes.shape}, the program reads {expected}"
        raise InputError(what, "add the batch axis, or reshape")
    if labels is not None and (labels.shape != spikes.shape[:1] or not np.issubdtype(labels.dtype, np.integer)):
        what = f"{path}: labels are {labels.dtype} of shape {labels.shape} for {spikes.shape[0]} samples"
        raise InputError(what, "save one integer label per sample")
    if decoder is not None and (decoder.shape or decoder.dtype.kind != "U" or decoder.nbytes > 4 * LONGEST_DECODER):
        what = f"{path}: decoder is {decoder.dtype} of shape {decoder.shape}"
        raise InputError(what, f"save one of {', '.join(DECODERS)}, or none")
    _judge_purpose(path, announced)


def _judge_purpose(path: str, announced: Mapping[str, Announced]) -> None:
    """Refuse names of a front end or of classes that are none, before they are read."""
    front, classes = (announced.get(name) for name in ("front", "classes"))
    if front is not None and (front.shape or front.dtype.kind != "U" or front.nbytes > 4 * SHA256_DIGITS):
        raise InputError(f"{path}: front is no SHA-256 in hexadecimal", "encode it again, or leave 'front' out")
    if classes is not None and (len(classes.shape) != 1 or classes.dtype.kind != "U"):
        raise InputError(f"{path}: classes are {classes.dtype} of shape {classes.shape}", "save a list of texts")


def _decoder(path: Path | str, written: NDArray[Any] | None) -> Decoder | None:
    if written is None:
        return None
    if str(written) not in DECODERS:
        raise InputError(f"{path}: decoder {written.tolist()!r}", f"save one of {', '.join(DECODERS)}, or none")
    return cast("Decoder", str(written))


def _front(path: Path | str, written: NDArray[Any] | None) -> str | None:
    if written is None:
        return None
    if not re.fullmatch("[0-9a-f]{64}", str(written)):
        raise InputError(f"{path}: front is no SHA-256 in hexadecimal", "encode it again, or leave 'front' out")
    return str(written)


def _classes(written: NDArray[Any] | None) -> tuple[str, ...] | None:
    return None if written is None else tuple(map(str, written))


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
    write_npz(path, trace_arrays(trace))


def trace_arrays(trace: Trace) -> dict[str, NDArray[Any]]:
    """Return what a trace file holds."""
    arrays = {"digest": np.asarray(trace.digest), "output": trace.output}
    for what, recorded in recorded_of(trace).items():
        arrays |= {f"{what}.{name}": values for name, values in recorded.items()}
    return arrays
