"""Sizes and times of a network that estimates masks; what it computes stands in `snn2hw.train.denoising`. No torch."""

from dataclasses import dataclass

from sim.errors import InputError

__all__ = ["MaskLayout"]


@dataclass(frozen=True)
class MaskLayout:
    """Sizes and times; ``spread`` is the distance of the lags of a hidden layer, ``answer_kept`` the readout's leak."""

    hidden: tuple[int, ...] = (192, 160)
    taps: int = 3
    spread: tuple[int, ...] = (1, 2)
    synapse_kept: float = 0.3
    membrane_kept: float = 0.7
    answer_kept: float = 0.5

    def __post_init__(self) -> None:
        if not self.hidden or min(*self.hidden, self.taps, *self.spread) < 1 or len(self.spread) != len(self.hidden):
            what = f"hidden {self.hidden}, taps {self.taps}, spread {self.spread}"
            raise InputError(what, "give one spread per hidden layer; each counts from 1")
        if not all(0 <= kept < 1 for kept in (self.synapse_kept, self.membrane_kept, self.answer_kept)):
            what = f"kept {self.synapse_kept}, {self.membrane_kept} and {self.answer_kept}"
            raise InputError(what, "use shares from 0 to below 1")
