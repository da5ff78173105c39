"""What a streaming network looks at: how much each band of each frame speaks for a class.

    R[t, m] = x[t, m] * d(mean over steps of answer[class]) / d x[t, m]

For the spiking network the derivative goes through the surrogate that it was trained with; for a network of ReLUs it is
the derivative, or captum's integrated gradients from silence where that package is asked for, whose sum is exactly what
the sound adds to the answer.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sim.cures import install
from sim.errors import InputError, MissingToolError, UnsupportedError
from snn2hw.train.checkpoint import kept_weights, load_weights, read_checkpoint
from snn2hw.train.stream_fit import stream_model
from snn2hw.train.stream_recipe import StreamRecipe, stream_recipe_from

__all__ = ["METHODS", "read_stream", "relevance"]

METHODS = ("gradient", "integrated")
STEPS = 64
"""Points between silence and the sound."""


def read_stream(path: Path, classes: int) -> tuple[nn.Module, StreamRecipe]:
    """Return the trained network of a run of `snn2hw train ... --stream` (its model.pt or last.pt)."""
    values = read_checkpoint(path)
    recipe = stream_recipe_from(values["recipe"], str(path))
    model = stream_model(recipe, classes)
    load_weights(model, kept_weights(values, str(path)), str(path))
    return model.eval(), recipe


def relevance(
    model: nn.Module, recipe: StreamRecipe, messages: NDArray[np.integer], chosen: int, method: str = "gradient"
) -> NDArray[np.float32]:
    """Return R of one clip of messages (frames, bands), of the same shape."""
    if method not in METHODS:
        raise InputError(f"there is no method {method!r}", f"choose {' or '.join(METHODS)}")
    x = torch.from_numpy((messages * (recipe.front.step_db / recipe.unit_db)).astype(np.float32))[None]

    def answer(inputs: Tensor) -> Tensor:
        total: Tensor = model(inputs).mean(1)
        return total

    if method == "integrated":
        if recipe.model == "snn":
            raise UnsupportedError("integrated gradients of spikes: a step has none", "use the method gradient")
        found: Tensor = _captum()(answer).attribute(x, target=chosen, n_steps=STEPS)
    else:
        (slope,) = torch.autograd.grad(answer(x.requires_grad_(True))[0, chosen], x)
        found = slope * x
    picture: NDArray[np.float32] = found.detach().numpy()[0]
    return picture


def _captum() -> Any:
    try:
        from captum.attr import IntegratedGradients
    except ImportError:
        raise MissingToolError("integrated gradients are computed by captum", install("captum")) from None
    return IntegratedGradients
