"""A max pool of windows of two that leaves no place out: on a side of odd length the first window holds one alone."""

from torch import Tensor, nn
from torch.nn.functional import max_pool2d

__all__ = ["WholePool"]


class WholePool(nn.MaxPool2d):
    """As `MaxPool2d(2, ceil_mode=True)`, but the short window is the first, which padding on both sides can say."""

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, input: Tensor) -> Tensor:  # torch's own name
        """Pool."""
        return max_pool2d(input, 2, padding=[side % 2 for side in input.shape[-2:]])
