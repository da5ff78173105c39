"""What a network of real numbers answers: one pass of a CNN, or all time steps of a spiking network, as logits."""

import torch
from torch import Tensor, nn

from snn2hw.models.layout import map_synapses
from snn2hw.train.in_time import in_time
from snn2hw.train.judge import decoded
from snn2hw.train.network_recipe import NetworkRecipe

__all__ = ["forward", "logits", "spikes_per_synapse"]


def forward(model: nn.Module, x: Tensor, recipe: NetworkRecipe, record: dict[int, Tensor] | None = None) -> Tensor:
    """Return the network's output: (b, classes) of a CNN, (T, b, classes) of a spiking network."""
    if recipe.model == "cnn":
        result: Tensor = model(x)
        return result
    return in_time(model, x, recipe.steps, record)


def logits(output: Tensor, recipe: NetworkRecipe) -> Tensor:
    """Return (b, classes): the decoded readout in units the loss understands."""
    if recipe.model == "cnn":
        return output
    scale = recipe.temperature / len(output) if recipe.decoder == "count" else recipe.temperature
    return scale * decoded(output, recipe.decoder)


def spikes_per_synapse(record: dict[int, Tensor], recipe: NetworkRecipe, classes: int) -> Tensor:
    """Return the synops behind the spiking layers per synapse and inference: sum_l T rate_l synapses_l / sum synapses.

    Every layer's mean rate stands for all of its neurons, and a max pool of spikes for none.
    """
    synapses = map_synapses(recipe.layout, recipe.mel.bands, classes)
    behind = zip(record.values(), synapses[1:], strict=True)
    return sum((recipe.steps * s.mean() * n for s, n in behind), start=torch.zeros(())) / sum(synapses)
