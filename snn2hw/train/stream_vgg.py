"""A network of images of sound in the manner of VGG: wide, not causal, of ReLUs. It teaches streaming networks.

Three times conv 3 x 3, normalisation, ReLU, max pool 2; one more without the pool; the mean over time; a linear map.
"""

from torch import Tensor, nn

__all__ = ["SoundVgg"]

CHANNELS = 32
DROPOUT = 0.3
TEMPERATURE = 4.0
"""Answers are over this, as those of a streaming network: recipes multiply by it."""


class SoundVgg(nn.Module):
    """Called on (b, T, bands) it returns one answer for the whole, (b, 1, classes)."""

    def __init__(self, bands: int, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for after in (CHANNELS, 2 * CHANNELS, 4 * CHANNELS):
            layers += [*_conv(before, after), nn.MaxPool2d(2)]
            before = after
        self.features = nn.Sequential(*layers, *_conv(before, before))
        self.dropout = nn.Dropout(DROPOUT)
        self.answer = nn.Linear(before * (bands // 8), classes)

    def forward(self, x: Tensor) -> Tensor:
        """Look at the whole image."""
        y = self.features(x[:, None]).mean(2).flatten(1)
        answers: Tensor = self.answer(self.dropout(y))[:, None] / TEMPERATURE
        return answers


def _conv(before: int, after: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
