"""The networks whose speed is measured: random weights of a fixed seed, thresholds that give every layer its rate.

A network is there twice: as it is trained, with sum pools and float-sized layers that any framework can build
(`Net.layers`), and as the Program that the compiler makes of it, each pool folded into the convolution before it.
"""

from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import VTH_SHIFT, decay
from sim.engines import run
from sim.program import Connection, Conv, Dense, Input, Population, Program, narrowest
from sim.wiring import apply, fan_out, output_shape

__all__ = [
    "REGISTERS",
    "STEPS",
    "Layer",
    "Net",
    "adds",
    "dense_net",
    "inputs",
    "reference_net",
    "small_net",
    "tiny_net",
]

STEPS = 48
RATE = 0.065
"""Of every hidden layer, on the sample that sets its threshold."""
INPUT_RATE = 0.12
REGISTERS: dict[str, Any] = {"du": 2047, "dv": 410}
"""Half of the synaptic current and nine tenths of the potential are kept in a step."""
CURRENT = 240_000
"""What all absolute weights of a neuron may come to: about half have one sign, and 2^23 / 128 of them fill u."""
PART = 256
"""Neurons of a large layer that set the threshold of all."""
SILENT = 131071
"""The highest threshold."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One linear map as it is trained, and the sum pool after it (1: none); neurons follow."""

    weight: NDArray[np.int64] | NDArray[np.int8]
    """(O, I, kh, kw) of a convolution without padding, (O, I) of a dense layer."""
    stride: int = 1
    pool: int = 1


@dataclass(frozen=True, eq=False)
class Net:
    """One network: as trained, and as a Program. Population i of the Program is layer i."""

    name: str
    layers: tuple[Layer, ...]
    program: Program


def reference_net(seed: int = 0) -> Net:
    """1x28x28 -> conv 64 k3, sum pool 2 -> conv 96 k3, sum pool 2 -> 600 -> 10."""
    rng = np.random.default_rng(seed)
    convolutions = [Layer(_weights(rng, (64, 1, 3, 3)), pool=2), Layer(_weights(rng, (96, 64, 3, 3)), pool=2)]
    dense = [Layer(_even(_weights(rng, (600, 2400), mean=1))), Layer(_even(_weights(rng, (10, 600))))]
    return _net("reference", (1, 28, 28), (*convolutions, *dense))


def small_net(seed: int = 0) -> Net:
    """1x32x32 -> conv 16 k5 stride 2 -> conv 32 k3 stride 2 -> 10."""
    rng = np.random.default_rng(seed)
    convolutions = [Layer(_weights(rng, (16, 1, 5, 5)), stride=2), Layer(_weights(rng, (32, 16, 3, 3)), stride=2)]
    return _net("small", (1, 32, 32), (*convolutions, Layer(_even(_weights(rng, (10, 1152))))))


def tiny_net(seed: int = 0) -> Net:
    """1x8x8 -> conv 4 k3, sum pool 2 -> 5: for tests of the benchmark."""
    rng = np.random.default_rng(seed)
    return _net("tiny", (1, 8, 8), (Layer(_weights(rng, (4, 1, 3, 3)), pool=2), Layer(_even(_weights(rng, (5, 36))))))


