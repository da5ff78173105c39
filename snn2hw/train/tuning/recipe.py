"""How a program is tuned, and which rate a width of weights wants. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass

from sim.errors import InputError
from snn2hw.codec.decode import Decoder
from snn2hw.compiler.options import Bits

__all__ = ["MEASURED", "Recipe", "rate_of"]

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


@dataclass(frozen=True)
class Recipe:
    """How a program is tuned.

    ``rate`` is Adam's, in units of the greatest weight of a grid, falling to zero as a cosine; thresholds and biases
    move at a tenth of it; None: what suits the bits, see `rate_of`. ``teacher`` weighs the divergence from the float
    network's answers against the labels.
    """

    epochs: int = 20
    rate: float | None = None
    batch: int = 64
    decoder: Decoder = "mean"
    temperature: float = 4.0
    teacher: float = 0.5
    validation: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)}: must be at least 1")
        if self.rate is not None and not self.rate > 0:
            raise InputError(f"rate {self.rate}: must be positive", "leave it out for one that suits the bits")
        if not 0 <= self.validation < 1 or not 0 <= self.teacher <= 1:
            raise InputError(f"validation {self.validation}, teacher {self.teacher}", "use shares between 0 and 1")
        if not 0 < self.temperature < float("inf"):
            raise InputError(f"temperature {self.temperature}: must be positive", "4 is usual")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed {self.seed}: must be a whole number from 0 to 2^63 - 1")
