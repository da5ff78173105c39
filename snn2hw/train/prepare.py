"""From a corpus and a recipe to the images a run needs."""

from collections.abc import Callable
from dataclasses import replace

from sim.errors import InputError
from snn2hw.audio.corpus import Corpus, Split, holdout, parted
from snn2hw.audio.features import Features, features
from snn2hw.train.network_recipe import NetworkRecipe

__all__ = ["made_for", "prepare", "split_of"]


def split_of(corpus: Corpus, recipe: NetworkRecipe) -> Split:
    """Return a recipe's split, of which the training part gives the clips to validate on."""
    whole = parted(corpus, recipe.test_speaker, recipe.test_fold)
    split = holdout(corpus, whole, recipe.validation, recipe.seed)
    if not split.validate.size:
        raise InputError("nothing to validate on", "give a validation fraction above 0")
    return split


def made_for(recipe: NetworkRecipe, corpus: Corpus) -> NetworkRecipe:
    """Return the recipe for what a corpus holds: sounds, or pictures of spectrograms."""
    return replace(recipe, mel=replace(recipe.mel, pictures=corpus.pictures))


def prepare(corpus: Corpus, recipe: NetworkRecipe, progress: Callable[[int, int], None] | None = None) -> Features:
    """Compute or fetch the images of a recipe."""
    if corpus.rate_hz != recipe.mel.rate_hz:
        raise InputError(f"corpus at {corpus.rate_hz} Hz, features at {recipe.mel.rate_hz} Hz", "use one rate")
    return features(
        corpus,
        split_of(corpus, recipe),
        recipe.mel,
        levels=recipe.levels,
        variants=recipe.variants,
        how=recipe.augmentation,
        progress=progress,
    )