def dense_net(width: int, seed: int = 0) -> Net:
    """Width -> width -> 10, all to all: width * (width + 10) synapses.

    Weights are smaller where a neuron has more of them: a bound on its current must hold for every input, as it does in
    every Program that the compiler certifies. A part of the neurons sets the threshold.
    """
    rng = np.random.default_rng(seed)
    largest = min(63, CURRENT // (2 * width))
    shapes = (width, width), (10, width)
    weights = [rng.integers(-largest, largest + 1, shape, dtype=np.int8) * np.int8(2) for shape in shapes]
    part = _calibrated(_program((width,), (Layer(weights[0][:PART]), Layer(weights[1][:, :PART]))))
    layers = tuple(map(Layer, weights))
    program = _with_threshold(_program((width,), layers), 0, int(part.populations[0].vth[0]))
    return Net(f"dense {width}", layers, program)


def inputs(
    program: Program, batch: int, steps: int = STEPS, rate: float = INPUT_RATE, seed: int = 1
) -> NDArray[np.uint8]:
    """Return distinct random rasters (B, T, ...); every element of every sample has a rate of its own."""
    rng = np.random.default_rng(seed)
    shape = program.input.shape
    raster = np.empty((batch, steps, *shape), dtype=np.uint8)
    for sample in raster:
        sample[...] = rng.random(sample.shape, dtype=np.float32) < rng.uniform(0, 2 * rate, shape).clip(0, 1)
    return raster


def adds(program: Program, raster: NDArray[np.integer[Any]]) -> float:
    """Return the additions of a weight to a sum that a sample takes on average, an event meeting every tap it reaches.

    Weights that happen to be zero are added too, so this is one or two percent above the synops that a trace counts.
    """
    trace = run(program, raster, engine="fast")
    messages = {"input": np.asarray(raster) != 0} | {name: s != 0 for name, s in trace.spikes.items()}
    shapes = {"input": program.input.shape} | {p.name: p.shape for p in program.populations}
    total = 0
    for p in program.populations:
        for c in p.inputs:
            full = replace(c.wiring, weight=np.ones_like(c.wiring.weight))
            total += int((messages[c.source].sum(axis=(0, 1)) * fan_out(full, shapes[c.source], p.shape)).sum())
    return total / len(raster)


def _weights(rng: np.random.Generator, shape: tuple[int, ...], mean: float = 3) -> NDArray[np.int64]:
    return np.clip(np.round(rng.normal(mean, 30, shape)), -127, 127).astype(np.int64)


def _even(weight: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return even weights: 8-bit weights of mixed sign that a chip and every executor can hold."""
    return weight // 2 * 2


def _net(name: str, shape: tuple[int, ...], layers: tuple[Layer, ...]) -> Net:
    return Net(name, layers, _calibrated(_program(shape, layers)))


def _program(shape: tuple[int, ...], layers: tuple[Layer, ...]) -> Program:
    """Return the Program before any layer has its threshold."""
    populations: list[Population] = []
    source, source_shape = "input", shape
    for i, layer in enumerate(layers):
        wiring = _wiring(layer)
        name = f"hidden{i + 1}" if i < len(layers) - 1 else "readout"
        source_shape = output_shape(wiring, source_shape, layer.weight.shape[:1])
        populations.append(Population(name, source_shape, (Connection(source, wiring),), vth=SILENT, **REGISTERS))
        source = name
    return Program(Input(shape), tuple(populations))


def _wiring(layer: Layer) -> Conv | Dense:
    """Fold the sum pool into the convolution before it, exactly: its kernel grows and its stride is the pool's."""
    if layer.weight.ndim == 2:
        return Dense(narrowest(layer.weight, "weight"))
    *maps, height, width = layer.weight.shape
    grown = ((layer.pool - 1) * layer.stride + height, (layer.pool - 1) * layer.stride + width)
    folded = np.zeros((*maps, *grown), dtype=np.int64)
    for y, x in np.ndindex(layer.pool, layer.pool):
        top, left = y * layer.stride, x * layer.stride
        folded[:, :, top : top + height, left : left + width] += layer.weight
    return Conv(narrowest(folded, "weight"), stride=(layer.stride * layer.pool,) * 2)


def _calibrated(program: Program) -> Program:
    """Give every hidden population, first to last, the threshold with which it fires at its rate on one sample."""
    messages: NDArray[np.int64] = inputs(program, 1, seed=99)[0].astype(np.int64)
    shape = program.input.shape
    for place, population in enumerate(program.populations[:-1]):
        sums = apply(population.inputs[0].wiring, messages, shape, population.shape)
        vth = bisect_left(range(SILENT), -RATE, key=partial(_silence, sums))
        program = _with_threshold(program, place, vth)
        messages, shape = _spikes(sums, vth), population.shape
    return program


def _silence(sums: NDArray[np.int64], vth: int) -> float:
    """Return what grows with the threshold: minus the rate."""
    return -float(_spikes(sums, vth).mean())


def _spikes(sums: NDArray[np.int64], vth: int) -> NDArray[np.int64]:
    """Return the spikes of neurons that receive these sums step by step, as `sim.reference` defines them."""
    u, v, spikes = np.zeros_like(sums[0]), np.zeros_like(sums[0]), np.zeros_like(sums)
    for t, a in enumerate(sums):
        u = decay(u, REGISTERS["du"] + 1) + (a << VTH_SHIFT)
        v = decay(v, REGISTERS["dv"]) + u
        spikes[t] = v > vth << VTH_SHIFT
        v = np.where(spikes[t], 0, v)
    return spikes


def _with_threshold(program: Program, place: int, vth: int) -> Program:
    before, population, after = (
        program.populations[:place],
        program.populations[place],
        program.populations[place + 1 :],
    )
    return Program(
        program.input, (*before, replace(population, vth=np.full(population.shape, vth, dtype=np.int32)), *after)
    )
