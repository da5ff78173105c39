"""The three shifts that all weights share, and the scale of every neuron under them.

A shift s lets a neuron's scale S be as large as 127 * 2^s over its greatest weight, and rounds every weight to a step
of 2^s / S. What its states can hold bounds S as well, so a matrix wants the least shift that does not bound S before
the states do; the input's and the recurrent matrix meet in the same neurons and are chosen together.
"""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from sim.program import INPUT
from snn2hw.compiler.xylo.real import TOP, XyloLayer
from snn2hw.network.maps import Float

__all__ = ["MATRICES", "Shifts", "choose_shifts", "matrix_of", "scale_of"]

MATRICES = ("in", "rec", "out")
SHIFTS = range(9)

Shifts = Mapping[str, int]


def matrix_of(source: str, *, last: bool) -> str:
    """Return in which matrix of the chip a connection's weights lie."""
    return "out" if last else "in" if source == INPUT else "rec"


def choose_shifts(
    layers: Sequence[XyloLayer], power: Mapping[str, Float], tops: Sequence[int], margins: Sequence[float]
) -> Shifts:
    """Return the shifts under which the rounding of weights disturbs neurons least, in thresholds.

    ``power`` is the mean square message of every source, ``tops`` the greatest mantissa of each layer.
    """
    best, least = dict.fromkeys(MATRICES, 0), np.inf
    hidden = list(zip(layers, tops, margins, strict=True))[:-1]
    for s_in, s_rec in product(SHIFTS, SHIFTS):
        tried = {"in": s_in, "rec": s_rec}
        error = sum(_error(x, power, tried, top, margin, last=False) for x, top, margin in hidden)
        if error < least:
            best, least = {**best, **tried}, error
    errors = [_error(layers[-1], power, {"out": s}, tops[-1], margins[-1], last=True) for s in SHIFTS]
    return {**best, "out": int(np.argmin(errors))}


def scale_of(x: XyloLayer, shifts: Shifts, top: int, margin: float, *, last: bool) -> Float:
    """Return S of every neuron: the greatest that its states and its weights allow; one per row of weights."""
    rows = x.layer.shape[0]
    scale = (margin * TOP / x.largest).reshape(rows, -1).min(axis=1)
    for link, weight in zip(x.layer.links, x.weights, strict=True):
        greatest = np.abs(weight).reshape(rows, -1).max(axis=1)
        room = top * 2.0 ** shifts[matrix_of(link.source, last=last)]
        scale = np.minimum(scale, np.where(greatest > 0, room / np.where(greatest > 0, greatest, 1), np.inf))
    if not x.layer.fires:
        scale = np.full_like(scale, scale.min())  # readouts are compared, so they share one
    return np.broadcast_to(scale.reshape(-1, *(1,) * (len(x.layer.shape) - 1)), x.layer.shape)


def _error(x: XyloLayer, power: Mapping[str, Float], shifts: Shifts, top: int, margin: float, *, last: bool) -> float:
    """Return the mean square disturbance of a step's input by the rounding of weights and thresholds."""
    scale = scale_of(x, shifts, top, margin, last=last)
    unit = scale * np.where(x.layer.fires & (x.layer.threshold > 0), x.layer.threshold, 1.0)
    heard = sum(4.0 ** shifts[matrix_of(k.source, last=last)] * float(power[k.source].sum()) for k in x.layer.links)
    return float(((heard + 1) / unit**2).mean())
