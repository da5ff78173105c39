"""How a streaming network is trained: stored with its checkpoint. No torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sim.errors import FileError, InputError
from snn2hw.audio.disturb import Disturbance
from snn2hw.audio.mel_stream import MelFront
from snn2hw.audio.spectra import Spectra
from snn2hw.models.stream import StreamLayout
from snn2hw.train.recipe import Recipe

__all__ = ["KINDS", "PRETRAINED", "WHOLE", "StreamRecipe", "stream_recipe_from"]

PRETRAINED = ("efficientnet-b0", "vgg-19")
"""Networks of torchvision, which may begin with weights from a file."""
WHOLE = ("vgg", "baseline", "esc-vgg", "lstm", "crnn-a", "extractor", *PRETRAINED)
"""Networks that hear a whole sound, less its own mean, and answer once: classifiers that do not spike, and teachers."""
KINDS = ("snn", "ann", *WHOLE)
"""The spiking network, its twin of ReLUs, and those that have no twin."""


@dataclass(frozen=True, kw_only=True)
class StreamRecipe(Recipe):
    """A streaming network (``snn`` or its ``ann`` twin), or one of `WHOLE`: what it hears, and how it is trained.

    ``frames`` is the longest sample; ``unit_db`` is what 1 stands for at the input in training. With ``mixup`` a clip
    is l of itself and 1 - l of another one, l from Beta(mixup, mixup), and so is what it should be taken for.
    ``teacher`` is the SHA-256 of the model whose answers are learnt beside the labels; empty, there is none.
    ``start`` is that of the file of weights that one of `PRETRAINED` began with.
    """

    task: str = "keywords"
    model: str = "snn"
    layout: StreamLayout = field(default_factory=StreamLayout)
    front: MelFront = field(default_factory=MelFront)
    how: Disturbance = field(default_factory=Disturbance)
    frames: int = 78
    unit_db: float = 32.0
    decay: float = 1e-2
    smoothing: float = 0.1
    epochs: int = 32
    rate: float | None = 3e-3
    mixup: float = 0.0
    teacher: str = ""
    start: str = ""

    LATER: ClassVar[frozenset[str]] = Recipe.LATER | {"mixup", "teacher", "start"}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model not in KINDS:
            raise InputError(f"there is no model {self.model!r}", f"choose one of {', '.join(KINDS)}")
        if self.start and self.model not in PRETRAINED:
            raise InputError(f"weights for {self.model}", f"only {' and '.join(PRETRAINED)} begin with a file's")
        if not 0 <= self.mixup < float("inf"):
            raise InputError(f"mixup {self.mixup}: must not be negative", "0 mixes nothing")
        if self.frames < 1:
            raise InputError(f"frames {self.frames}: must be at least 1")


_PARTS: dict[str, Callable[..., Any]] = {"layout": StreamLayout, "how": Disturbance}


def stream_recipe_from(values: Mapping[str, Any], where: str) -> StreamRecipe:
    """Read what `snn2hw.train.recipe.recipe_to` wrote; ``where`` is the file an error names."""
    try:
        facts = dict(values)
        front = dict(facts["front"])
        front |= {"spectra": Spectra(**front["spectra"]), "centre_db": tuple(front["centre_db"])}
        facts["front"] = MelFront(**front)
        for name, kind in _PARTS.items():
            facts[name] = kind(**{n: tuple(v) if isinstance(v, list) else v for n, v in facts[name].items()})
        return StreamRecipe(**facts)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise FileError(f"{where}: not the recipe of a streaming network ({error})", "train it again") from None
