"""The network of another run of a published pair, twin or not, as a teacher: it hears what its pupil hears."""

from pathlib import Path

import torch
from torch import Tensor

from sim.errors import InputError
from snn2hw.train.pair_fit import PairTeacher, pair_scores
from snn2hw.train.pair_recipe import PairRecipe
from snn2hw.train.pairs import WAVES
from snn2hw.train.run_model import read_run_model

__all__ = ["read_pair_teacher"]


def read_pair_teacher(path: Path, recipe: PairRecipe, shape: tuple[int, ...], classes: tuple[str, ...]) -> PairTeacher:
    """Return the model.pt of a published pair as a teacher; one of other classes or other clips is refused."""
    trained = read_run_model(path)
    if trained.kind != "published pair":
        fix = "use the model.pt of a published pair"
        raise InputError(f"{path}: the teacher of a published pair is one too, not a {trained.kind}", fix)
    if trained.classes != classes:
        what = f"{path}: the teacher knows the classes {', '.join(trained.classes)}, not {', '.join(classes)}"
        raise InputError(what, "use one trained on the same classes")
    theirs: PairRecipe = trained.recipe
    if (trained.shape, _heard(theirs)) != (shape, _heard(recipe)):
        what = f"{path}: the teacher hears {_said(trained.shape, theirs)}, not {_said(shape, recipe)}"
        raise InputError(what, "use one trained with the same --seconds and --rate-hz, on waves or pictures as this is")
    model = trained.model

    def answers(x: Tensor) -> Tensor:
        with torch.no_grad():
            return pair_scores(model, theirs, x)

    return answers


def _heard(recipe: PairRecipe) -> object:
    return recipe.spectra.rate_hz if recipe.network in WAVES else recipe.spectra


def _said(shape: tuple[int, ...], recipe: PairRecipe) -> str:
    return f"clips of {'x'.join(map(str, shape))} at {recipe.spectra.rate_hz} Hz"
