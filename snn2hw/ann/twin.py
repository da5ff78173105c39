"""A trained CNN as the other side of a comparison: ONNX files in floats and in 8 bit, samples, accuracies."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from sim.files import make_folder
from snn2hw.ann.export import export_onnx
from snn2hw.ann.runtime import accuracy, quantize_int8
from snn2hw.files.rasters import write_npz

if TYPE_CHECKING:
    import torch

__all__ = ["Twin", "write_twin"]


@dataclass(frozen=True)
class Twin:
    """What `write_twin` wrote, and how often each file is right on the samples."""

    onnx: Path
    int8: Path
    samples: Path
    accuracy: float
    accuracy_int8: float


def write_twin(
    model: "torch.nn.Module",
    samples: NDArray[Any],
    labels: NDArray[np.integer],
    calibration: NDArray[Any],
    folder: Path | str,
) -> Twin:
    """Write ``cnn.onnx``, ``cnn.int8.onnx`` and ``ann-input.npz`` into ``folder`` and judge both networks.

    ``samples`` (n, *shape) and ``labels`` are the test part; ``calibration`` (m, *shape) sets the 8-bit ranges and
    must be other data: training samples.
    """
    import torch

    if len(samples) != len(labels) or not len(samples) or not len(calibration):
        what = f"{len(samples)} samples, {len(labels)} labels, {len(calibration)} for calibration"
        raise InputError(what, "give one label per sample, and at least one of each")
    home = make_folder(folder)
    floats, ranges = samples.astype(np.float32), calibration.astype(np.float32)
    paths = home / "cnn.onnx", home / "cnn.int8.onnx", home / "ann-input.npz"
    export_onnx(model, torch.from_numpy(ranges[:1]), paths[0])
    quantize_int8(paths[0], paths[1], ranges)
    write_npz(paths[2], {"features": floats, "labels": labels})
    return Twin(*paths, accuracy(paths[0], floats, labels), accuracy(paths[1], floats, labels))
