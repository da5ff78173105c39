"""How large a network in training is: what is told of it, and what its memory is reckoned from."""

from dataclasses import dataclass

from snn2hw.models.layout import map_weights, neurons, synapses
from snn2hw.train.network_recipe import NetworkRecipe

__all__ = ["NetworkSize", "size_of"]


@dataclass(frozen=True)
class NetworkSize:
    """Neurons and unrolled synapses on the chip, and the numbers that are learnt."""

    neurons: int
    synapses: int
    weights: int


def size_of(recipe: NetworkRecipe, classes: int) -> NetworkSize:
    """Return the size of a network of ours; of one's own nothing is known before it is read."""
    if recipe.own:
        return NetworkSize(0, 0, 0)
    layout, side = recipe.layout, recipe.mel.bands
    weights = sum(map_weights(layout, side, classes))
    return NetworkSize(neurons(layout, side, classes), synapses(layout, side, classes), weights)
