"""A trained network along the bands as a Source: CR-CED and the CRNN that spike.

The input is (features, 1, 1): a convolution over a side of 1 that is padded to all bands is any map from the messages
to channels and bands, one tap for each band.
"""

from typing import Any

import nir
import numpy as np
from numpy.typing import NDArray

from snn2hw.models.mask import MaskLayout
from snn2hw.models.stream import DT_S
from snn2hw.sources.graph import assemble
from snn2hw.sources.source import Source
from snn2hw.train.denoising.crced import BLOCK, BLOCKS, MEMBRANE_KEPT, SYNAPSE_KEPT
from snn2hw.train.denoising.source import Wires, answered, doubles
from snn2hw.train.stream_source import cuba_cells, folded_norm

__all__ = ["crced_source", "crnn_source"]


def crced_source(model: Any, unit: float, origin: str) -> Source:
    """Return a spiking `CrcedNet` as a Source that reads messages, of which ``unit`` stand for 1 in training."""
    wires, shape = _heard(model, unit)
    previous, blocks = ["conv1"], list[str]()
    for i in range(1, len(model.norms)):
        shape = _conv(wires, model, i, previous, shape)
        previous = [f"conv{i + 1}"]
        if i % len(BLOCK) == len(BLOCK) - 1:
            mirrored = BLOCKS - 1 - len(blocks)
            previous += [blocks[mirrored]] if mirrored < len(blocks) else []
            blocks.append(previous[0])
    bands = shape[-1]
    matrix = doubles(model.readout.matrix(bands))  # from (bands channels) to bands
    weight = matrix.reshape(bands, shape[0], bands).transpose(2, 1, 0).reshape(bands, -1)
    bias = np.full(bands, doubles(model.readout.bias))
    return _answering(wires, previous, shape, (weight, bias), model, unit, origin)


def crnn_source(model: Any, layout: MaskLayout, unit: float, origin: str) -> Source:
    """Return a spiking `CrnnNet` as a Source that reads messages, of which ``unit`` stand for 1 in training."""
    wires, shape = _heard(model, unit)
    shape = _conv(wires, model, 1, ["conv1"], shape)
    scale, bias = folded_norm(model.norm)
    wires.nodes["driven"] = nir.Affine(doubles(model.drive.weight * scale[:, None]), bias)
    wires.nodes["back"] = nir.Linear(doubles(model.recurrent.back.weight))
    size = (len(bias),)
    wires.nodes["hidden"] = cuba_cells(size, layout.synapse_kept, layout.membrane_kept)
    wires.flat("conv2", shape, "driven")
    wires.edges += [("driven", "hidden"), ("hidden", "back"), ("back", "hidden")]
    spoken = doubles(model.readout.weight), doubles(model.readout.bias)
    return _answering(wires, ["hidden"], size, spoken, model, unit, origin)


def _heard(model: Any, unit: float) -> tuple[Wires, tuple[int, ...]]:
    """Return the input and the first population, and its shape."""
    first, wires = model.first, Wires()
    features = (2 * first.bands + 1, 1, 1)
    wires.nodes["input"] = nir.Input({"input": np.array(features)})
    scale, bias = folded_norm(model.norms[0])
    shape: tuple[int, ...] = ()
    for lag in range(first.frames):
        weight = doubles(first.weight_of(lag) * scale[:, None, None]) / unit  # channel band feature
        channels, bands, _ = weight.shape
        shape = (channels, 1, bands)
        kernel = weight.transpose(0, 2, 1)[:, :, None, ::-1]
        wide = nir.Conv2d((1, 1), kernel, (1, 1), (0, bands - 1), (1, 1), 1, bias * (lag == 0))
        wires.late("input", features, lag, f"conv1_lag{lag}", wide, "conv1")
    wires.nodes["conv1"] = cuba_cells(shape, SYNAPSE_KEPT, MEMBRANE_KEPT)
    return wires, shape


def _conv(wires: Wires, model: Any, i: int, previous: list[str], before: tuple[int, ...]) -> tuple[int, ...]:
    """Add a map along the bands and its population, which hears all of ``previous``; return its shape."""
    conv, name = model.maps[i - 1], f"conv{i + 1}"
    scale, bias = folded_norm(model.norms[i])
    weight = doubles(conv.weight * scale.view(-1, 1, 1, 1))
    stride, wide = conv.stride[1], conv.kernel_size[1]
    shape = (len(weight), 1, (before[-1] - 1) // stride + 1)
    wires.nodes[f"{name}_map"] = nir.Conv2d((1, before[-1]), weight, (1, stride), (0, wide // 2), (1, 1), 1, bias)
    wires.nodes[name] = cuba_cells(shape, SYNAPSE_KEPT, MEMBRANE_KEPT)
    wires.edges += [*((one, f"{name}_map") for one in previous), (f"{name}_map", name)]
    return shape


def _answering(
    wires: Wires,
    previous: list[str],
    shape: tuple[int, ...],
    spoken: tuple[NDArray[np.float64], NDArray[np.float64]],
    model: Any,
    unit: float,
    origin: str,
) -> Source:
    wires.flat("input", (model.skip.in_features, 1, 1), "skip")
    for one in previous:
        wires.flat(one, shape, "spoken")
    answered(wires, spoken, doubles(model.skip.weight) / unit, model.answer_kept)
    return Source(assemble(wires.nodes, wires.edges, origin), DT_S, "euler", "value", origin)
