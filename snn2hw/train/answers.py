"""What a network of real numbers answers: one pass of a CNN, or all time steps of a spiking network, as logits."""

import torch
from torch import Tensor, nn

from snn2hw.models.layout import map_synapses
from snn2hw.train.in_time import in_time
from snn2hw.train.judge import decoded
from snn2hw.train.network_recipe import NetworkRecipe
from snn2hw.train.own_network import outputs_of

__all__ = ["forward", "logits", "products_per_synapse"]


def forward(model: nn.Module, x: Tensor, recipe: NetworkRecipe, record: dict[int, Tensor] | None = None) -> Tensor:
    """Return the network's output: (b, classes) of a CNN, (T, b, classes) of a spiking network.

    ``record`` receives what every layer of neurons or of ReLUs sends on, under its index; not of a module of one's own.
    """
    if recipe.model == "cnn":
        for index, module in enumerate(model.children()):
            x = module(x)
            if record is not None and isinstance(module, nn.ReLU):
                record[index] = x
        return x
    if recipe.own:
        return outputs_of(model, x, recipe.steps, recipe.called)
    return in_time(model, x, recipe.steps, record)


def logits(output: Tensor, recipe: NetworkRecipe) -> Tensor:
    """Return (b, classes): the decoded readout in units the loss understands."""
    if recipe.model == "cnn":
        return output
    scale = recipe.temperature / len(output) if recipe.decoder == "count" else recipe.temperature
    return scale * decoded(output, recipe.decoder)


def products_per_synapse(record: dict[int, Tensor], recipe: NetworkRecipe, classes: int) -> Tensor:
    """Return the products behind the layers of ``record`` per synapse and inference: sum_l T a_l n_l / sum_l n_l.

    a_l stands for the share of a layer's values that are not zero, and n_l for the synapses behind it: as if none were
    pruned, and a max pool were none. Of values x it is (sum x)^2 / (n sum x^2): the rate of spikes, and of values that
    are graded a share that their size does not change and that has a slope (Hoyer 2004).
    """
    synapses = map_synapses(recipe.layout, recipe.mel.bands, classes)
    steps = 1 if recipe.model == "cnn" else recipe.steps
    behind = zip(record.values(), synapses[1:], strict=True)
    shares = [(_share_active(x) if recipe.model == "cnn" else x.mean()) * n for x, n in behind]
    return sum((steps * share for share in shares), start=torch.zeros(())) / sum(synapses)


def _share_active(x: Tensor) -> Tensor:
    """Return (sum x)^2 / (n sum x^2) of values that are not negative."""
    return x.sum().square() / (x.numel() * x.square().sum()).clamp_min(torch.finfo(x.dtype).tiny)
