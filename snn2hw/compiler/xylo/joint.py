"""Thresholds calibrated together on data: every neuron is to send as many spikes as its real one does.

Decays are powers of two and weights have eight bits, so a neuron's input is off by a factor that depends on what it
hears. Its threshold takes that factor up: in every round a whole run is counted, and each threshold moves by the root
of (spikes sent + 1) / (spikes wanted + 1). The round that comes nearest to the counts wanted is kept.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sim.engines import run
from sim.program import Population, Program
from snn2hw.compiler.calibrate import Prepared
from snn2hw.compiler.registers import Ints
from snn2hw.network.float_reference import Recorded, run_network
from snn2hw.network.maps import Float

__all__ = ["calibrated_thresholds", "fewer", "with_registers"]

ROUNDS = 16
VALUES = 1 << 24
"""How many neuron-steps of the data are run in a round."""

HIGHEST = 32767

FARTHEST = 2.0
"""A threshold moves by at most this factor: a neuron whose counts need more is not mended by its threshold."""

SPIKES: tuple[Recorded, ...] = ("spikes",)


def fewer(prepared: Prepared, program: Program) -> NDArray[np.integer] | None:
    """Return the calibration data that a round runs: all, or as many samples as bear it."""
    if prepared.rasters is None:
        return None
    steps, neurons = prepared.rasters.shape[1], sum(p.size for p in program.populations)
    shape = prepared.machine.input_shape
    samples = prepared.rasters[: max(1, VALUES // (steps * neurons))]
    return samples.reshape(*samples.shape[:2], *shape)


def calibrated_thresholds(prepared: Prepared, program: Program) -> Mapping[str, Ints]:
    """Return better thresholds by population, none where there are no data or no spikes to count."""
    rasters = fewer(prepared, program)
    if rasters is None:
        return {}
    wanted = _wanted(prepared, program, rasters)
    if not wanted or not any(counts.any() for counts in wanted.values()):
        return {}
    first = {name: program.by_name[name].theta.astype(np.float64) for name in wanted}
    moved = {name: np.ones(values.shape) for name, values in first.items()}
    best, least = _rounded(first), np.inf
    for _ in range(ROUNDS):
        tried = _rounded({name: first[name] * moved[name] for name in wanted})
        sent = _sent(program, tried, rasters)
        off = sum(float(np.abs(sent[name] - wanted[name]).sum()) / (wanted[name].sum() + 1) for name in wanted)
        if off < least:
            best, least = tried, off
        for name in wanted:
            ratio = np.sqrt((sent[name] + 1) / (wanted[name] + 1))
            moved[name] = np.clip(moved[name] * ratio, 1 / FARTHEST, FARTHEST)
    return best


def with_registers(population: Population, **values: NDArray[np.integer]) -> Population:
    """Return the population with other values in some registers."""
    registers = {name: np.asarray(held, dtype=np.int32) for name, held in {**population.registers, **values}.items()}
    return replace(population, registers=registers)


def _rounded(theta: Mapping[str, Float]) -> dict[str, Ints]:
    return {name: np.clip(np.rint(values), 1, HIGHEST).astype(np.int64) for name, values in theta.items()}


def _wanted(prepared: Prepared, program: Program, rasters: NDArray[np.integer]) -> dict[str, Float]:
    """Return how many spikes every real neuron sends, in one step at most as many as the chip's can."""
    network = prepared.machine.network
    float_trace = run_network(network, rasters.reshape(*rasters.shape[:2], *network.input_shape), record=SPIKES)
    return {
        p.name: np.minimum(float_trace.spikes[p.node], program.by_name[p.name].most_sent)
        .sum(axis=(0, 1))
        .reshape(p.shape)
        for p in prepared.machine.populations
        if p.fires
    }


def _sent(program: Program, theta: Mapping[str, Ints], rasters: NDArray[np.integer]) -> dict[str, Float]:
    populations = tuple(with_registers(p, theta=theta.get(p.name, p.theta)) for p in program.populations)
    trace = run(replace(program, populations=populations), rasters, engine="fast")
    return {name: trace.spikes[name].sum(axis=(0, 1), dtype=np.float64) for name in theta}
