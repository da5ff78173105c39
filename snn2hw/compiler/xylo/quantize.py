"""From a network with real registers to a Xylo program, at scales that do not saturate on the calibration data."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from exporters.xylo.timing import settled, starts
from sim.engines import run
from sim.errors import InputError, UnsupportedError
from sim.program import Connection, Input, Population, Program
from snn2hw.compiler.calibrate import Prepared, Progress
from snn2hw.compiler.grid import grid_for
from snn2hw.compiler.quantize import bits_by_layer
from snn2hw.compiler.quantized import Quantized, wiring_of
from snn2hw.compiler.registers import Ints, NoRegisterError
from snn2hw.compiler.xylo.joint import calibrated_thresholds, fewer, with_registers
from snn2hw.compiler.xylo.real import TOP, XyloLayer, xylo_layer
from snn2hw.compiler.xylo.shifts import Shifts, choose_shifts, matrix_of, scale_of
from snn2hw.network.maps import Float

__all__ = ["quantize_xylo"]

ATTEMPTS = 16
"""How often scales are lowered by a fifth where states saturate on the calibration data."""

SHRINK = 0.8

ROOM = 0.8
"""How much of its range a state uses at first: other data go beyond these."""

HIDDEN_SPIKES = 31


@dataclass(frozen=True, eq=False)
class _Made:
    """A whole program at some margins."""

    program: Program
    layers: list[Quantized]


def quantize_xylo(
    prepared: Prepared, progress: Progress, known: Mapping[str, Quantized] | None = None
) -> list[Quantized]:
    """Return every population in integers; ``known`` layers cannot be kept, as all share their shifts."""
    machine, options = prepared.machine, prepared.options
    if options.scale != "auto" or known:
        what = "Xylo: weights of one matrix share a shift, so layers cannot be kept or given one by one"
        raise InputError(what, "compile with scale='auto' and one number of weight bits")
    chosen = bits_by_layer(machine, options.weight_bits, prepared.target)
    layers = []
    for layer in machine.populations:
        try:
            layers.append(xylo_layer(prepared, layer))
        except NoRegisterError as error:
            raise UnsupportedError(f"population {layer.name!r}: {error.what}", error.fix) from None
    tops = [1 if bits == "ternary" else (1 << (bits - 1)) - 1 for bits in (chosen[x.layer.name] for x in layers)]
    progress("quantize", 0, len(layers))
    made = _unsaturated(prepared, layers, tops)
    progress("quantize", len(layers) - 1, len(layers))
    thresholds = calibrated_thresholds(prepared, made.program)
    if thresholds:
        made = _with_thresholds(prepared, made, thresholds)
    return made.layers


def _unsaturated(prepared: Prepared, layers: Sequence[XyloLayer], tops: Sequence[int]) -> _Made:
    """Return the program at the greatest scales at which no state saturates on the calibration data."""
    margins = [ROOM / prepared.options.headroom] * len(layers)
    for _ in range(ATTEMPTS):
        made = _at(prepared, layers, tops, margins)
        rasters = fewer(prepared, made.program)
        if rasters is None:
            return made
        clips = run(made.program, rasters, engine="fast", record=()).counts.clips
        if not any(count.any() for count in clips.values()):
            return made
        margins = [m * (SHRINK if clips[x.layer.name].any() else 1) for m, x in zip(margins, layers, strict=True)]
    return made  # what saturates still is counted by every run


def _at(prepared: Prepared, layers: Sequence[XyloLayer], tops: Sequence[int], margins: Sequence[float]) -> _Made:
    shifts = choose_shifts(layers, prepared.ranges.power, tops, margins)
    made = []
    for x, top, margin in zip(layers, tops, margins, strict=True):
        last = x is layers[-1]
        made.append(_quantized(prepared, x, shifts, top, scale_of(x, shifts, top, margin, last=last), last=last))
    return _settled(prepared, made)


def _quantized(prepared: Prepared, x: XyloLayer, shifts: Shifts, top: int, scale: Float, *, last: bool) -> Quantized:
    """Return one population; weights, threshold and bias are S times the real ones, rounded."""
    layer, bits = x.layer, top.bit_length() + 1
    rows = scale.reshape(layer.shape[0], -1)[:, 0]
    connections, quality = [], []
    for link, weight in zip(layer.links, x.weights, strict=True):
        shift = shifts[matrix_of(link.source, last=last)]
        wanted = weight * rows.reshape(-1, *(1,) * (weight.ndim - 1)) / 2.0**shift
        stored = np.clip(np.rint(wanted), -top, top)
        quality.append(_sqnr(wanted, stored))
        connections.append(Connection(link.source, wiring_of(link.map, stored), shift, link.lag))
    theta = np.rint(scale * layer.threshold) + (0 if layer.fires_at_threshold else 1)
    population = Population(
        layer.name,
        layer.shape,
        connections,
        arithmetic="xylo",
        fires=layer.fires,
        dash_syn=x.dash_syn,
        dash_mem=x.dash_mem,
        theta=np.clip(theta, 1, TOP).astype(np.int64) if layer.fires else TOP,
        bias=np.clip(np.rint(scale * x.drive), -TOP, TOP).astype(np.int64),
        most=1 if last else HIDDEN_SPIKES,
    )
    grids = tuple(grid_for(link.map.weight, bits, prepared.target.weight_rule) for link in layer.links)
    return Quantized(population, (), grids, scale=scale, layer=layer, sqnr_db=tuple(quality))


def _sqnr(wanted: Float, stored: Float) -> float:
    error = float(np.square(wanted - stored).sum())
    return 10 * math.log10(float(np.square(wanted).sum()) / error) if error else math.inf


def _settled(prepared: Prepared, layers: list[Quantized]) -> _Made:
    """Give every population that starts late the state that its bias has made by then."""
    program = _program(prepared, layers)
    start = starts(program)
    made = [
        replace(x, population=with_registers(p, **settled(program.described, p, start[p.name])))
        for x, p in zip(layers, program.populations, strict=True)
    ]
    return _Made(_program(prepared, made), made)


def _program(prepared: Prepared, layers: Sequence[Quantized]) -> Program:
    described = Input(prepared.machine.input_shape, *prepared.ranges.messages)
    return Program(described, tuple(x.population for x in layers), "xylo")


def _with_thresholds(prepared: Prepared, made: _Made, thresholds: Mapping[str, Ints]) -> _Made:
    changed = [
        replace(x, population=with_registers(x.population, theta=thresholds.get(x.population.name, x.population.theta)))
        for x in made.layers
    ]
    return _settled(prepared, changed)
