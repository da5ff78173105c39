"""Normalisation re-estimated over the training set, as a spiking network needs before it is folded.

The running averages a spiking net collects while it trains belong to weights it no longer has, and a small shift in
them moves whole layers across their threshold. So every layer is measured again, in order, each behind layers that
already use their final statistics.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["reestimate"]


def reestimate(model: nn.Module, forward: Callable[[Tensor], Tensor], batches: Callable[[], Iterable[Tensor]]) -> None:
    """Average the statistics of every normalisation layer of ``model`` over ``batches()``; leave it in eval mode."""
    model.eval()
    norms: list[Any] = [module for module in model.modules() if hasattr(module, "reset_running_stats")]
    for norm in norms:
        momentum, norm.momentum = norm.momentum, None  # None: the plain average over all batches
        norm.reset_running_stats()
        norm.train()
        with torch.no_grad():
            for batch in batches():
                forward(batch)
        norm.eval()
        norm.momentum = momentum
