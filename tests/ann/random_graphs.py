"""Small random ONNX networks: convolutions of every geometry, their transposes, matrix products, skips and pooling."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = [helper.make_opsetid("", 17)]


class Draft:
    """A graph while it grows: the tensor at its end, and that tensor's shape."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.shape = (1, int(self.rng.choice([2, 4])), int(self.rng.integers(5, 9)), int(self.rng.integers(4, 8)))
        self.input, self.last = self.shape, "x"

    def constant(self, shape: tuple[int, ...]) -> str:
        values = self.rng.integers(-2, 3, shape).astype(np.float32)  # about a fifth of the weights are zero
        self.weights.append(numpy_helper.from_array(values, f"w{len(self.weights)}"))
        return self.weights[-1].name

    def add(self, operator: str, inputs: list[str], shape: tuple[int, ...], **attributes: Any) -> None:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [self.last, *inputs], [name], **attributes))
        self.last, self.shape = name, shape

    def conv(self) -> None:
        _, channels, *sides = self.shape
        kernel = [int(self.rng.integers(1, 4)) for _ in sides]
        gaps = [int(self.rng.integers(1, 3)) if k > 1 else 1 for k in kernel]
        steps = [int(self.rng.integers(1, 3)) for _ in sides]
        groups = int(self.rng.choice([g for g in (1, 2) if channels % g == 0]))
        made = 2 * int(self.rng.integers(1, 3))
        weight = self.constant((made, channels // groups, *kernel))
        spans = [g * (k - 1) + 1 for g, k in zip(gaps, kernel, strict=True)]
        shared = {"kernel_shape": kernel, "strides": steps, "group": groups}
        if self.rng.random() < 0.25:
            mode = str(self.rng.choice(["SAME_UPPER", "SAME_LOWER"]))
            out = [-(-side // step) for side, step in zip(sides, steps, strict=True)]
            self.add("Conv", [weight], (1, made, *out), auto_pad=mode, dilations=[1] * len(sides), **shared)
            return
        before = [int(self.rng.integers(0, 3)) for _ in sides]
        after = [max(int(self.rng.integers(0, 3)), s - n - b) for s, n, b in zip(spans, sides, before, strict=True)]
        out = [(n + b + e - s) // step + 1 for n, b, e, s, step in zip(sides, before, after, spans, steps, strict=True)]
        self.add("Conv", [weight], (1, made, *out), pads=[*before, *after], dilations=gaps, **shared)

    def transpose(self) -> None:
        _, channels, *sides = self.shape
        kernel, steps, pads = [3, 2], [2, 1], [1, 0]
        made = int(self.rng.integers(1, 3))
        weight = self.constant((channels, made, *kernel))
        out = [(n - 1) * s + k - 2 * p for n, s, k, p in zip(sides, steps, kernel, pads, strict=True)]
        self.add("ConvTranspose", [weight], (1, made, *out), strides=steps, pads=[*pads, *pads])

    def relu(self) -> None:
        self.add("Relu", [], self.shape)

    def pool(self) -> None:
        _, channels, *sides = self.shape
        if min(sides) >= 2:
            out = [n // 2 for n in sides]
            self.add("MaxPool", [], (1, channels, *out), kernel_shape=[2, 2], strides=[2, 2])

    def skip(self) -> None:
        self.add("Add", [self.last], self.shape)

    def attend(self) -> None:
        """Multiply the activations by their own transpose: a product without any weight."""
        _, channels, height, width = self.shape
        before, shape = self.last, self.shape
        self.add("Transpose", [], (1, channels, width, height), perm=[0, 1, 3, 2])
        turned, self.last, self.shape = self.last, before, shape
        self.add("MatMul", [turned], (1, channels, height, height))

    def head(self) -> None:
        features = int(np.prod(self.shape))
        self.add("Flatten", [], (1, features))
        if self.rng.random() < 0.5:
            self.add("Gemm", [self.constant((5, features))], (1, 5), transB=1)
        else:
            self.add("MatMul", [self.constant((features, 5))], (1, 5))

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *self.input[1:]])],
            [helper.make_tensor_value_info(self.last, TensorProto.FLOAT, ["batch", *self.shape[1:]])],
            self.weights,
        )
        return helper.make_model(graph, opset_imports=OPSET, ir_version=10)


def random_model(seed: int) -> onnx.ModelProto:
    """Return a network of one to four stages and a linear head."""
    draft = Draft(seed)
    draft.conv()
    for _ in range(int(draft.rng.integers(1, 4))):
        stage = draft.rng.choice(
            ["conv", "transpose", "relu", "pool", "skip", "attend"], p=[0.4, 0.1, 0.2, 0.1, 0.1, 0.1]
        )
        getattr(draft, str(stage))()
    draft.relu()
    draft.head()
    return draft.model()


def samples(model: onnx.ModelProto, count: int, seed: int) -> np.ndarray:
    """Return integer-valued samples, about two fifths zero, so that every float sum is exact."""
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:]
    rng = np.random.default_rng(seed)
    values = rng.integers(-2, 3, (count, *shape)) * (rng.random((count, *shape)) < 0.75)
    return values.astype(np.float32)
