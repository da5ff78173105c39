"""How a mask-estimating network is trained: stored with its checkpoint. No torch."""

from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from sim.errors import InputError
from snn2hw.denoise.mask_front import MaskFront
from snn2hw.denoise.mixing import Mixing
from snn2hw.models.mask import MaskLayout
from snn2hw.train.recipe import Recipe

__all__ = ["DENOISERS", "DenoiseRecipe"]

DENOISERS = ("snn", "ann", "cr-ced", "crnn")
"""The spiking network, its twin of ReLUs, and two networks of the literature, of which neither spikes."""


@dataclass(frozen=True, kw_only=True)
class DenoiseRecipe(Recipe):
    """What hears, how mixtures are drawn, and how it is trained; an epoch is so many ``mixtures``.

    ``open_decibels`` is where the loss no longer falls: an estimate so clean is clean enough. ``stoi_weight`` is that
    of envelopes that are unlike (`envelopes`), beside the error; ``harm_weight`` that of the decibels by which an
    estimate is worse than the noisy sound was.
    """

    model: Literal["snn", "ann", "cr-ced", "crnn"] = "snn"
    layout: MaskLayout = field(default_factory=MaskLayout)
    front: MaskFront = field(default_factory=partial(MaskFront, release=0.4, bypass=0.5))
    mixing: Mixing = field(default_factory=Mixing)
    mixtures: int = 800
    epochs: int = 80
    rate: float | None = 3e-3
    batch: int = 16
    validation: float = 0.0
    open_decibels: float = 50.0
    stoi_weight: float = 0.3
    harm_weight: float = 0.0
    decay: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model not in DENOISERS:
            raise InputError(f"there is no denoiser {self.model!r}", f"choose one of {', '.join(DENOISERS)}")
        if self.mixtures < 1:
            raise InputError(f"mixtures {self.mixtures}", "ask for one or more in an epoch")
        for name in ("stoi_weight", "harm_weight"):
            if not 0 <= getattr(self, name) < float("inf"):
                what = f"{name} {getattr(self, name)}: must not be negative"
                raise InputError(what, "0 leaves it out of the loss")
