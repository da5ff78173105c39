"""What the compiler chose and what it cost, for a human and for a file."""

import numpy as np

from sim.arithmetic import DECAY_ONE
from sim.program import Json
from snn2hw.compiler.quantize import Quantized

__all__ = ["scale_record"]


def scale_record(made: Quantized) -> Json:
    """Return what turns registers back into volts, and by how much the decays miss theirs.

    A membrane in volts is unit * v / (64 * scale) + origin; ``decay_error`` is the greatest difference between the
    share that u and v lose in a step and the share they should lose.
    """
    layer, population = made.layer, made.population
    errors = [(population.du + 1) / DECAY_ONE - layer.share_u, population.dv / DECAY_ONE - layer.share_v]
    return {
        "scale": _brief(made.scale),
        "unit": _brief(layer.unit),
        "origin": _brief(layer.origin),
        "decay_error": [float(np.abs(error).max()) for error in errors],
    }


def _brief(values: np.ndarray) -> Json:
    """Return one number where all are equal, one per channel where channels are uniform, else all of them."""
    per_channel = values.reshape(values.shape[0], -1)
    if (values == values.flat[0]).all():
        return float(values.flat[0])
    if (per_channel == per_channel[:, :1]).all():
        return [float(x) for x in per_channel[:, 0]]
    return [float(x) for x in values.reshape(-1)]
