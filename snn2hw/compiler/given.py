"""A network whose numbers are register values already: nothing is rescaled, and what is no register is an error."""

import math

import numpy as np

from sim.arithmetic import VTH_SHIFT
from sim.arithmetic.description import Span
from sim.errors import InputError
from sim.program import Connection, Population
from snn2hw.chips.target import Target
from snn2hw.compiler.biases import place_biases
from snn2hw.compiler.grid import grid_for, most_bits, to_grid
from snn2hw.compiler.options import Bits
from snn2hw.compiler.quantized import Quantized, wiring_of
from snn2hw.compiler.registers import Ints, bias_registers, nearest_decay
from snn2hw.network.maps import Float
from snn2hw.network.registers import RealPopulation

__all__ = ["given_registers"]

TOLERANCE = 1e-4
"""Files store float32, and a time constant of 1e-4 / 0.1 in it is off by 1e-7: this is a register value still."""

BIAS_EXPONENT = 6
"""Biases are in threshold units, which stand six bits above v."""


def given_registers(layer: RealPopulation, scale: float, target: Target, bits: Bits) -> Quantized:
    """Return the population whose weights and threshold are ``scale`` times the network's, all of them whole."""
    layer, helpers = place_biases(layer, "axon")
    where = f"population {layer.name!r}"
    if layer.fires_at_threshold and not target.most("at_threshold"):
        raise InputError(f"{where}: fires at its threshold, the machine only above it", "write a threshold one lower")
    weights = [_whole(scale * link.map.weight, f"{where}: weights from {link.source!r}") for link in layer.links]
    top = np.array(target.registers["vth"][1])
    vth = _whole(scale * layer.threshold, f"{where}: threshold") if layer.fires else top
    bias = _whole(scale * layer.drive, f"{where}: bias")
    v0 = _whole(scale * layer.v0, f"{where}: potential before step 0") << VTH_SHIFT
    _refuse_outside(f"{where}: threshold", vth, target.registers["vth"])
    _refuse_outside(f"{where}: bias", bias, target.registers["bias_mantissa"])
    connections, grids = [], []
    for link, mantissas in zip(layer.links, weights, strict=True):
        full = most_bits(target) if link.source in {h.name for h in helpers} else bits
        grid = grid_for(link.map.weight, full, target.weight_rule)
        if not np.array_equal(to_grid(mantissas.astype(np.float64), grid), mantissas):
            low, high = grid.span
            what = f"{where}: weights {mantissas.min()}..{mantissas.max()} from {link.source!r} are not all registers"
            raise InputError(what, f"use multiples of {grid.step} in {low}..{high}, or compile with scale='auto'")
        connections.append(Connection(link.source, wiring_of(link.map, mantissas), 0, link.lag))
        grids.append(grid)
    mantissa, exponent = bias_registers(
        np.asarray(bias, dtype=np.float64) * (1 << VTH_SHIFT), target, exponent=BIAS_EXPONENT
    )
    population = Population(
        name=layer.name,
        shape=layer.shape,
        inputs=connections,
        vth=vth,
        du=nearest_decay(layer.share_u, add=1, limits=target.registers["du"]),
        dv=nearest_decay(layer.share_v, add=0, limits=target.registers["dv"]),
        bias_mantissa=mantissa,
        bias_exponent=np.where(mantissa == 0, 0, exponent),
        v0=v0,
        reset=layer.reset,
        fires=layer.fires,
        most=min(target.most("most"), layer.most or target.most("most")) if layer.many else 1,
        at_threshold=layer.fires_at_threshold,
        refractory=layer.refractory,
    )
    return Quantized(
        population=population,
        helpers=helpers,
        grids=tuple(grids),
        scale=np.full(layer.shape, scale),
        layer=layer,
        sqnr_db=(math.inf,) * len(grids),
    )


def _refuse_outside(what: str, values: Ints, register: Span) -> None:
    low, high = register
    if values.min() < low or values.max() > high:
        where = f"{what} {values.min()}..{values.max()} is outside the register's {low}..{high}"
        raise InputError(where, "compile with scale='auto'")


def _whole(values: Float, what: str) -> Ints:
    nearest = np.rint(values)
    off = np.abs(values - nearest) > TOLERANCE * np.maximum(1.0, np.abs(values))
    if off.any():
        raise InputError(f"{what}: {float(values[off][0]):g} is no whole number", "compile with scale='auto'")
    return nearest.astype(np.int64)
