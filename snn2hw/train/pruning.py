"""Pruning while training: the weights of least magnitude go to zero, more of them every epoch, and stay there.

    share(epoch) = S (1 - (1 - p)^3)        p: from 0 to 1 between two epochs        (Zhu and Gupta 2017)

A magnitude is that of the weight as it is deployed, with the normalisation behind it folded in: only so do weights of
two channels or of two layers mean the same. What is zero is of the least magnitude, so an epoch's masks follow from
its weights and nothing of them is stored: a run that was resumed prunes as one that was not.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from snn2hw.models.fold import norm_scale
from snn2hw.train.recipe import PruneScope

__all__ = ["Pruner", "last_pruned_epoch", "share_of", "with_norms"]

LinearMap = nn.Conv1d | nn.Conv2d | nn.Linear

BEGIN, END = 0.2, 0.6
"""Shares of the epochs before pruning begins, and until all is pruned: the rest is for what remains to recover."""


def last_pruned_epoch(epochs: int) -> int:
    """Return the epoch from whose start all that is asked for is pruned."""
    return max(1, round(END * epochs))


def share_of(epoch: int, epochs: int, share: float) -> float:
    """Return the share of weights that are zero in an epoch, counted from 1; prolonged runs stay where they were."""
    waits, last = int(BEGIN * epochs), last_pruned_epoch(epochs)
    done = min(max(epoch - waits, 0) / max(last - waits, 1), 1.0)
    return share if epoch >= last else share * (1 - (1 - done) ** 3)


class Pruner:
    """The masks of a network in training: `begin` every epoch, `hold` after every step.

    The network is a sequence of modules, or says itself which normalisation stands behind which linear map.
    """

    def __init__(self, model: nn.Module, share: float, scope: PruneScope, epochs: int) -> None:
        self.model, self.share, self.scope, self.epochs = model, share, scope, epochs
        self.last = last_pruned_epoch(epochs)
        self.masks: list[Tensor] = []

    def begin(self, epoch: int) -> None:
        """Choose what is zero in this epoch, and make it so."""
        share, scores = share_of(epoch, self.epochs, self.share), _magnitudes(self.model)
        # one order over all that is compared; a map's greatest weight comes last of all, or nothing would pass it
        for score in scores:
            score.view(-1)[score.argmax()] = torch.inf
        if self.scope == "layer":
            self.masks = [_without_least(score.view(-1), share).view_as(score) for score in scores]
        else:
            whole = _without_least(torch.cat([score.view(-1) for score in scores]), share)
            parts = torch.split(whole, [score.numel() for score in scores])
            self.masks = [part.view_as(score) for part, score in zip(parts, scores, strict=True)]
        self.hold()

    def hold(self) -> None:
        """Set to zero again what an optimiser has moved."""
        with torch.no_grad():
            for module, mask in zip(_maps(self.model), self.masks, strict=True):
                module.weight.mul_(mask)

    @property
    def pruned(self) -> float:
        """Return the share of all weights that are zero."""
        return sum(int((~mask).sum()) for mask in self.masks) / sum(mask.numel() for mask in self.masks)


def _maps(model: nn.Module) -> list[LinearMap]:
    return [linear for linear, _ in with_norms(model)]


def with_norms(model: nn.Module) -> Sequence[tuple[LinearMap, nn.Module]]:
    """Return every linear map in order, and the module that comes behind it."""
    told: Callable[[], Sequence[tuple[LinearMap, nn.Module]]] | None = getattr(model, "with_norms", None)
    if told is not None:
        return told()
    return [
        (module, after)
        for module, after in pairwise([*model.children(), nn.Identity()])
        if isinstance(module, LinearMap)
    ]


def _magnitudes(model: nn.Module) -> list[Tensor]:
    """Return, for every linear map in order, the magnitudes of its weights as they are deployed."""
    found: list[Tensor] = []
    for module, after in with_norms(model):
        score = module.weight.detach().abs().clone(memory_format=torch.contiguous_format)
        scale = norm_scale(after)
        if scale is not None:
            score *= scale.detach().abs().view(-1, *(1,) * (score.dim() - 1))
        found.append(score)
    return found


def _without_least(scores: Tensor, share: float) -> Tensor:
    """Return a mask that leaves out the share of least magnitude; of equal ones the first."""
    kept = torch.ones_like(scores, dtype=torch.bool)
    count = min(int(share * len(scores)), int(torch.isfinite(scores).sum()))
    kept[torch.argsort(scores, stable=True)[:count]] = False
    return kept
