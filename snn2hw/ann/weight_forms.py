"""How an array of weights may be held: dense, with a bitmap of those that are not zero, or as run lengths of zeros.

dense        n * bits
bitmap       n + nonzero * bits
run length   entries * (bits + 4);  an entry is a weight and the zeros before it, at most 15: longer runs take a
filler, an entry whose weight is zero

A product fetches its weight with the weight's share of all that is stored: stored bits / nonzero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, assert_never, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["FORMS", "RUN_BITS", "Form", "WeightCensus", "census_of", "smallest_form"]

RUN_BITS = 4
"""Of the field that says how many zeros come before a weight."""

Form = Literal["dense", "bitmap", "run length"]
FORMS: tuple[Form, ...] = get_args(Form)
"""How an array of weights may be held; of equal ones the first is the simplest."""


@dataclass(frozen=True)
class WeightCensus:
    """One array of weights: how many, how many are not zero, and the entries it takes as run lengths."""

    weights: int
    nonzero: int
    entries: int

    def bits(self, form: Form, width: int) -> int:
        """Return what the array takes in a form, its weights ``width`` bits wide, index included."""
        match form:
            case "dense":
                return self.weights * width
            case "bitmap":
                return self.weights + self.nonzero * width
            case "run length":
                return self.entries * (width + RUN_BITS)
            case _:
                assert_never(form)


def census_of(weight: NDArray[np.generic]) -> WeightCensus:
    """Count an array of weights, in C order."""
    flat = np.asarray(weight).reshape(-1)
    places = np.flatnonzero(flat)
    before = np.diff(places, prepend=-1) - 1  # zeros before each weight
    return WeightCensus(flat.size, len(places), len(places) + int((before >> RUN_BITS).sum()))


def smallest_form(census: WeightCensus, width: int, allowed: Sequence[Form] = FORMS) -> Form:
    """Return the form that takes least; of equal ones the simplest."""
    return min((form for form in FORMS if form in allowed), key=lambda form: census.bits(form, width))
