"""How a streaming network is trained: stored with its checkpoint. No torch."""

from dataclasses import dataclass, field
from typing import Literal

from sim.errors import InputError
from snn2hw.audio.disturb import Disturbance
from snn2hw.audio.mel_stream import MelFront
from snn2hw.models.stream import StreamLayout
from snn2hw.train.recipe import Recipe

__all__ = ["StreamRecipe"]


@dataclass(frozen=True, kw_only=True)
class StreamRecipe(Recipe):
    """A streaming network (``snn`` or its ``ann`` twin), what it hears, and how it is trained.

    ``frames`` is the longest sample; ``unit_db`` is what 1 stands for at the input in training.
    """

    task: str = "keywords"
    model: Literal["snn", "ann"] = "snn"
    layout: StreamLayout = field(default_factory=StreamLayout)
    front: MelFront = field(default_factory=MelFront)
    how: Disturbance = field(default_factory=Disturbance)
    frames: int = 78
    unit_db: float = 32.0
    decay: float = 1e-2
    smoothing: float = 0.1
    epochs: int = 32
    rate: float | None = 3e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model not in ("snn", "ann"):
            raise InputError(f"there is no model {self.model!r}", "choose snn or ann")
        if self.frames < 1:
            raise InputError(f"frames {self.frames}: must be at least 1")
