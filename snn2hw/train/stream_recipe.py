"""How a streaming network is trained: stored with its checkpoint. No torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

from sim.errors import FileError, InputError
from snn2hw.audio.disturb import Disturbance
from snn2hw.audio.mel_stream import MelFront
from snn2hw.audio.spectra import Spectra
from snn2hw.models.stream import StreamLayout
from snn2hw.models.xylo import XyloLayout
from snn2hw.train.recipe import Bits, PruneScope, Recipe, check_bits, check_pruning, without_later

__all__ = ["KINDS", "PRETRAINED", "WHOLE", "Kind", "StreamRecipe", "stream_recipe_from"]

Pretrained = Literal["efficientnet-b0", "vgg-19"]
PRETRAINED: tuple[Pretrained, ...] = get_args(Pretrained)
"""Networks of torchvision, which may begin with weights from a file."""
Whole = Literal["vgg", "baseline", "esc-vgg", "lstm", "crnn-a", "extractor", Pretrained]
WHOLE: tuple[Whole, ...] = get_args(Whole)
"""Networks that hear a whole sound, less its own mean, and answer once: classifiers that do not spike, and teachers."""
Kind = Literal["snn", "ann", "xylo", Whole]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The spiking network, its twin of ReLUs, one for Xylo, and those that have no twin."""


@dataclass(frozen=True, kw_only=True)
class StreamRecipe(Recipe):
    """A streaming network (``snn`` or its ``ann`` twin), one for ``xylo``, or one of `WHOLE`, and how it is trained.

    ``layout`` is that of the first two kinds, ``xylo`` that of the third. ``frames`` is the longest sample; ``unit_db``
    is what 1 stands for at the input in training. With ``mixup`` a clip is l of itself and 1 - l of another one, l from
    Beta(mixup, mixup), and so is what it should be taken for. ``teacher`` is the SHA-256 of the model whose answers are
    learnt beside the labels; empty, there is none. ``also`` is a corpus whose clips are learnt too. ``background`` is
    the SHA-256 of the spectra of the backgrounds that ``how`` says clips are mixed with. ``delays`` is the
    longest lag that the dense layer may learn for each channel that it hears; 0: none. ``prune`` is the share of
    weights that end as zeros, of networks that are not of `WHOLE`. ``weight_bits`` are those of every weight of
    the spiking network in every forward pass. ``learnt_decay`` and ``learnt_threshold`` say what every layer of its
    neurons learns: what they keep of their current and of their potential, and what they fire above. ``start`` is the
    SHA-256 of the file that it began with: the network of another run, or weights of torchvision's network for one of
    `PRETRAINED`.
    """

    task: str = "keywords"
    model: Kind = "snn"
    layout: StreamLayout = field(default_factory=StreamLayout)
    xylo: XyloLayout = field(default_factory=XyloLayout)
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
    also: str = ""
    background: str = ""
    delays: int = 0
    start: str = ""
    prune: float = 0.0
    prune_scope: PruneScope = "global"
    weight_bits: Bits | None = None
    learnt_decay: bool = False
    learnt_threshold: bool = False

    LATER: ClassVar[frozenset[str]] = Recipe.LATER | {
        "mixup",
        "teacher",
        "also",
        "background",
        "xylo",
        "delays",
        "start",
        "prune",
        "prune_scope",
        "weight_bits",
        "learnt_decay",
        "learnt_threshold",
    }

    @property
    def spiking(self) -> bool:
        """Return whether the network spikes, and goes onto a chip."""
        return self.model in ("snn", "xylo")

    def parts_to(self) -> dict[str, Any]:
        """Return the parts that have a form of their own in files."""
        return {name: without_later(getattr(self, name)) for name in ("front", "how", "layout")}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.model not in KINDS:
            raise InputError(f"there is no model {self.model!r}", f"choose one of {', '.join(KINDS)}")
        if not 0 <= self.mixup < float("inf"):
            raise InputError(f"mixup {self.mixup}: must not be negative", "0 mixes nothing")
        if not 0 <= self.delays < 64 or (self.delays and self.model not in ("snn", "ann")):
            raise InputError(f"delays {self.delays}: not in 0..63, or the model has none", "0 learns none")
        check_pruning(self.prune, self.prune_scope)
        if self.prune and self.model in WHOLE:
            raise InputError(f"prune {self.prune}: of {self.model}, which is no network of a chip", "0 leaves it whole")
        if self.front.events and self.front.features != "log-mel":
            raise InputError(f"features {self.front.features}: events are of decibels", "choose log-mel")
        check_bits(self.weight_bits, of_spikes=self.model == "snn")
        if self.weight_bits is not None and self.layout.recurrent:
            what = f"weight_bits {self.weight_bits}: of neurons that hear one another, whose weights back have no grid"
            raise InputError(what, "choose a --size without them, or round afterwards: snn2hw compile --weight-bits")
        for name in ("learnt_decay", "learnt_threshold"):
            if getattr(self, name) and self.model != "snn":
                what = f"{name}: of {self.model}, which is no spiking network with numbers of its layers"
                raise InputError(what, "leave it out, or train the spiking stream: --model scnn")
        if self.frames < 1:
            raise InputError(f"frames {self.frames}: must be at least 1")


_PARTS: dict[str, Callable[..., Any]] = {"layout": StreamLayout, "how": Disturbance, "xylo": XyloLayout}


def stream_recipe_from(values: Mapping[str, Any], where: str) -> StreamRecipe:
    """Read what `snn2hw.train.recipe.recipe_to` wrote; ``where`` is the file an error names."""
    try:
        facts = dict(values)
        front = dict(facts["front"])
        front |= {"spectra": Spectra(**front["spectra"]), "centre_db": tuple(front["centre_db"])}
        facts["front"] = MelFront(**front)
        for name in _PARTS.keys() & facts.keys():
            kind = _PARTS[name]
            facts[name] = kind(**{n: tuple(v) if isinstance(v, list) else v for n, v in facts[name].items()})
        return StreamRecipe(**facts)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise FileError(f"{where}: not the recipe of a streaming network ({error})", "train it again") from None
