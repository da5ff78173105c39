"""What all weights of a program take in memory, in each form that `snn2hw.ann.weight_forms` knows."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from sim.program import Program
from sim.weight_rule import weight_bits
from snn2hw.ann.weight_forms import FORMS, census_of

__all__ = ["WeightStorage", "stored", "weight_storage"]


@dataclass(frozen=True, kw_only=True)
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
        return WeightStorage(**{name: count + getattr(other, name) for name, count in asdict(self).items()})


def weight_storage(program: Program) -> WeightStorage:
    """Return what all weights of a program take."""
    whole = stored(np.zeros(0, np.int64), bits=0)
    for p in program.populations:
        for index, connection in enumerate(p.inputs):
            whole += stored(connection.wiring.weight, weight_bits(program, p, index))
    return whole


def stored(weight: NDArray[np.integer], bits: int) -> WeightStorage:
    """Return what an array of weights takes, in C order.

    >>> stored(np.array([[5, 0, 0, 3]]), bits=8)
    WeightStorage(weights=4, zeros=2, dense=32, bitmap=20, run_length=24)
    """
    census = census_of(weight)
    forms = {form.replace(" ", "_"): census.bits(form, bits) for form in FORMS}
    return WeightStorage(weights=census.weights, zeros=census.weights - census.nonzero, **forms)
