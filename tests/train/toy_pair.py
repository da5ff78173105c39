"""Published pairs that are small enough for short tones, and their recipes."""

from snn2hw.train.pair_recipe import PairRecipe

__all__ = ["WIDTHS", "pair_recipe"]

WIDTHS = {
    "m5": 1 / 32,
    "piczak": 1 / 40,
    "hjh": 0.5,
    "hjh-hybrid": 0.5,
    "tcy": 1.0,
    "esc-vgg": 1 / 4,
    "extractor": 1 / 32,
}


def pair_recipe(network: str, **change) -> PairRecipe:
    """Return the recipe of one epoch over `short_corpus`, with what is changed of it."""
    usual = {"network": network, "width": WIDTHS[network], "epochs": 1, "batch": 16, "seconds": 0.4}
    return PairRecipe(**(usual | change))
