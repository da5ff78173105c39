"""What weights take in memory: dense, with a bitmap of those that are not zero, or as run lengths of zeros.

dense        n * bits
bitmap       n + nonzero * bits
run length   entries * (bits + 4);  an entry is a weight and the zeros before it, at most 15: longer runs take a
filler, an entry whose weight is zero
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.program import Program
from sim.weight_rule import weight_bits

__all__ = ["RUN_BITS", "WeightStorage", "stored", "weight_storage"]

RUN_BITS = 4
"""Of the field that says how many zeros come before a weight."""


@dataclass(frozen=True)
class WeightStorage:
    """Bits of the weights in each form; index bits are in them."""

    weights: int
    zeros: int
    dense: int
    bitmap: int
    run_length: int

    @property
    def smallest(self) -> str:
        """Return the form that takes least; of equal ones the simplest."""
        forms = {"dense": self.dense, "bitmap": self.bitmap, "run length": self.run_length}
        return min(forms, key=lambda form: forms[form])

    def __add__(self, other: "WeightStorage") -> "WeightStorage":
        return WeightStorage(
            self.weights + other.weights,
            self.zeros + other.zeros,
            self.dense + other.dense,
            self.bitmap + other.bitmap,
            self.run_length + other.run_length,
        )


def weight_storage(program: Program) -> WeightStorage:
    """Return what all weights of a program take."""
    whole = WeightStorage(0, 0, 0, 0, 0)
    for p in program.populations:
        for index, connection in enumerate(p.inputs):
            whole += stored(connection.wiring.weight, weight_bits(program, p, index))
    return whole


def stored(weight: NDArray[np.integer], bits: int) -> WeightStorage:
    """Return what an array of weights takes, in C order.

    >>> stored(np.array([[5, 0, 0, 3]]), bits=8)
    WeightStorage(weights=4, zeros=2, dense=32, bitmap=20, run_length=24)
    """
    flat = np.asarray(weight).reshape(-1)
    places = np.flatnonzero(flat)
    before = np.diff(places, prepend=-1) - 1  # zeros before each weight
    entries = len(places) + int((before >> RUN_BITS).sum())
    return WeightStorage(
        weights=flat.size,
        zeros=flat.size - len(places),
        dense=flat.size * bits,
        bitmap=flat.size + len(places) * bits,
        run_length=entries * (bits + RUN_BITS),
    )
