"""What a training run is: every choice that decides its result, stored with the checkpoint."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from sim.errors import FileError, InputError
from snn2hw.audio.augment import Augmentation
from snn2hw.audio.logmel import LogMel
from snn2hw.codec.decode import Decoder
from snn2hw.codec.encode import Kind
from snn2hw.models.layout import Layout, Stage, layout_of

__all__ = ["Recipe", "recipe_from", "recipe_to"]


@dataclass(frozen=True)
class Recipe:
    """A network (``scnn`` or its ``cnn`` twin), its input, and how it is trained.

    ``start`` is the SHA-256 of the checkpoint its weights come from; empty, they are drawn from the seed. ``quiet`` is
    the price, in the loss, of one spike per synapse: it trades accuracy for fewer synops.
    """

    model: Literal["scnn", "cnn"] = "scnn"
    layout: Layout = field(default_factory=lambda: layout_of("hardware"))
    mel: LogMel = field(default_factory=LogMel)
    levels: int = 31
    encoder: Kind = "direct"
    gain: float = 6.0
    steps: int = 8
    decoder: Decoder = "mean"
    test_speaker: str = ""
    start: str = ""
    validation: float = 0.06
    seed: int = 0
    epochs: int = 120
    patience: int = 30
    batch: int = 64
    rate: float = 1e-2
    decay: float = 1e-3
    smoothing: float = 0.0
    quiet: float = 0.0
    variants: int = 12
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        if self.model not in ("scnn", "cnn"):
            raise InputError(f"there is no model {self.model!r}", "choose scnn or cnn")
        for name in ("steps", "epochs", "patience", "batch"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)}: must be at least 1")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed {self.seed}: must be a whole number from 0 to 2^63 - 1")
        if not self.rate > 0 or self.quiet < 0:
            raise InputError(f"rate {self.rate}, quiet {self.quiet}: must be positive")


def recipe_to(recipe: Recipe) -> dict[str, Any]:
    """Return plain JSON values."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return values


def recipe_from(values: dict[str, Any], where: str) -> Recipe:
    """Read what ``recipe_to`` returned; ``where`` is the file an error names."""
    try:
        layout = dict(values["layout"])
        layout["stages"] = tuple(Stage(**stage) for stage in layout["stages"])
        how = dict(values["augmentation"])
        how["noise_db"] = tuple(how["noise_db"])
        parts = {"layout": Layout(**layout), "mel": LogMel(**values["mel"]), "augmentation": Augmentation(**how)}
        return replace(Recipe(), **{**values, **parts})
    except (KeyError, TypeError) as error:
        raise FileError(f"{where}: not a recipe of this version ({error})", "train the model again") from None
