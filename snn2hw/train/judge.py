"""What a network is worth on images it has not seen."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snn2hw.models.layout import map_synapses
from snn2hw.train.feed import Feed
from snn2hw.train.in_time import in_time
from snn2hw.train.recipe import Recipe

__all__ = ["TEMPERATURE", "Judgement", "forward", "judge", "logits", "spikes_per_synapse"]

TEMPERATURE = 4.0
"""A readout of one threshold is that many logits: a leaky mean of a few spikes is small beside what the loss wants."""

BATCH = 100


@dataclass(frozen=True, eq=False)
class Judgement:
    """Mean loss, share of right answers, and how often class i (row) was taken for class j."""

    loss: float
    accuracy: float
    confusion: NDArray[np.int64]


def forward(model: nn.Module, x: Tensor, recipe: Recipe, record: dict[int, Tensor] | None = None) -> Tensor:
    """Return the network's output: (b, classes) of a CNN, (T, b, classes) of a spiking network."""
    if recipe.model == "cnn":
        result: Tensor = model(x)
        return result
    return in_time(model, x, recipe.steps, record)


def spikes_per_synapse(record: dict[int, Tensor], recipe: Recipe, classes: int) -> Tensor:
    """Return the synops behind the spiking layers per synapse and inference: sum_l T rate_l synapses_l / sum synapses.

    Every layer's mean rate stands for all of its neurons, and a max pool of spikes for none.
    """
    synapses = map_synapses(recipe.layout, recipe.mel.bands, classes)
    behind = zip(record.values(), synapses[1:], strict=True)
    return sum((recipe.steps * s.mean() * n for s, n in behind), start=torch.zeros(())) / sum(synapses)


def logits(output: Tensor, recipe: Recipe) -> Tensor:
    """Return (b, classes): the decoded readout in units the loss understands."""
    if recipe.model == "cnn":
        return output
    match recipe.decoder:
        case "max":
            return TEMPERATURE * output.amax(0)
        case "last":
            return TEMPERATURE * output[-1]
        case "mean":
            return TEMPERATURE * output.mean(0)
        case "count":
            return TEMPERATURE / len(output) * output.sum(0)


def judge(
    model: nn.Module, feed: Feed, recipe: Recipe, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> Judgement:
    """Run the network, in eval mode, over images (n, bands, frames)."""
    model.eval()
    scores = []
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            x = feed(images[start : start + BATCH], start)
            scores.append(logits(forward(model, x, recipe), recipe).cpu())
    score, target = torch.cat(scores), torch.from_numpy(labels)
    confusion = np.zeros((score.shape[1],) * 2, dtype=np.int64)
    np.add.at(confusion, (labels, score.argmax(1).numpy()), 1)
    return Judgement(float(cross_entropy(score, target)), float(np.trace(confusion) / confusion.sum()), confusion)
