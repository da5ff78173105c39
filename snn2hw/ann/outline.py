"""What an ONNX network is, for who has to judge a comparison with it: layers, parameters, how wide they are."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from snn2hw.ann.graph import AnnGraph, AnnNode, Shape
from snn2hw.ann.operators import MOVING, MULTIPLYING, NO_MACS, operands

__all__ = ["AnnLayer", "AnnOutline", "outline_of"]

NO_PARAMETERS = frozenset({"int64", "bool"})
"""Types of constants that are shapes, axes and switches."""
QUANTISING = frozenset({"QuantizeLinear", "DequantizeLinear"})
KEPT = {"QLinearConv": (3, 8), "QLinearMatMul": (3,), "QGemm": (3, 6), "ConvInteger": (1,), "MatMulInteger": (1,)}
"""The weights and biases among the inputs of operators on integers; the others are scales and zero points."""


@dataclass(frozen=True)
class AnnLayer:
    """One node that multiplies: the shape of its right factor, and what it makes of one sample."""

    name: str
    operator: str
    weights: Shape
    makes: Shape


@dataclass(frozen=True)
class AnnOutline:
    """The network as its file says it; shapes are of one sample, without the batch."""

    reads: Shape
    makes: Shape
    layers: tuple[AnnLayer, ...]
    between: tuple[str, ...]
    """Operators that compute without products, each once."""
    parameters: int
    """Values in the file that are neither shapes nor scales: weights, biases, normalisation."""
    stored_as: tuple[str, ...]
    """The types of the weights."""
    producer: str
    """What wrote the file, as it says."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def outline_of(graph: AnnGraph) -> AnnOutline:
    """Return what a network is made of."""
    scales = {name for node in graph.nodes for name in _scales(node)}
    held = [n for n, kind in graph.types.items() if kind not in NO_PARAMETERS and n not in scales]
    weights = [name for name in held if len(graph.shapes[name]) > 1]
    between = (n.operator for n in graph.nodes if n.operator in NO_MACS - MOVING)
    return AnnOutline(
        reads=graph.inputs[0].shape[1:],
        makes=graph.shapes.get(graph.outputs[0], ())[1:],
        layers=tuple(_layers(graph)),
        between=tuple(dict.fromkeys(between)),
        parameters=sum(graph.constants[name] for name in held),
        stored_as=tuple(sorted({graph.types[name] for name in weights})),
        producer=graph.producer,
    )


def _layers(graph: AnnGraph) -> Iterator[AnnLayer]:
    for node in graph.nodes:
        multiplier = MULTIPLYING.get(("" if node.domain == "ai.onnx" else node.domain, node.operator))
        if multiplier is not None:
            right = operands(node, multiplier).right
            made = graph.shapes.get(node.outputs[0], ())
            yield AnnLayer(node.name, node.operator, graph.shapes.get(right, ()), made[1:])


def _scales(node: AnnNode) -> Iterator[str]:
    """Yield the constants by which a node turns values into integers and back."""
    if node.operator in QUANTISING:
        yield from node.inputs[1:]
    elif node.operator in KEPT:
        yield from (name for i, name in enumerate(node.inputs) if i not in KEPT[node.operator])
