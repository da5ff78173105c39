"""How a mask-estimating network is trained: stored with its checkpoint. No torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_args

from sim.errors import FileError, InputError
from snn2hw.audio.spectra import Spectra
from snn2hw.denoise.mask_front import MaskFront
from snn2hw.denoise.mixing import Mixing
from snn2hw.models.mask import MaskLayout
from snn2hw.train.recipe import Recipe

__all__ = ["DENOISERS", "SPIKING", "DenoiseRecipe", "denoise_recipe_from"]

Denoiser = Literal["snn", "ann", "cr-ced-snn", "cr-ced", "crnn-snn", "crnn"]
DENOISERS: tuple[Denoiser, ...] = get_args(Denoiser)
"""A network of two dense layers and two of the literature, each of them spiking, and its twin that does not."""
SPIKING = "-snn"
"""What stands behind the name of a network of the literature that spikes."""


@dataclass(frozen=True, kw_only=True)
class DenoiseRecipe(Recipe):
    """What hears, how mixtures are drawn, and how it is trained; an epoch is so many ``mixtures``.

    ``open_decibels`` is where the loss no longer falls: an estimate so clean is clean enough. ``stoi_weight`` is that
    of envelopes that are unlike (`envelopes`), beside the error; ``harm_weight`` that of the decibels by which an
    estimate is worse than the noisy sound was, in either.
    """

    model: Denoiser = "snn"
    layout: MaskLayout = field(default_factory=MaskLayout)
    front: MaskFront = field(default_factory=partial(MaskFront, release=0.4, bypass=0.5, opens=0.85))
    mixing: Mixing = field(default_factory=Mixing)
    mixtures: int = 800
    epochs: int = 160
    rate: float | None = 3e-3
    batch: int = 16
    validation: float = 0.0
    open_decibels: float = 50.0
    stoi_weight: float = 1.0
    harm_weight: float = 1.0
    decay: float = 1e-3

    @property
    def spiking(self) -> bool:
        """Return whether the network spikes, and goes onto a chip."""
        return self.model == "snn" or self.model.endswith(SPIKING)

    @property
    def shape(self) -> str:
        """Return which network it is, whether it spikes or not."""
        return "dense" if self.model in ("snn", "ann") else self.model.removesuffix(SPIKING)

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


_PARTS: dict[str, Callable[..., Any]] = {"layout": MaskLayout, "mixing": Mixing}


def denoise_recipe_from(values: Mapping[str, Any], where: str) -> DenoiseRecipe:
    """Read what `snn2hw.train.recipe.recipe_to` wrote; ``where`` is the file an error names."""
    try:
        front = dict(values["front"])
        front["spectra"] = Spectra(**front["spectra"])
        parts: dict[str, Any] = {"front": MaskFront(**front)}
        for name, kind in _PARTS.items():
            parts[name] = kind(**{n: tuple(v) if isinstance(v, list) else v for n, v in values[name].items()})
        return DenoiseRecipe(**{**values, **parts})
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise FileError(f"{where}: not the recipe of a denoiser ({error})", "train it again") from None
