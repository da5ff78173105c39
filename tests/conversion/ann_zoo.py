"""Networks of ReLUs: ONNX files built operator by operator, and digits drawn with seven segments to train on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Rng = np.random.Generator


class Build:
    """An ONNX graph that grows at its end; ``w`` adds random weights and returns their name."""

    def __init__(self, shape: tuple[int, ...], seed: int = 0) -> None:
        self.rng, self.nodes, self.weights = np.random.default_rng(seed), [], []
        self.shape, self.last = shape, "x"

    def w(self, *shape: int, low: float = -0.4, high: float = 0.6) -> str:
        return self.const(self.rng.uniform(low, high, shape).astype(np.float32))

    def const(self, array: Any) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def add(self, op: str, *others: str, first: str | None = None, **attributes: Any) -> str:
        name = f"{op}_{len(self.nodes)}"
        inputs = [self.last if first is None else first, *others]
        self.nodes.append(helper.make_node(op, inputs, [f"{name}_out"], name=name, **attributes))
        self.last = f"{name}_out"
        return self.last

    def write(self, path: Path) -> Path:
        given = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *self.shape])
        result = helper.make_tensor_value_info(self.last, TensorProto.FLOAT, ["n", "classes"])
        graph = helper.make_graph(self.nodes, "net", [given], [result], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.save(model, str(path))
        return path


def _head(b: Build, size: int) -> None:
    b.add("Relu")
    b.add("Flatten")
    b.add("Gemm", b.w(size, 5), b.w(5))


def plain(b: Build) -> None:
    b.add("Conv", b.w(3, 2, 3, 3), b.w(3))
    _head(b, 3 * 36)


def padded(b: Build) -> None:
    b.add("Conv", b.w(4, 1, 3, 2), b.w(4), group=2, pads=[2, 0, 1, 1], strides=[2, 1], dilations=[1, 2])
    _head(b, 4 * 5 * 7)


def same_upper(b: Build) -> None:
    b.add("Conv", b.w(3, 2, 4, 4), auto_pad="SAME_UPPER", strides=[3, 3])
    _head(b, 27)


def same_lower(b: Build) -> None:
    b.add("Conv", b.w(3, 2, 4, 2), auto_pad="SAME_LOWER")
    _head(b, 3 * 64)


def normed(b: Build) -> None:
    b.add("Conv", b.w(3, 2, 3, 3))
    b.add("BatchNormalization", b.w(3, low=0.5), b.w(3), b.w(3), b.w(3, low=0.2), epsilon=1e-3)
    _head(b, 3 * 36)


def average(b: Build) -> None:
    b.add("Conv", b.w(3, 2, 3, 3))
    b.add("Relu")
    b.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    b.add("AveragePool", kernel_shape=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    _head(b, 3 * 16)


def global_pool(b: Build) -> None:
    b.add("Conv", b.w(6, 2, 3, 3))
    b.add("Relu")
    b.add("GlobalAveragePool")
    _head(b, 6)


def reduce_mean(b: Build) -> None:
    b.add("Conv", b.w(6, 2, 3, 3))
    b.add("Clip", b.const(np.float32(0)), b.const(np.float32(6)))
    b.add("ReduceMean", axes=[-2, -1], keepdims=0)
    b.add("MatMul", b.w(6, 4))


def residual(b: Build) -> None:
    first = b.add("Conv", b.w(3, 2, 3, 3), pads=[1, 1, 1, 1])
    skip = b.add("Relu")
    b.add("Conv", b.w(3, 3, 3, 3), b.w(3), pads=[1, 1, 1, 1])
    b.add("Add", skip)
    b.add("Sub", first)
    b.add("Relu")
    b.add("Mul", b.const(np.float32(0.5)))
    b.add("Div", b.const(np.array([[[2.0]], [[3.0]], [[4.0]]], np.float32)))
    b.add("Reshape", b.const(np.array([0, -1], np.int64)))
    b.add("MatMul", b.w(3 * 64, 5))
    b.add("Add", b.w(5))


def dense(b: Build) -> None:
    b.add("Flatten")
    b.add("Gemm", b.w(7, 128), b.w(7), transB=1, alpha=0.5, beta=2.0)
    b.add("Relu")
    b.add("Dropout")
    b.add("Identity")
    b.add("Gemm", b.w(7, 4))
    b.add("Relu")
    b.add("Gemm", b.w(4, 3), b.const(np.float32(0.25)))
    b.add("Softmax")


def sounds(b: Build) -> None:
    b.add("Reshape", b.const(np.array([-1, 2, 64], np.int64)))
    b.add("Conv", b.w(3, 2, 5), strides=[2], pads=[2, 1])
    b.add("Relu")
    b.add("AveragePool", kernel_shape=[3], strides=[3])
    _head(b, 30)


def computed_shape(b: Build) -> None:
    """What exporters write for x.view(x.size(0), -1): the shape is computed in the graph."""
    b.add("Conv", b.w(3, 2, 3, 3))
    image = b.add("Relu")
    b.add("Shape")
    b.add("Gather", b.const(np.int64(0)))
    b.add("Unsqueeze", b.const(np.array([0], np.int64)))
    batch = b.last
    b.add("Concat", b.const(np.array([-1], np.int64)), first=batch, axis=0)
    b.add("Reshape", b.last, first=image)
    b.add("MatMul", b.w(108, 5))


def summed(b: Build) -> None:
    """Two branches and a constant in one Sum, the constant's axes made by an Unsqueeze."""
    x = b.last
    first = b.add("Conv", b.w(3, 2, 3, 3), first=x)
    second = b.add("Conv", b.w(3, 2, 3, 3), first=x)
    per_channel = b.add("Unsqueeze", b.const(np.array([0, 2, 3])), first=b.w(3))
    b.add("Sum", second, per_channel, first=first)
    _head(b, 3 * 36)


