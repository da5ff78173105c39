"""Samples for a conventional network: real numbers (n, *shape), perhaps with labels, in a ``.npz`` archive."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.files.archives import Announced, read_npz

__all__ = ["SAMPLES", "read_samples"]

SAMPLES = ("features", "inputs", "x")
"""The names under which samples are looked for."""


def read_samples(
    path: Path | str, what: str = "samples (n, *shape)", shape: tuple[int | None, ...] | None = None
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the samples of a file, and their labels where it has some; ``what`` they are called in a refusal.

    ``shape`` is that of a sample the network reads, with None for a side of any length: others are refused unread.
    """
    arrays = read_npz(path, names=(*SAMPLES, "labels"), judge=lambda announced: _judge(path, announced, what, shape))
    return next(arrays[n] for n in SAMPLES if n in arrays), arrays.get("labels")


def _judge(
    path: Path | str, announced: Mapping[str, Announced], what: str, shape: tuple[int | None, ...] | None
) -> None:
    """Refuse what holds no samples, from its headers alone."""
    name = next((n for n in SAMPLES if n in announced), None)
    if name is None:
        held = ", ".join(sorted(announced)) or "nothing"
        raise InputError(f"{path}: holds {held}", f"save {what} as one of: {', '.join(SAMPLES)}")
    samples, labels = announced[name], announced.get("labels")
    if samples.dtype.kind not in "fiub":
        raise InputError(f"{path}: {name} holds {samples.dtype}", "save numbers")
    sides = samples.shape[1:]
    if shape is not None and (
        len(sides) != len(shape) or any(b not in (None, a) for a, b in zip(sides, shape, strict=True))
    ):
        expected = ", ".join(["n", *("any" if side is None else str(side) for side in shape)])
        raise InputError(
            f"{path}: {name}: shape {samples.shape}, the network reads ({expected})", f"give samples ({expected})"
        )
    if labels is not None and (labels.shape != samples.shape[:1] or labels.dtype.kind not in "iu"):
        found = f"{path}: {samples.shape[0]} samples, labels of shape {labels.shape} {labels.dtype}"
        raise InputError(found, "save one each")
