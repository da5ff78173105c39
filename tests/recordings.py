"""Where other people's recordings are found; they never are part of this project."""

import os
from pathlib import Path

import nir
import numpy as np
import pytest

from sim.program import Connection, Conv, Dense, Input, Population, Program

PLACES = (os.environ.get("SNN2HW_DATA"), str(Path(__file__).parents[2] / "shared"))


def recordings(*parts: str) -> Path:
    """Return a file or folder below the recordings, or skip the test with the reason."""
    for place in PLACES:
        if place and (found := Path(place).joinpath(*parts)).exists():
            return found
    pytest.skip(f"recording {'/'.join(parts)} is not here: set SNN2HW_DATA to the folder that holds it")


def dense_layer() -> tuple[Program, np.ndarray, dict[str, np.ndarray]]:
    """Return a trained layer, one sample, and the recorded spikes by population, brought to local time."""
    graph = nir.read(recordings("cases", "dense_layer", "B1_dense_200_256.nir"))
    io = np.load(recordings("cases", "dense_layer", "B1_io.npz"))
    weight = graph.nodes["fc"].weight.astype(np.int64)
    layer = Population("lif", (256,), (Connection("input", Dense(weight)),), vth=6, du=4095, dv=415)
    return Program(Input((200,)), (layer,)), io["input"][None], {"lif": io["output"][int(io["lag"]) :]}


def tinynet() -> tuple[Program, np.ndarray, dict[str, np.ndarray]]:
    """Return a trained convolutional net with biases, one sample, and the recorded spikes of both layers."""
    graph = nir.read(recordings("cases", "tinynet", "B3_tinynet.nir"))
    io = np.load(recordings("cases", "tinynet", "B3_io.npz"))
    populations = []
    for conv, neuron, source, shape in (("c1", "l1", "input", (24, 6, 6)), ("c2", "l2", "l1", (36, 1, 1))):
        node = graph.nodes[conv]
        wiring = Conv(node.weight.astype(np.int64), stride=tuple(node.stride), padding=tuple(node.padding))
        bias = node.bias.astype(np.int64)[:, None, None]  # in threshold units: mantissa b, exponent 6
        inputs = (Connection(source, wiring),)
        populations.append(Population(neuron, shape, inputs, vth=25, dv=1024, bias_mantissa=bias, bias_exponent=6))
    program = Program(Input((3, 16, 16)), tuple(populations))
    return program, io["input"][None], {"l1": io["layer1"], "l2": io["output"]}
