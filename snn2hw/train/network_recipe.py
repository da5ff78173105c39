"""How a network on spoken words is trained: stored with its checkpoint. No torch."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, get_args

from sim.errors import FileError, InputError
from snn2hw.audio.augment import Augmentation
from snn2hw.audio.logmel import LogMel, mel_values
from snn2hw.codec.encode import Encoder, Kind, highest
from snn2hw.models.layout import Layout, Stage, layout_of
from snn2hw.sources.named_module import is_named
from snn2hw.train.recipe import Bits, PruneScope, Recipe, check_bits, check_pruning

__all__ = ["Called", "NetworkRecipe", "encoder_of", "input_scale", "recipe_from"]

Called = Literal["step", "time_first", "batch_first"]
"""How a module of the user's own reads its input, as `from_norse` names it; it is to read steps."""


@dataclass(frozen=True, kw_only=True)
class NetworkRecipe(Recipe):
    """A network (``scnn``, its ``cnn`` twin, or a module of the user's own), its input, and how it is trained.

    ``model`` of one's own is the function that makes it, ``package.module:function``; ``called`` is then how it reads
    its input, and ``layout`` says nothing.

    ``start`` and ``teacher`` are the SHA-256 of the model whose weights it begins with, and whose answers it learns
    beside the labels; empty, there is none. ``also`` is a corpus whose clips are learnt too. ``quiet`` is the price, in
    the loss, of one spike (of a CNN: one product that is not zero) per synapse: it trades accuracy for fewer synops.
    ``prune`` is the share of weights that end as zeros, ``weight_bits`` the bits of every weight in every forward pass.
    """

    model: str = "scnn"
    called: Called = "step"
    layout: Layout = field(default_factory=lambda: layout_of("hardware"))
    mel: LogMel = field(default_factory=LogMel)
    levels: int = 31
    encoder: Kind = "direct"
    gain: float = 6.0
    steps: int = 8
    test_speaker: str = ""
    test_fold: str = ""
    start: str = ""
    teacher: str = ""
    also: str = ""
    decay: float = 1e-3
    smoothing: float = 0.0
    quiet: float = 0.0
    prune: float = 0.0
    prune_scope: PruneScope = "global"
    weight_bits: Bits | None = None
    variants: int = 12
    augmentation: Augmentation = field(default_factory=Augmentation)
    epochs: int = 120
    patience: int | None = 30
    rate: float = 1e-2
    validation: float = 0.06

    LATER: ClassVar[frozenset[str]] = Recipe.LATER | {
        "test_fold",
        "teacher",
        "also",
        "teacher_weight",
        "temperature",
        "called",
        "prune",
        "prune_scope",
        "weight_bits",
    }

    @property
    def own(self) -> bool:
        """Return whether the network is a module of the user's own."""
        return is_named(self.model)

    @property
    def spiking(self) -> bool:
        """Return whether the network is fed step by step, and answers at every step."""
        return self.model != "cnn"

    @property
    def silent(self) -> frozenset[str]:
        """Return the fields that say nothing of this recipe."""
        return frozenset({"layout"}) if self.own else frozenset()

    def parts_to(self) -> dict[str, Any]:
        """Return the parts that have a form of their own in files."""
        return {"mel": mel_values(self.mel)}

    def __post_init__(self) -> None:
        if self.model not in ("scnn", "cnn") and not self.own:
            raise InputError(f"there is no model {self.model!r}", "choose scnn, cnn, or package.module:function")
        if self.called not in get_args(Called):
            raise InputError(f"called {self.called!r}", f"choose one of {', '.join(get_args(Called))}")
        if self.steps < 1:
            raise InputError(f"steps {self.steps}: must be at least 1", "ask for one or more")
        super().__post_init__()
        if not 0 <= self.quiet < float("inf"):
            raise InputError(f"quiet {self.quiet}: must not be negative", "0 leaves spikes out of the loss")
        check_pruning(self.prune, self.prune_scope)
        if self.own and (self.quiet or self.prune):
            what = f"{'quiet' if self.quiet else 'prune'} for {self.model}: its layers are its own"
            raise InputError(what, "leave it out, and let its own forward or weights say it")
        check_bits(self.weight_bits, of_spikes=self.model == "scnn")
        if self.variants < 0:
            raise InputError(f"variants {self.variants}: must not be negative", "0 is no augmentation")
        encoder_of(self)  # which refuses what it cannot encode


def recipe_from(values: dict[str, Any], where: str) -> NetworkRecipe:
    """Read what `recipe_to` returned for one; ``where`` is the file an error names."""
    try:
        how = dict(values["augmentation"])
        how["noise_db"] = tuple(how["noise_db"])
        parts: dict[str, Any] = {"mel": LogMel(**values["mel"]), "augmentation": Augmentation(**how)}
        if "layout" in values or not is_named(values["model"]):
            layout = dict(values["layout"])
            layout["stages"] = tuple(Stage(**stage) for stage in layout["stages"])
            parts["layout"] = Layout(**layout)
        return replace(NetworkRecipe(), **{**values, **parts})
    except (KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{where}: not a recipe of this version ({error})", "train the model again") from None


def encoder_of(recipe: NetworkRecipe) -> Encoder:
    """Return the encoder of a recipe."""
    return Encoder(recipe.encoder, recipe.steps, recipe.levels, gain=recipe.gain, seed=recipe.seed)


def input_scale(recipe: NetworkRecipe) -> int:
    """Return what the integers on the wire are divided by to give what the network was trained on."""
    return highest(encoder_of(recipe)) if recipe.spiking else recipe.levels