def concatenated(b: Build) -> None:
    x = b.last
    first = b.add("Conv", b.w(3, 2, 3, 3), b.w(3), pads=[1, 1, 1, 1], first=x)
    b.add("Relu")
    b.add("Concat", x, first=b.last, axis=1)
    b.add("Conv", b.w(2, 5, 3, 3), first=b.last)
    _head(b, 2 * 36)
    flat = b.last
    other = b.add("Gemm", b.w(5, 3), first=flat)
    b.add("Concat", other, first=flat, axis=-1)
    assert first


def parted(b: Build) -> None:
    b.add("Conv", b.w(6, 2, 3, 3), b.w(6))
    b.add("Relu")
    small, large = (f"part{i}" for i in range(2))
    sizes = b.const(np.array([2, 4]))
    b.nodes.append(helper.make_node("Split", [b.last, sizes], [small, large], name="Split", axis=1))
    first = b.add("Conv", b.w(3, 2, 3, 3), first=small)
    second = b.add("Conv", b.w(3, 4, 3, 3), first=large)
    b.add("Add", second, first=first)
    _head(b, 3 * 16)


def greatest(b: Build) -> None:
    b.add("Conv", b.w(4, 2, 3, 3), b.w(4))
    b.add("Relu")
    b.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1])
    b.add("Flatten")
    b.add("Gemm", b.w(64, 5), b.w(5))


ONNX: dict[str, Callable[[Build], None]] = {
    f.__name__: f
    for f in (plain, padded, same_upper, same_lower, normed, average, global_pool, reduce_mean, residual, dense, summed)
} | {"computed_shape": computed_shape, "concatenated": concatenated, "parted": parted, "greatest": greatest}

SEGMENTS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")
STROKES = {
    "a": (0, slice(1, 5)), "b": (slice(0, 4), 5), "c": (slice(4, 8), 5), "d": (7, slice(1, 5)),
    "e": (slice(4, 8), 0), "f": (slice(0, 4), 0), "g": (3, slice(1, 5)),
}  # fmt: skip


def digits(n: int, seed: int, noise: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Return ``n`` images (n, 1, 12, 12) of integers 0..15, digits at random places under noise, and labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, n)
    images = np.zeros((n, 12, 12))
    for image, label in zip(images, labels, strict=True):
        top, left = rng.integers(0, 5), rng.integers(0, 7)
        glyph = image[top : top + 8, left : left + 6]
        for stroke in SEGMENTS[label]:
            glyph[STROKES[stroke]] = rng.uniform(5, 9)
    return np.clip(np.rint(images + rng.normal(0, noise, images.shape)), 0, 15)[:, None], labels
