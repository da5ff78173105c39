"""Samples for a conventional network: real numbers (n, *shape), perhaps with labels, in a ``.npz`` archive."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.files.rasters import read_npz

__all__ = ["SAMPLES", "read_samples"]

SAMPLES = ("features", "inputs", "x")
"""The names under which samples are looked for."""


def read_samples(path: Path | str, what: str = "samples (n, *shape)") -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the samples of a file, and their labels where it has some; ``what`` they are called in a refusal."""
    arrays = read_npz(path)
    name = next((n for n in SAMPLES if n in arrays), None)
    if name is None:
        held = ", ".join(sorted(arrays)) or "nothing"
        raise InputError(f"{path}: holds {held}", f"save {what} as one of: {', '.join(SAMPLES)}")
    samples, labels = arrays[name], arrays.get("labels")
    if samples.dtype.kind not in "fiub":
        raise InputError(f"{path}: {name} holds {samples.dtype}", "save numbers")
    if labels is not None and (labels.shape != samples.shape[:1] or labels.dtype.kind not in "iu"):
        found = f"{path}: {len(samples)} samples, labels of shape {labels.shape} {labels.dtype}"
        raise InputError(found, "save one each")
    return samples, labels
