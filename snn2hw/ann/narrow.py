"""Weights of an 8-bit ONNX network in fewer bits, layer by layer, and the fewest that keep its answers.

    q' = k m        m in -L..L, L = 2^(bits - 1) - 1 (1 where ternary)        k: an integer for every output channel

k is the factor of least squared error. q' is 8 bits wide still, and so are the file, its scales and its runtime; but a
channel's common factor belongs to its scale, so that what has to be stored of a weight is m (`weight_bits`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.border import foreign_errors
from sim.errors import UnsupportedError
from sim.files import atomic_write
from snn2hw.ann.graph import name_of, read_model, weight_axis
from snn2hw.ann.runtime import answers
from snn2hw.compiler.bit_search import Trial, lower_bits
from snn2hw.compiler.options import Bits

if TYPE_CHECKING:
    import onnx

__all__ = ["NarrowAnn", "fewest_ann_bits", "narrow", "write_narrow"]

WIDEST = 8
GREATEST = 127
LEAST = 2


@dataclass(frozen=True)
class NarrowAnn:
    """Which bits were chosen, and every network that was tried."""

    bits: dict[str, Bits]
    trials: tuple[Trial, ...]


def narrow(weight: NDArray[np.integer[Any]], bits: Bits, axis: int | None) -> NDArray[np.int8]:
    """Round 8-bit weights to so many bits, with a factor for every entry of ``axis`` (one for all where None).

    >>> narrow(np.array([[100, 60, -7, 0]], np.int8), "ternary", 0)
    array([[80, 80,  0,  0]], dtype=int8)
    """
    most = 1 if bits == "ternary" else (1 << (bits - 1)) - 1
    if most >= GREATEST:
        return weight.astype(np.int8)
    whole = weight.astype(np.int64)
    rows = whole.reshape(1, -1) if axis is None else np.moveaxis(whole, axis, 0).reshape(whole.shape[axis], -1)
    best, least = rows, np.full(len(rows), np.inf)
    for factor in range(1, GREATEST // most + 1):
        rounded = factor * np.clip(np.rint(rows / factor), -most, most).astype(np.int64)
        error = ((rows - rounded) ** 2).sum(axis=1)
        best = np.where((error < least)[:, None], rounded, best)
        least = np.minimum(error, least)
    if axis is None:
        return best.reshape(whole.shape).astype(np.int8)
    moved = np.moveaxis(whole, axis, 0)
    return np.moveaxis(best.reshape(moved.shape), 0, axis).astype(np.int8)


@dataclass(frozen=True, eq=False)
class _Layer:
    tensor: str
    weight: NDArray[np.integer[Any]]
    axis: int | None


class _Narrowed:
    """One 8-bit network with its layers in fewer bits."""

    def __init__(self, path: Path | str, samples: NDArray[Any], labels: NDArray[np.integer[Any]]) -> None:
        self.path, self.samples, self.labels = path, samples, labels
        self.model = read_model(path)
        with foreign_errors(path, "its weights cannot be read", "export the network again"):
            self.layers = _layers(self.model, str(path))
        self.weights: Mapping[str, int] = {name: layer.weight.size for name, layer in self.layers.items()}
        self.least = LEAST

    def made(self, bits: Mapping[str, Bits]) -> bytes:
        """Return the network with these bits, as a file holds it."""
        from onnx import numpy_helper

        chosen = {self.layers[name].tensor: (self.layers[name], width) for name, width in bits.items()}
        made = type(self.model)()
        made.CopyFrom(self.model)
        for held in made.graph.initializer:
            if held.name in chosen:
                layer, width = chosen[held.name]
                held.CopyFrom(numpy_helper.from_array(narrow(layer.weight, width, layer.axis), held.name))
        return bytes(made.SerializeToString())

    def right(self, made: bytes) -> float:
        """Return the share of samples whose largest output is their label."""
        return float(np.mean(answers(made, self.samples) == self.labels))


def _layers(model: "onnx.ModelProto", where: str) -> dict[str, _Layer]:
    """Return the layers whose weights are 8-bit integers, by the names of their nodes, in order."""
    from onnx import numpy_helper

    held = {i.name: i for i in model.graph.initializer}
    makers = {name: node for node in model.graph.node for name in node.output}
    found: dict[str, _Layer] = {}
    for index, node in enumerate(model.graph.node):
        if node.op_type not in ("Conv", "Gemm", "MatMul"):
            continue
        maker = makers.get(node.input[1])
        if maker is None or maker.op_type != "DequantizeLinear" or maker.input[0] not in held:
            continue
        weight = numpy_helper.to_array(held[maker.input[0]])
        if weight.dtype == np.int8:
            scale = held.get(maker.input[1])
            found[name_of(node, index)] = _Layer(
                tensor=maker.input[0], weight=weight, axis=weight_axis(maker, () if scale is None else scale.dims)
            )
    if not found:
        raise UnsupportedError(f"{where}: no layer has 8-bit weights", "give what `snn2hw ann` wrote as cnn.int8.onnx")
    return found


def write_narrow(path: Path | str, into: Path | str, bits: Bits) -> dict[str, Bits]:
    """Write the 8-bit network with all layers in so many bits, and return which they are."""
    search = _Narrowed(path, np.empty(0), np.empty(0, np.int64))
    chosen = dict.fromkeys(search.weights, bits)
    _write(search.made(chosen), into)
    return chosen


def fewest_ann_bits(
    path: Path | str,
    into: Path | str,
    samples: NDArray[Any],
    labels: NDArray[np.integer[Any]],
    *,
    budget: float = 0.01,
    on_trial: Callable[[Trial], object] | None = None,
) -> NarrowAnn:
    """Write the 8-bit network with the fewest bits per layer while right answers fall by at most ``budget``.

    The search is that of `snn2hw.compiler.mixed.fewest_bits`. ``samples`` (n, *shape) and ``labels`` are to be data
    that neither trained the network nor judge the result.
    """
    found = lower_bits(_Narrowed(path, samples, labels), WIDEST, budget=budget, on_trial=on_trial)
    _write(found.made, into)
    return NarrowAnn(found.bits, found.trials)


def _write(made: bytes, into: Path | str) -> None:
    with atomic_write(into) as temporary:
        Path(temporary).write_bytes(made)
