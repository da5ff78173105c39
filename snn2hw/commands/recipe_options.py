"""The options that every verb which trains has: one for each field of its recipe, which holds the one default of it."""

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn2hw.train.recipe import Recipe

__all__ = ["OF_CLIPS", "SHARED", "configure_shared", "given_of", "recipe_option", "weight_bits_of_training"]

SHARED = ("epochs", "batch", "rate", "decoder", "validation", "seed", "teacher_weight", "class_weights", "balanced")
"""Fields of a `Recipe` that both verbs offer."""
OF_CLIPS = (*(field for field in SHARED if field != "decoder"), "weight_bits")
"""Fields that streams and published pairs take from the options: nothing decides over time, so there is no decoder."""


def recipe_option(group: Any, usual: "Recipe", field: str, what: str, metavar: str | None = None, **more: Any) -> None:
    """Declare the option of a recipe's field: not given, it leaves the field as it is; its kind is the default's."""
    default = getattr(usual, field)
    shown = f"{default:g}" if isinstance(default, float) else str(default)
    flags = more.pop("flags", (f"--{field.replace('_', '-')}",))
    if "choices" not in more:
        more["metavar"] = metavar
    kind = more.pop("type", type(default))
    group.add_argument(*flags, dest=field, type=kind, help=f"{what} (default: {more.pop('shown', shown)})", **more)


def configure_shared(group: Any, usual: "Recipe") -> None:
    """Declare what the two verbs say in the same words."""
    from snn2hw.train.recipe import CLASS_WEIGHTS

    recipe_option(group, usual, "batch", "samples of one step of the optimiser")
    what = "how much a class weighs in the loss; balanced: by one over its samples"
    recipe_option(group, usual, "class_weights", what, choices=CLASS_WEIGHTS)
    group.add_argument(
        "--balanced", action="store_true", default=None, help="draw every class equally often (default: as they come)"
    )
    group.add_argument(
        "--more-epochs",
        type=int,
        default=0,
        metavar="N",
        help="prolong the finished run by so many epochs, given with the options it had",
    )


def weight_bits_of_training(group: Any, usual: "Recipe") -> None:
    """Declare in how many bits a spiking network is trained."""
    from snn2hw.commands.compile import bits_option

    what = "2..8 or ternary, of every weight in every forward pass, as the program then has them"
    recipe_option(group, usual, "weight_bits", what, "N", type=bits_option, shown="none, real numbers")


def given_of(args: argparse.Namespace, fields: Iterable[str]) -> dict[str, Any]:
    """Return those of the fields of a recipe that were given."""
    return {name: value for name in fields if (value := getattr(args, name)) is not None}
