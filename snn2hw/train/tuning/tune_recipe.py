"""How a program is tuned, and which rate a width of weights wants. No torch."""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from typing import ClassVar

from snn2hw.compiler.options import Bits
from snn2hw.train.recipe import Recipe

__all__ = ["MEASURED", "TuneRecipe", "rate_of"]

MEASURED: dict[Bits, tuple[int, float]] = {4: (4, 1e-3), 3: (4, 2e-3), "ternary": (6, 5e-3)}
"""Epochs and rate of the benchmark: the rate is told in the greatest weight, and a step of the grid grows as bits fall.
"""


def rate_of(bits: Bits | Mapping[str, Bits]) -> float:
    """Return the rate for a width: what was measured, ternary's for 2 bit, 4 bit's above; of several, the least.

    >>> rate_of(8), rate_of("ternary"), rate_of({"a": 3, "b": 4})
    (0.001, 0.005, 0.001)
    """
    if isinstance(bits, Mapping):
        return min((rate_of(b) for b in bits.values()), default=MEASURED[4][1])
    if bits == "ternary" or bits <= 2:
        return MEASURED["ternary"][1]
    return MEASURED[min(4, bits)][1]


@dataclass(frozen=True, kw_only=True)
class TuneRecipe(Recipe):
    """How a program is tuned: a `Recipe` and nothing beyond it.

    ``rate`` is Adam's, in units of the greatest weight of a grid, falling to zero as a cosine; thresholds and biases
    move at a tenth of it; None: what suits the bits, see `rate_of`. The teacher is the float network itself;
    ``teacher`` is an older name of ``teacher_weight``, and the one in files.
    """

    teacher: InitVar[float | None] = None

    LATER: ClassVar[frozenset[str]] = Recipe.LATER | {"patience"}
    FILED: ClassVar[Mapping[str, str]] = {"teacher_weight": "teacher"}

    def __post_init__(self, teacher: float | None) -> None:
        if teacher is not None:
            object.__setattr__(self, "teacher_weight", teacher)
        super().__post_init__()
