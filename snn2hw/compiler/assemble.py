"""The program of quantised layers, with the record of what was chosen and what it cost."""

from collections.abc import Sequence

import numpy as np

from sim.arithmetic.registry import get_arithmetic
from sim.program import Input, Json, Program
from snn2hw.chips.rewrite import REWRITTEN
from snn2hw.compiler.calibrate import Prepared
from snn2hw.compiler.grid import most_bits
from snn2hw.compiler.quantized import Quantized
from snn2hw.network.maps import Float
from snn2hw.network.network import ADDED

__all__ = ["assemble"]


def assemble(prepared: Prepared, layers: Sequence[Quantized]) -> Program:
    """Return the program; helpers stand before the population that they serve."""
    network, ranges, target = prepared.machine.network, prepared.ranges, prepared.target
    populations = [p for made in layers for p in (*made.helpers, made.population)]
    weights: dict[str, Json] = {
        f"{made.population.name}[{i}]": grid.bits for made in layers for i, grid in enumerate(made.grids)
    }
    record: dict[str, Json] = {
        "compiler": {"schema": 1, "target": target.name, **prepared.options.record},
        "weights": {"bits": most_bits(target), "rule": target.weight_rule, "layers": weights},
        "dt": network.dt,
        "origin": network.origin,
        "notes": list(network.notes),
        "steps": ranges.steps,
        "calibration": {"samples": ranges.samples, "messages": list(ranges.messages)},
        "scales": {made.population.name: _scale_record(made, _seen(prepared, made)) for made in layers},
    }
    added = {made.population.name: [i for i, k in enumerate(made.layer.links) if k.name == ADDED] for made in layers}
    if any(added.values()):  # by population, the connections that are not the network's own
        record[REWRITTEN] = {name: list[Json](places) for name, places in added.items() if places}
    described = Input(prepared.machine.input_shape, *ranges.messages)
    return Program(described, tuple(populations), target.arithmetic, record)


def _seen(prepared: Prepared, made: Quantized) -> int | None:
    """Return the greatest message of a population in calibration, None without data."""
    ranges = prepared.ranges.layers.get(made.layer.name)
    return None if ranges is None else ranges.most


def _scale_record(made: Quantized, seen: int | None) -> Json:
    """Return what turns registers back into volts, and by how much the decays miss theirs.

    A membrane in volts is unit * v / (64 * scale) + origin; ``decay_error`` is the greatest difference between the
    share that u and v lose in a step and the share they should lose. ``most`` is there where neurons send several
    spikes in a message: the greatest in calibration, and what a message may hold.
    """
    layer, population = made.layer, made.population
    lost = get_arithmetic(population.arithmetic).dynamics(population.neurons)
    errors = [lost.share_u - layer.share_u, lost.share_v - layer.share_v]
    return {
        "scale": _brief(made.scale),
        "unit": _brief(layer.unit),
        "origin": _brief(layer.origin),
        "decay_error": [float(np.abs(error).max()) for error in errors],
        **({"most": {"seen": seen, "kept": population.most_sent}} if layer.many else {}),
    }


def _brief(values: Float) -> Json:
    """Return one number where all are equal, one per channel where channels are uniform, else all of them."""
    per_channel = values.reshape(values.shape[0], -1)
    if (values == values.flat[0]).all():
        return float(values.flat[0])
    if (per_channel == per_channel[:, :1]).all():
        return [float(x) for x in per_channel[:, 0]]
    return [float(x) for x in values.reshape(-1)]
