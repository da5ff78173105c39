"""Which samples come when: the order of an epoch, and how often and how much a class counts in it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn2hw.train.recipe import ClassWeights

__all__ = ["batches_of", "class_weights", "count_of", "rounds"]

Indices = NDArray[np.int64]


def batches_of(order: Indices, size: int, least: int = 1) -> list[Indices]:
    """Return an order in parts of ``size``; a last one of fewer than ``least`` samples is left out if others remain."""
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return batches[:-1] if len(batches) > 1 and len(batches[-1]) < least else batches


def count_of(samples: int, size: int, least: int = 1) -> int:
    """Return how many batches `batches_of` makes of so many samples."""
    return len(batches_of(np.arange(samples), size, least))


def rounds(labels: NDArray[np.integer], random: np.random.Generator) -> Indices:
    """Return as many samples as there are, every class equally often (but for a remainder), in a random order.

    A class of few samples is gone through several times, each time in another order, before one of its samples comes
    once more than the others.
    """
    classes, share = np.unique(labels), -(-len(labels) // len(np.unique(labels)))
    drawn = [_repeated(np.flatnonzero(labels == c), share, random) for c in classes]
    order: Indices = np.stack(drawn, 1).ravel()[: len(labels)]  # the remainder falls on the last classes
    return random.permutation(order)


def _repeated(members: Indices, count: int, random: np.random.Generator) -> Indices:
    times = -(-count // len(members))
    return np.concatenate([random.permutation(members) for _ in range(times)])[:count]


def class_weights(labels: NDArray[np.integer], classes: int, kind: ClassWeights) -> NDArray[Any] | None:
    """Return the weight of every class in the loss, n / (k n_c), 1 on the average sample; None: all are equal.

    >>> class_weights(np.array([0, 0, 0, 1]), 2, "balanced").tolist()
    [0.6666666666666666, 2.0]
    """
    if kind == "none":
        return None
    counts = np.bincount(labels, minlength=classes)
    present = int((counts > 0).sum())
    return np.where(counts > 0, len(labels) / (present * np.maximum(counts, 1)), 1.0)
