"""The chain as C: ``cnn_program.h`` with sizes, ``cnn_tables.c`` with weights, biases and rescalings."""

from math import frexp, prod

import numpy as np
from numpy.typing import NDArray

from snn2hw.ann.firmware.chain import ChainLayer, QuantisedChain

__all__ = ["cnn_program_h", "cnn_tables_c"]

PER_LINE = 16


def cnn_program_h(chain: QuantisedChain) -> str:
    """Return the sizes of everything."""
    patches = [4 * -(-prod(layer.weight.shape[1:]) // 4) for layer in chain.layers if layer.source[1:] != (1, 1)]
    numbers = {
        "LAYERS": len(chain.layers),
        "INPUT_SIZE": -(-prod(chain.layers[0].source) // 4) * 4,
        "OUTPUT_SIZE": prod(chain.layers[-1].target),
        "LARGEST": max(-(-prod(layer.target) // 4) * 4 for layer in chain.layers),
        "COLUMN": max([4, *patches]),
    }
    return "".join(f"#define CNN_{name} {value}\n" for name, value in numbers.items())


def cnn_tables_c(chain: QuantisedChain) -> str:
    """Return the constant tables."""
    tables, rows = [], []
    for i, layer in enumerate(chain.layers):
        tables += _tables(i, layer)
        rows.append(_row(i, layer))
    return (
        '#include "cnn.h"\n\n'
        + "".join(tables)
        + "const struct cnn_layer cnn_layers[CNN_LAYERS] = {\n"
        + ("".join(rows) + "};\n")
    )


def _is_dense(layer: ChainLayer) -> bool:
    return layer.source[1:] == (1, 1)


def _tables(i: int, layer: ChainLayer) -> list[str]:
    bias = layer.bias - (layer.input_zero * layer.weight.reshape(len(layer.weight), -1).sum(axis=1)) * _is_dense(layer)
    scales = [_fixed(float(r)) for r in np.broadcast_to(layer.rescale, (len(layer.weight),))]
    return [
        _array(f"uint32_t weights_{i}", _words(layer), "U"),
        _array(f"int32_t bias_{i}", bias),
        _array(f"int32_t multiplier_{i}", np.array([m for m, _ in scales])),
        _array(f"uint8_t shift_{i}", np.array([s for _, s in scales])),
    ]


def _words(layer: ChainLayer) -> NDArray[np.uint32]:
    """Pack rows, four weights a word: in the order 0, 2, 1, 3, or, dense, in their own, and a multiple of four rows."""
    rows = layer.weight.reshape(len(layer.weight), -1)
    short = -len(rows) % 4 if _is_dense(layer) else 0
    padded = np.pad(rows, ((0, short), (0, -rows.shape[1] % 4))).reshape(-1, 4)
    order = [0, 1, 2, 3] if _is_dense(layer) else [0, 2, 1, 3]
    return np.ascontiguousarray(padded[:, order].astype(np.int8)).view("<u4").reshape(-1)


def _fixed(scale: float) -> tuple[int, int]:
    """Return (multiplier, shift) so that scale ~ multiplier / 2^shift.

    >>> _fixed(0.75)
    (1610612736, 31)
    """
    fraction, exponent = frexp(scale)
    multiplier = round(fraction * (1 << 31))
    if multiplier == 1 << 31:
        multiplier, exponent = multiplier >> 1, exponent + 1
    return multiplier, 31 - exponent


def _array(name: str, values: NDArray[np.integer], suffix: str = "") -> str:
    lines = [
        ",".join(f"{v}{suffix}" for v in values[at : at + PER_LINE].tolist()) for at in range(0, len(values), PER_LINE)
    ]
    return f"static const {name}[{len(values)}] = {{\n" + ",\n".join(lines) + "};\n\n"


def _row(i: int, layer: ChainLayer) -> str:
    (channels, height, width), (outs, out_height, out_width) = layer.source, layer.target
    geometry = (
        f".height = {height}, .width = {width}, .channels = {channels}, .out_height = {out_height}, "
        f".out_width = {out_width}, .outs = {outs},\n     .kernel_height = {layer.weight.shape[1]}, "
        f".kernel_width = {layer.weight.shape[2]}, .stride_y = {layer.stride[0]}, .stride_x = {layer.stride[1]}, "
        f".pad_y = {layer.padding[0]}, .pad_x = {layer.padding[1]}"
    )
    return (
        f"    {{.weights = weights_{i}, .bias = bias_{i}, .multiplier = multiplier_{i}, .shift = shift_{i},\n"
        f"     {geometry},\n     .input_zero = {layer.input_zero}, .output_zero = {layer.output_zero}, "
        f".low = {layer.low}, .high = {layer.high}}},\n"
    )
