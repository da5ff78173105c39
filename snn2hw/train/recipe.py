"""What a training is: every choice that decides its result. No torch."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, get_args

from sim.errors import InputError
from snn2hw.codec.decode import Decoder
from snn2hw.compiler.options import Bits

__all__ = [
    "CLASS_WEIGHTS",
    "Bits",
    "ClassWeights",
    "PruneScope",
    "Recipe",
    "check_bits",
    "check_pruning",
    "recipe_to",
    "without_later",
]

ClassWeights = Literal["none", "balanced"]
CLASS_WEIGHTS: tuple[ClassWeights, ...] = get_args(ClassWeights)
PruneScope = Literal["layer", "global"]
"""Among which weights the least are sought: those of a layer, or of the whole network."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What every training has, whether a network of real numbers is trained or an integer program is tuned.

    Args:
        epochs: passes over the training samples.
        patience: epochs without a better one before it stops; None: it never does.
        batch: samples of one step of the optimiser.
        rate: peak of the learning rate.
        seed: of everything that is drawn: each epoch draws from (seed, epoch) alone.
        validation: share of the samples that chooses the epoch which is kept.
        decoder: how the output over time becomes one score per class.
        temperature: logits per volt (threshold) of the output: a leaky mean of a few spikes is small beside what the
            loss wants.
        teacher_weight: of the divergence from a teacher's answers in the loss; the labels have the rest.
        class_weights: "balanced": a class weighs in the loss by one over its samples.
        balanced: every class is drawn equally often in an epoch.
    """

    epochs: int = 20
    patience: int | None = None
    batch: int = 64
    rate: float | None = None
    seed: int = 0
    validation: float = 0.1
    decoder: Decoder = "mean"
    temperature: float = 4.0
    teacher_weight: float = 0.5
    class_weights: ClassWeights = "none"
    balanced: bool = False

    LATER: ClassVar[frozenset[str]] = frozenset({"class_weights", "balanced"})
    """Fields that older files do not have: at their default they enter no file, so that one recipe has one form."""
    FILED: ClassVar[Mapping[str, str]] = {}
    """Names that differ in files."""

    @property
    def silent(self) -> frozenset[str]:
        """Return the fields that say nothing of this recipe, and enter no file."""
        return frozenset()

    def parts_to(self) -> dict[str, Any]:
        """Return the parts that have a form of their own in files."""
        return {}

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} {value}: must be at least 1", "ask for one or more")
        if self.rate is not None and not 0 < self.rate < float("inf"):
            raise InputError(f"rate {self.rate}: must be positive", "leave it out for the usual one")
        if not 0 <= self.validation < 1 or not 0 <= self.teacher_weight <= 1:
            what = f"validation {self.validation}, teacher_weight {self.teacher_weight}"
            raise InputError(what, "use shares between 0 and 1")
        if not 0 < self.temperature < float("inf"):
            raise InputError(f"temperature {self.temperature}: must be positive", "4 is usual")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed {self.seed}: out of range", "use a whole number from 0 to 2^63 - 1")
        if self.class_weights not in CLASS_WEIGHTS:
            raise InputError(f"class_weights {self.class_weights!r}", f"choose one of {', '.join(CLASS_WEIGHTS)}")


def check_bits(bits: Bits | None, *, of_spikes: bool) -> None:
    """Refuse bits that no chip's weights have, and those of a network that does not become a program of them."""
    if bits is None:
        return
    if bits != "ternary" and not (isinstance(bits, int) and 2 <= bits <= 8):
        raise InputError(f"weight_bits {bits!r}", "give 2 to 8, or ternary")
    if not of_spikes:
        what = f"weight_bits {bits}: only our spiking networks are trained in few bits"
        raise InputError(what, "leave it out; `snn2hw tune` and `snn2hw ann` have bits of their own")


def check_pruning(share: float, scope: PruneScope) -> None:
    """Refuse a share of weights that cannot be left out, and a scope that is none."""
    if not 0 <= share < 1:
        raise InputError(f"prune {share}: must be a share from 0 to below 1", "0 leaves all weights")
    if scope not in get_args(PruneScope):
        raise InputError(f"prune_scope {scope!r}", f"choose {' or '.join(get_args(PruneScope))}")


def without_later(part: Any) -> dict[str, Any]:
    """Return the fields of a part, without those of its ``LATER`` that are at their default."""
    usual = asdict(type(part)())
    return {n: v for n, v in asdict(part).items() if n not in part.LATER or v != usual[n]}


def recipe_to(recipe: Recipe) -> dict[str, Any]:
    """Return plain JSON values: what checkpoints, summaries and records hold."""
    kept = {n: v for n, v in without_later(recipe).items() if n not in recipe.silent} | recipe.parts_to()
    values: dict[str, Any] = json.loads(json.dumps({recipe.FILED.get(n, n): v for n, v in kept.items()}))
    return values
