"""Which ONNX operators multiply and accumulate, which do not, and by how many from shapes alone.

A MAC is one product of a real input value with a real weight that is added to a sum. A product with a zero that padding
put there is none (``macs`` is border-exact, as NeuroBench counts); ``nominal`` counts those too, as most tools do.
Biases, activations, pooling and normalisation are no MACs; they are listed with the number of values they make. An
operator in neither list is unknown: it is named, and the total is a lower bound.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from sim.errors import FileError
from snn2hw.ann.graph import AnnNode, Attribute, Shape

__all__ = ["MOVING", "MULTIPLYING", "NO_MACS", "Multiplier", "Operands", "operands"]

Shapes = Mapping[str, Shape]


@dataclass(frozen=True)
class Operands:
    """The two factors of a multiplying node as tensor names, and its integer form's zero points where it has them."""

    plain: str
    """The float operator that multiplies the same pairs."""
    left: str
    right: str
    left_zero: str = ""
    right_zero: str = ""


@dataclass(frozen=True)
class Multiplier:
    """How one operator multiplies: where its factors are among the inputs, and its counts from shapes.

    ``zeros`` are the places of the zero points of the left and of the right factor, of an operator on integers.
    """

    plain: str
    count: Callable[[Mapping[str, Attribute], Shape, Shape, Shape], tuple[int, int]]
    """(attributes, left shape, right shape, output shape) -> (macs, nominal)."""
    left: int = 0
    right: int = 1
    zeros: tuple[int, int] | None = None


def operands(node: AnnNode, multiplier: Multiplier) -> Operands:
    """Return the factors of a node."""

    def name(index: int | None) -> str:
        return node.inputs[index] if index is not None and index < len(node.inputs) else ""

    m = multiplier
    left_zero, right_zero = m.zeros or (None, None)
    return Operands(m.plain, name(m.left), name(m.right), name(left_zero), name(right_zero))


def _ints(attributes: Mapping[str, Attribute], name: str, default: Sequence[int]) -> tuple[int, ...]:
    value = attributes.get(name, tuple(default))
    if not isinstance(value, tuple) or len(value) != len(default) or not all(isinstance(v, int) for v in value):
        raise FileError(
            f"attribute {name!r} is {value!r}, expected {len(default)} integers", "export the network again"
        )
    return tuple(int(v) for v in value)


def _number(attributes: Mapping[str, Attribute], name: str, default: int) -> int:
    value = attributes.get(name, default)
    if not isinstance(value, int):
        raise FileError(f"attribute {name!r} is {value!r}, expected an integer", "export the network again")
    return value


