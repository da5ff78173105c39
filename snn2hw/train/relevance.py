"""What a network looks at: how much each value of its input speaks for a class.

    R[t, m] = x[t, m] * d answer[class] / d x[t, m]

The answer of a streaming network is its mean over the steps; that of a network of images is what its decoder makes of
its readout, and what is fed at several steps is summed over them. For a spiking network the derivative goes through the
surrogate that it was trained with; for a network of ReLUs it is the derivative, or captum's integrated gradients from
silence where that package is asked for, whose sum is exactly what the sound adds to the answer.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sim.cures import install
from sim.errors import InputError, MissingToolError, UnsupportedError
from snn2hw.train.answers import forward, logits
from snn2hw.train.checkpoint import kept_weights, load_weights, read_checkpoint
from snn2hw.train.feed import feed_of
from snn2hw.train.network_recipe import NetworkRecipe
from snn2hw.train.stream_fit import stream_model
from snn2hw.train.stream_recipe import StreamRecipe, stream_recipe_from

__all__ = ["METHODS", "image_answer", "image_relevance", "read_stream", "relevance"]

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
    x = torch.from_numpy((messages * (recipe.front.step_db / recipe.unit_db)).astype(np.float32))[None]
    found = _attributed(lambda inputs: model(inputs).mean(1), x, chosen, method, spiking=recipe.spiking)
    alone: NDArray[np.float32] = found[0]
    return alone


def image_relevance(
    model: nn.Module, recipe: NetworkRecipe, image: NDArray[np.uint8], chosen: int, method: str = "gradient"
) -> NDArray[np.float32]:
    """Return R of one image of integers (bands, frames), of the same shape; spikes are summed over the steps."""
    x = _fed(recipe, image)
    found = _attributed(lambda inputs: _read(model, recipe, inputs), x, chosen, method, spiking=recipe.spiking)
    summed: NDArray[np.float32] = found.reshape(-1, *image.shape).sum(0)
    return summed


def image_answer(model: nn.Module, recipe: NetworkRecipe, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what the network answers to one image of integers (bands, frames)."""
    with torch.no_grad():
        answer: NDArray[np.float32] = _read(model, recipe, _fed(recipe, image)).numpy()[0]
    return answer


def _fed(recipe: NetworkRecipe, image: NDArray[np.uint8]) -> Tensor:
    return feed_of(recipe, torch.device("cpu"))(image[None])


def _read(model: nn.Module, recipe: NetworkRecipe, x: Tensor) -> Tensor:
    return logits(forward(model, x, recipe), recipe)


def _attributed(
    answer: Callable[[Tensor], Tensor], x: Tensor, chosen: int, method: str, *, spiking: bool
) -> NDArray[np.float32]:
    """Return R of an input of one sample, whose answers are (1, classes)."""
    if method not in METHODS:
        raise InputError(f"there is no method {method!r}", f"choose {' or '.join(METHODS)}")
    if method == "integrated":
        if spiking:
            raise UnsupportedError("integrated gradients of spikes: a step has none", "use the method gradient")
        found: Tensor = _captum()(answer).attribute(x, target=chosen, n_steps=STEPS)
    else:
        (slope,) = torch.autograd.grad(answer(x.requires_grad_(True))[0, chosen], x)
        found = slope * x
    picture: NDArray[np.float32] = found.detach().numpy()
    return picture


def _captum() -> Any:
    try:
        from captum.attr import IntegratedGradients
    except ImportError:
        raise MissingToolError("integrated gradients are computed by captum", install("captum")) from None
    return IntegratedGradients
