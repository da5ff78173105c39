"""Images to the tensors a network sees: encoded, in the model's order (T, b, ...), on its device."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn2hw.codec.encode import Encoder, encode, spike_table
from snn2hw.train.network_recipe import NetworkRecipe, encoder_of

__all__ = ["Feed", "feed_of"]


class Feed:
    """Called on images (b, bands, frames): (b, ...) for a CNN, (1, b, ...) if constant, (T, b, ...) for spikes."""

    def __init__(self, encoder: Encoder, *, spiking: bool, device: torch.device) -> None:
        self.encoder, self.spiking, self.device = encoder, spiking, device
        self.graded = encoder.kind == "direct" or not spiking
        tabled = not self.graded and encoder.kind != "poisson"
        self.table = torch.from_numpy(spike_table(encoder)).float().to(device) if tabled else None

    def __call__(self, images: NDArray[np.uint8], first: int = 0) -> Tensor:
        """Return the input; ``first`` numbers the first sample, for encoders that draw."""
        values = torch.from_numpy(np.ascontiguousarray(images)).to(self.device)[:, None]  # b 1 h w
        if self.graded:
            scaled = values.float() / self.encoder.levels
            return scaled[None] if self.spiking else scaled
        if self.table is not None:
            return self.table[values.long()].movedim(-1, 0).contiguous()
        drawn = torch.from_numpy(encode(images[:, None], self.encoder, first))
        return drawn.to(self.device).float().movedim(1, 0).contiguous()


def feed_of(recipe: NetworkRecipe, device: torch.device) -> Feed:
    """Return the feed of a recipe."""
    return Feed(encoder_of(recipe), spiking=recipe.spiking, device=device)
