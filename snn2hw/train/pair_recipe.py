"""How one of the published pairs is trained: stored with its checkpoint. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from sim.cures import one_of
from sim.errors import FileError, InputError
from snn2hw.audio.spectra import Spectra
from snn2hw.train.pairs import PAIRS, SIDE, WAVES, twin_of
from snn2hw.train.recipe import Bits, Recipe, check_bits

__all__ = ["PairRecipe", "pair_recipe_from"]


def _pictures() -> Spectra:
    return Spectra(rate_hz=8000, window=256, hop=100, fft=512, bands=60, highest_hz=3900.0)


@dataclass(frozen=True, kw_only=True)
class PairRecipe(Recipe):
    """One of `PAIRS`, spiking or its twin, and how long and wide it is.

    Args:
        task: the corpus.
        network: one of `PAIRS`.
        model: the spiking network, or its twin of ReLUs.
        width: of the published widths.
        steps: how often the spiking network sees its input.
        learnt: the decay of every neuron is trained too.
        learnt_threshold: so is their threshold, one for a layer.
        spectra: how the pictures are made; a wave is at their rate.
        seconds: how long a clip is; a longer one is cut to its loudest stretch, a shorter one ends in silence.
        moved: share of its length that a training clip is moved by at most.
        louder_db: standard deviation of a training clip's level.
        decay: of the weights, by the optimiser.
        start: SHA-256 of the run that it began with; empty, there is none.
        teacher: SHA-256 of the run whose answers it learns beside the labels; empty, there is none.
        weight_bits: of every weight of a spiking network in every forward pass.
    """

    task: str = "fsdd"
    network: str = "m5"
    model: Literal["snn", "ann"] = "snn"
    width: float = 1 / 16
    steps: int = 4
    learnt: bool = False
    learnt_threshold: bool = False
    spectra: Spectra = field(default_factory=_pictures)
    seconds: float = 0.75
    moved: float = 0.1
    louder_db: float = 3.0
    decay: float = 1e-2
    start: str = ""
    teacher: str = ""
    weight_bits: Bits | None = None
    epochs: int = 20
    rate: float | None = 5e-3
    validation: float = 0.0

    LATER: ClassVar[frozenset[str]] = Recipe.LATER | {"learnt_threshold", "teacher", "weight_bits"}

    @property
    def samples(self) -> int:
        """Return how many samples a clip has."""
        return round(self.seconds * self.spectra.rate_hz)

    @property
    def values(self) -> int:
        """Return how many numbers the network reads of a clip at least: its samples, or bands by frames."""
        return self.samples if self.network in WAVES else self.spectra.bands * self.spectra.count(self.samples)

    def _seconds_of(self, frames: int) -> float:
        return (self.spectra.window + (frames - 1) * self.spectra.hop) / self.spectra.rate_hz

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.network not in PAIRS:
            raise InputError(f"there is no network {self.network!r}", f"choose {one_of(self.network, PAIRS)}")
        if self.model not in ("snn", "ann"):
            raise InputError(f"there is no model {self.model!r}", "choose snn or ann")
        if self.model == "ann" and self.network != twin_of(self.network):
            fix = f"train that: {twin_of(self.network)}"
            raise InputError(f"{self.network}: its twin is that of {twin_of(self.network)}", fix)
        check_bits(self.weight_bits, of_spikes=self.model == "snn" and not PAIRS[self.network].hybrid)
        lasts = 0 < self.seconds * self.spectra.rate_hz < float("inf")
        if self.steps < 1 or not lasts or not 0 < self.width <= 1 or not 0 <= self.moved < 1:
            what = f"steps {self.steps}, seconds {self.seconds}, width {self.width}, moved {self.moved}"
            raise InputError(what, "keep steps >= 1, seconds > 0, 0 < width <= 1 and 0 <= moved < 1")
        if self.network not in WAVES and self.spectra.count(self.samples) < SIDE:
            what = f"seconds {self.seconds:g}: {self.spectra.count(self.samples)} frames of a picture"
            raise InputError(what, f"ask for {SIDE} frames or more, {self._seconds_of(SIDE):.3g} s")
        if self.model == "ann" and (self.learnt or self.learnt_threshold or self.steps != 1):
            fix = "it sees its input once, and has no decay and no threshold"
            raise InputError(f"steps {self.steps} of a network of ReLUs", fix)


def pair_recipe_from(values: Mapping[str, Any], where: str) -> PairRecipe:
    """Read what `snn2hw.train.recipe.recipe_to` wrote; ``where`` is the file an error names."""
    try:
        return PairRecipe(**{**values, "spectra": Spectra(**values["spectra"])})
    except (TypeError, ValueError, KeyError) as error:
        raise FileError(f"{where}: not the recipe of a published pair ({error})", "train it again") from None
