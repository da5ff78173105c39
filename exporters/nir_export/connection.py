"""One connection as NIR nodes: source -> [Delay] -> [Flatten] -> weights -> [Scale] -> [Flatten] -> neuron."""

from collections.abc import Iterator
from typing import assert_never

import numpy as np

from exporters.nir_export.kernel import Axis, expand, line_kernel, square, unroll
from exporters.nir_export.node import NirNode, Shape, Style, Value
from exporters.nir_export.views import Views
from sim.program import Connection, Conv, Dense, Population, Program, Weight

__all__ = ["chain", "shape_value"]


def shape_value(shape: Shape) -> Value:
    """Return a shape as it stands in the file."""
    return np.asarray(shape, dtype=np.int64)


def chain(
    program: Program, population: Population, connection: Connection, views: Views, style: Style
) -> Iterator[tuple[str, NirNode]]:
    """Yield (suffix of the name, node) from the source to the neuron; the node without a suffix holds the weights."""
    view, wanted = views.shapes[connection.source], views.shapes[population.name]
    if connection.lag:
        yield "_delay", NirNode("Delay", {"delay": np.full(view, connection.lag * style.dt)})
    node, made = _weights(program, population, connection, views)
    if node.kind == "Linear" and len(view) > 1:
        yield "_flatten", _flatten(view)
    yield "", node if style.exact else _as_float(node, connection.exponent)
    if connection.exponent and style.exact:
        yield "_scale", NirNode("Scale", {"scale": np.full(made, 2.0**connection.exponent)})
    if views.typed and made != wanted:
        yield "_join", _flatten(made)


def _flatten(shape: Shape) -> NirNode:
    return NirNode("Flatten", {"input_type": shape_value(shape), "start_dim": 0, "end_dim": -1})


def _as_float(node: NirNode, exponent: int) -> NirNode:
    fields = {
        name: np.ldexp(np.asarray(value, dtype=np.float32), exponent) if name in ("weight", "bias") else value
        for name, value in node.fields.items()
    }
    return NirNode(node.kind, fields)


def _weights(program: Program, population: Population, connection: Connection, views: Views) -> tuple[NirNode, Shape]:
    """Return the node that holds the weights and the shape it makes; where it holds others, the exact ones beside."""
    source, view, target = program.shape_of(connection.source), views.shapes[connection.source], population.shape
    match connection.wiring:
        case Dense(weight=weight):
            return NirNode("Linear", {"weight": weight}), (population.size,)
        case Conv() as conv if not views.typed:
            own = tuple(Axis(conv.stride[i], conv.padding[i], conv.dilation[i], 0, 1) for i in (0, 1))
            return _conv2d(conv, conv.weight, own, source, conv.groups), target
        case Conv() as conv if len(view) == 2:
            return _conv1d(conv, source[2]), (target[0], target[2])
        case Conv() as conv:
            form = square(conv, source, target) if len(view) == 3 else None
            if form is None:
                matrix = unroll(conv, source, target)
                return NirNode("Linear", {"weight": matrix}, {"weight": conv.weight}), (population.size,)
            return _conv2d(conv, expand(conv, form), form.axes, source, 1), target
        case _:
            assert_never(connection.wiring)


def _conv2d(conv: Conv, weight: Weight, axes: tuple[Axis, ...], source: Shape, groups: int) -> NirNode:
    fields: dict[str, Value] = {
        "input_shape": shape_value(source[1:]),
        "weight": weight,
        "stride": shape_value(tuple(a.stride for a in axes)),
        "padding": shape_value(tuple(a.padding for a in axes)),
        "dilation": shape_value(tuple(a.dilation for a in axes)),
        "groups": groups,
        "bias": np.zeros(weight.shape[0], dtype=weight.dtype),
    }
    return NirNode("Conv2d", fields, {} if weight.shape == conv.weight.shape else {"weight": conv.weight})


def _conv1d(conv: Conv, length: int) -> NirNode:
    weight = line_kernel(conv)
    fields: dict[str, Value] = {
        "input_shape": length,
        "weight": np.ascontiguousarray(weight),
        "stride": conv.stride[1],
        "padding": conv.padding[1],
        "dilation": conv.dilation[1],
        "groups": 1,
        "bias": np.zeros(weight.shape[0], dtype=weight.dtype),
    }
    return NirNode("Conv1d", fields, {} if np.array_equal(weight[:, :, None], conv.weight) else {"weight": conv.weight})
