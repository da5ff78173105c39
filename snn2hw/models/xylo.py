"""The sizes of a network for a Xylo chip, and how its eight outputs answer for more classes than eight. No torch."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError

__all__ = ["BANDS", "EVENTS", "MANY", "OUTPUTS", "XYLOS", "XyloLayout", "answer_code"]

BANDS, EVENTS, OUTPUTS, NEURONS = 16, 15, 8, 1000
"""Inputs of the chip, the most events of one in a step, its outputs, and its hidden neurons."""

MANY = 31
"""The most spikes of a hidden neuron in a step."""

APART = 4
"""Outputs in which two answers should differ."""


@dataclass(frozen=True)
class XyloLayout:
    """Sizes of the hidden layers, and the shifts that their decays begin with: ranges, drawn evenly per neuron."""

    hidden: tuple[int, ...] = (96, 64)
    dash_syn: tuple[float, float] = (1.0, 2.5)
    dash_mem: tuple[float, float] = (2.0, 4.5)
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if not self.hidden or min(self.hidden) < 1 or sum(self.hidden) > NEURONS:
            raise InputError(f"hidden {self.hidden}: not 1 to {NEURONS} neurons", f"a Xylo chip has {NEURONS}")
        for name in ("dash_syn", "dash_mem"):
            low, high = getattr(self, name)
            if not 0 < low <= high <= 15:
                raise InputError(f"{name} {low} to {high}", "shifts lie between 1 and 15")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout {self.dropout}", "use a share from 0 to below 1")


XYLOS = {
    "xylo-small": XyloLayout(hidden=(64,)),
    "xylo": XyloLayout(),
    "xylo-large": XyloLayout(hidden=(128, 96, 64)),
}
"""Sizes by name."""


def answer_code(classes: int) -> NDArray[np.int64]:
    """Return which outputs stand for each class, (classes, outputs) of 0 and 1: their spikes are a class's score.

    Up to eight classes have an output each. More have a pattern of four outputs each, any two of which differ in at
    least four outputs where there are no more than fourteen classes.

    >>> answer_code(2).tolist()
    [[1, 0], [0, 1]]
    >>> answer_code(10)[:2].tolist()
    [[1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 1, 1, 0, 0]]
    """
    if not 1 <= classes <= 70:
        raise InputError(f"{classes} classes: eight outputs have patterns for 1 to 70", "leave classes out")
    if classes <= OUTPUTS:
        return np.eye(classes, dtype=np.int64)
    every = [np.isin(np.arange(OUTPUTS), chosen).astype(np.int64) for chosen in combinations(range(OUTPUTS), 4)]
    apart: list[NDArray[np.int64]] = []
    for word in every:
        if all(int(np.abs(word - other).sum()) >= APART for other in apart):
            apart.append(word)
    return np.stack((apart if classes <= len(apart) else every)[:classes])
