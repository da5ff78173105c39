"""Layers with real registers, and what is known of a network, written by hand: what the parts of the quantiser take."""

from dataclasses import replace
from typing import Any

import numpy as np

from snn2hw.chips.target import Target, get_target
from snn2hw.compiler.calibrate import Prepared
from snn2hw.compiler.grid import grid_for
from snn2hw.compiler.options import Options
from snn2hw.compiler.ranges import LayerRange, Ranges
from snn2hw.compiler.weights import WeightTask
from snn2hw.network.maps import ConvMap, DenseMap
from snn2hw.network.network import Link
from snn2hw.network.registers import RealMachine, RealPopulation

LOIHI = get_target("loihi1")


def matrix(weight: Any, source: str = "input", **options: Any) -> Link[Any]:
    """Return a dense link."""
    values = np.asarray(weight, dtype=np.float64)
    return Link(source, DenseMap(values, (values.shape[1],), (values.shape[0],)), **options)


def taps(weight: Any, source: tuple[int, int, int], groups: int = 1, **options: Any) -> Link[Any]:
    """Return a convolution of stride 1 without padding."""
    values = np.asarray(weight, dtype=np.float64)
    shape = (len(values), source[1] - values.shape[2] + 1, source[2] - values.shape[3] + 1)
    map_ = ConvMap(
        weight=values, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=groups, source=source, shape=shape
    )
    return Link("input", map_, **options)


def real(*links: Link[Any], shape: tuple[int, ...] | None = None, **changes: Any) -> RealPopulation:
    """Return a layer 'p'; numbers stand for all of its neurons."""
    shape = links[0].map.shape if shape is None else shape
    registers = {"share_u": 1.0, "share_v": 0.1, "threshold": 1.0, "drive": 0.0, "u0": 0.0, "v0": 0.0, "unit": 1.0}
    for name in (*registers, "origin"):
        given = np.asarray(changes.pop(name, registers.get(name, 0.0)), dtype=np.float64)
        registers[name] = np.broadcast_to(given, shape).copy()
    others: dict[str, Any] = {"always": (), "reset": "zero", "fires": True} | changes
    return RealPopulation(name="p", node="p", shape=shape, links=links, **registers, **others)


def seen(**changes: Any) -> LayerRange:
    """Return what calibration saw of a layer: nothing, but for the changes."""
    names = ("u_low", "u_high", "v_low", "v_high", "u_sample", "v_sample")
    return replace(
        LayerRange(*(np.zeros(1) for _ in names[:5]), v_sample=np.zeros(1), rate=0.0, silent=0.0, always_on=0.0),
        **{name: np.asarray(value, float) if name in names else value for name, value in changes.items()},
    )


def known(layer: RealPopulation, *, target: Target = LOIHI, options: Options | None = None, **changes: Any) -> Prepared:
    """Return what is known of a network of one layer; the changes are of its ranges, or ``trial``."""
    trial = changes.pop("trial", None)
    sources = {link.source: np.ones(link.map.source) for link in layer.links if link.source.endswith("input")}
    facts = {"steps": 10, "samples": 0, "messages": (0, 1), "layers": {}, "power": sources, "moments": {}} | changes
    first = layer.links[0].map.source if layer.links else (1,)
    machine = RealMachine(network=None, input_shape=first, populations=(layer,))  # type: ignore[arg-type]
    return Prepared(machine, Ranges(**facts), target, options or Options(), trial=trial)


def task_of(layer: RealPopulation, prepared: Prepared, **changes: Any) -> WeightTask:
    """Return the choice of a layer's weights, one scale for every neuron."""
    every = np.arange(layer.size, dtype=np.intp).reshape(layer.shape)
    grids = tuple(grid_for(link.map.weight, 8, prepared.target.weight_rule) for link in layer.links)
    usual: dict[str, Any] = {"group": every, "grids": grids, "centred": False, "shrink": 1.0}
    return WeightTask(layer=layer, prepared=prepared, rebiased=lambda stored: layer, **usual | changes)