def _pads_before(
    attributes: Mapping[str, Attribute], large: Shape, small: Shape, spans: Sequence[int], strides: Sequence[int]
) -> tuple[int, ...]:
    """Return the padding in front of each axis; ``large`` is the side read by a Conv, or written by a ConvTranspose."""
    mode = attributes.get("auto_pad", "NOTSET")
    if mode == "NOTSET":
        return _ints(attributes, "pads", [0] * (2 * len(spans)))[: len(spans)]
    if mode == "VALID":
        return (0,) * len(spans)
    totals = [
        max((n - 1) * step + span - side, 0) for n, step, span, side in zip(small, strides, spans, large, strict=True)
    ]
    return tuple(total // 2 if mode == "SAME_UPPER" else total - total // 2 for total in totals)


def _taps_inside(side: int, positions: int, kernel: int, step: int, gap: int, pad: int) -> int:
    """Count the pairs (position, tap) whose place ``position * step + tap * gap - pad`` lies inside ``0..side-1``."""
    return _pairs_below(side + pad, positions, kernel, step, gap) - _pairs_below(pad, positions, kernel, step, gap)


def _pairs_below(limit: int, positions: int, kernel: int, step: int, gap: int) -> int:
    """Count the pairs with ``position * step + tap * gap < limit``, in a time that no size makes long.

    The first taps are below for every position, the last ones for none; between them the counts fall by gap / step.
    """
    full = min(max(-((limit - (positions - 1) * step) // -gap), 0), kernel)
    some = min(max(-(limit // -gap), 0), kernel)
    if some <= full:
        return positions * full
    return positions * full + _floor_sum(some - full, step, gap, limit - (some - 1) * gap + step - 1)


def _floor_sum(count: int, divisor: int, slope: int, start: int) -> int:
    """Return the sum of ``(start + slope * i) // divisor`` over i in 0..count-1, as Euclid finds a common divisor."""
    total = 0
    while count > 0:
        total += (count - 1) * count // 2 * (slope // divisor) + count * (start // divisor)
        slope, start = slope % divisor, start % divisor
        last = slope * count + start
        if last < divisor:
            break
        count, start, divisor, slope = last // divisor, last % divisor, slope, divisor
    return total


def _convolution(attributes: Mapping[str, Attribute], large: Shape, small: Shape, weight: Shape) -> tuple[int, int]:
    """Return (pairs on real values, all pairs) over the spatial axes: the same for Conv and its transpose."""
    kernel, axes = weight[2:], len(weight) - 2
    if not len(large) == len(small) == axes:
        raise FileError(f"weights of shape {weight} meet {len(large)} spatial axes", "export the network again")
    strides = _ints(attributes, "strides", [1] * axes)
    dilations = _ints(attributes, "dilations", [1] * axes)
    if min((*strides, *dilations, *kernel, *large, *small), default=1) < 1:
        what = f"weights of shape {weight}, strides {strides}, dilations {dilations} between {large} and {small}"
        raise FileError(what, "export the network again: all of them count from 1")
    spans = [gap * (k - 1) + 1 for gap, k in zip(dilations, kernel, strict=True)]
    pads = _pads_before(attributes, large, small, spans, strides)
    inside = prod(_taps_inside(*axis) for axis in zip(large, small, kernel, strides, dilations, pads, strict=True))
    return inside, prod(small) * prod(kernel)


def _conv(attributes: Mapping[str, Attribute], x: Shape, weight: Shape, out: Shape) -> tuple[int, int]:
    inside, pairs = _convolution(attributes, x[2:], out[2:], weight)
    channels = out[0] * weight[0] * weight[1]  # b, C_out, C_in / groups
    return channels * inside, channels * pairs


def _conv_transpose(attributes: Mapping[str, Attribute], x: Shape, weight: Shape, out: Shape) -> tuple[int, int]:
    inside, pairs = _convolution(attributes, out[2:], x[2:], weight)
    channels = x[0] * weight[0] * weight[1]  # b, C_in, C_out / groups
    return channels * inside, channels * pairs


def _gemm(attributes: Mapping[str, Attribute], a: Shape, b: Shape, out: Shape) -> tuple[int, int]:
    inner = a[0] if _number(attributes, "transA", 0) else a[1]
    return prod(out) * inner, prod(out) * inner


def _matmul(attributes: Mapping[str, Attribute], a: Shape, b: Shape, out: Shape) -> tuple[int, int]:
    return prod(out) * a[-1], prod(out) * a[-1]


def _recurrent(gates: int) -> Callable[[Mapping[str, Attribute], Shape, Shape, Shape], tuple[int, int]]:
    """Return the count of a recurrent layer: the two matrices of each gate, in each step and direction."""

    def count(attributes: Mapping[str, Attribute], x: Shape, weight: Shape, out: Shape) -> tuple[int, int]:
        directions, rows, features = weight
        steps_times_batch = x[0] * x[1]
        macs = directions * steps_times_batch * rows * (features + rows // gates)
        return macs, macs

    return count


MULTIPLYING: Mapping[tuple[str, str], Multiplier] = {
    ("", "Conv"): Multiplier("Conv", _conv),
    ("", "ConvInteger"): Multiplier("Conv", _conv, zeros=(2, 3)),
    ("", "QLinearConv"): Multiplier("Conv", _conv, right=3, zeros=(2, 5)),
    ("com.microsoft", "FusedConv"): Multiplier("Conv", _conv),
    ("", "ConvTranspose"): Multiplier("ConvTranspose", _conv_transpose),
    ("", "Gemm"): Multiplier("Gemm", _gemm),
    ("com.microsoft", "FusedGemm"): Multiplier("Gemm", _gemm),
    ("com.microsoft", "QGemm"): Multiplier("Gemm", _gemm, right=3, zeros=(2, 5)),
    ("", "MatMul"): Multiplier("MatMul", _matmul),
    ("", "MatMulInteger"): Multiplier("MatMul", _matmul, zeros=(2, 3)),
    ("", "QLinearMatMul"): Multiplier("MatMul", _matmul, right=3, zeros=(2, 5)),
    ("", "RNN"): Multiplier("", _recurrent(1)),
    ("", "GRU"): Multiplier("", _recurrent(3)),
    ("", "LSTM"): Multiplier("", _recurrent(4)),
}
"""Operator (domain, name) -> how it multiplies. An empty ``plain`` has no count from activations, only from shapes."""

NO_MACS = frozenset(
    """
    Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast CastLike Ceil Clip Compress Concat Constant Div
    ConstantOfShape DepthToSpace DequantizeLinear Dropout DynamicQuantizeLinear Elu Equal Erf Exp Expand EyeLike Flatten
    Floor Gather GatherElements GatherND Gelu GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual
    HardSigmoid HardSwish Identity
    InstanceNormalization IsInf IsNaN LRN LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Max
    LpNormalization MaxPool Mean Min Mish Mod Mul Neg Not OneHot Or PRelu Pad Pow QuantizeLinear Range Reciprocal
    ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare
    Relu Reshape Round Selu Shape Sigmoid Sign Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub
    Sum Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze Where Xor
    """.split()  # noqa: SIM905  eighty quoted names are no easier to read
)
"""Operators of the standard domain without a sum of products: listed, and no MACs under any counting rule."""

MOVING = frozenset(
    """
    Cast CastLike Concat Constant ConstantOfShape DepthToSpace DequantizeLinear Dropout Expand Flatten Gather
    GatherElements GatherND Identity Pad QuantizeLinear Range Reshape Shape Size Slice SpaceToDepth Split Squeeze Tile
    Transpose Trilu Unsqueeze
    """.split()  # noqa: SIM905
)
"""Those of them that only move or re-encode values: no arithmetic of the network."""
