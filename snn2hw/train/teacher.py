"""A trained model whose answers a network learns beside the labels: distillation."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.errors import InputError
from snn2hw.codec.encode import encode
from snn2hw.train.answers import forward, logits
from snn2hw.train.checkpoint import Trained
from snn2hw.train.feed import feed_of
from snn2hw.train.network_recipe import NetworkRecipe, encoder_of

if TYPE_CHECKING:
    from snn2hw.sources import Source

__all__ = ["Teacher", "source_teacher", "trained_teacher"]

Teacher = Callable[[NDArray[np.uint8], int], Tensor]
"""From images (b, bands, frames), and the number of the first for encoders that draw, to logits (b, classes)."""


def trained_teacher(trained: Trained, recipe: NetworkRecipe, classes: tuple[str, ...], device: torch.device) -> Teacher:
    """Return a network of `snn2hw train`, of either kind and any size, that sees the same images as its pupil."""
    theirs = trained.recipe
    if (theirs.mel, theirs.levels) != (recipe.mel, recipe.levels):
        raise InputError("the teacher sees other images (mel or levels)", "use one trained with the same")
    if trained.front.classes != classes:
        what = f"the teacher knows the classes {', '.join(trained.front.classes)}, not {', '.join(classes)}"
        raise InputError(what, "use one trained on the same classes")
    model, feed = trained.model.to(device).eval(), feed_of(theirs, device)

    def answers(images: NDArray[np.uint8], first: int) -> Tensor:
        with torch.no_grad():
            return logits(forward(model, feed(images, first), theirs), theirs)

    return answers


def source_teacher(source: "Source", recipe: NetworkRecipe, classes: int, device: torch.device) -> Teacher:
    """Return any float network that reads the pupil's rasters; the float reference computes it, which takes longer."""
    from snn2hw.compiler.answers import float_answers
    from snn2hw.network.lowering import network_of

    side = (1, recipe.mel.bands, recipe.mel.frames)
    if tuple(source.input_shape) != side:
        raise InputError(f"the teacher reads {tuple(source.input_shape)}, not {side}", "use one that reads the images")
    encoder, network = encoder_of(recipe), network_of(source)

    def answers(images: NDArray[np.uint8], first: int) -> Tensor:
        found = float_answers(network, encode(images[:, None], encoder, first), recipe.decoder)
        if found.shape[1] != classes:
            raise InputError(f"the teacher has {found.shape[1]} answers for {classes} classes", "use another")
        return torch.from_numpy(found).to(device) * recipe.temperature

    return answers
