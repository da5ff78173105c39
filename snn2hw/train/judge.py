"""What a network or a program is worth on samples it has not learnt from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn2hw.codec.decode import Decoder
from snn2hw.train.objective import Objective

__all__ = ["Judged", "confused", "decoded", "judge"]


@dataclass(frozen=True, eq=False)
class Judged:
    """Mean loss, share of right answers, and how often class i (row) was taken for class j."""

    loss: float
    accuracy: float
    confusion: NDArray[np.int64]


def judge(
    scores_of: Callable[[slice], Tensor],
    labels: NDArray[np.integer],
    objective: Objective,
    *,
    answers: Tensor | None = None,
    at_once: int,
    mean_of_parts: bool = False,
) -> Judged:
    """Judge the logits of samples that ``scores_of`` computes for a part of them, ``at_once`` of them at most.

    ``answers`` are a teacher's logits. The loss is that of all samples, or the mean of the parts' losses: the same
    but for the last bits, which the journals of old runs hold.
    """
    parts = [slice(start, min(start + at_once, len(labels))) for start in range(0, len(labels), at_once)]
    with torch.no_grad():
        scores = torch.cat([scores_of(part).cpu() for part in parts])
        target = torch.from_numpy(labels.astype(np.int64))
        losses = [
            (
                float(objective(scores[part], target[part], None if answers is None else answers[part])),
                len(target[part]),
            )
            for part in (parts if mean_of_parts else [slice(0, len(labels))])
        ]
    loss = sum(loss * count for loss, count in losses) / len(labels) if mean_of_parts else losses[0][0]
    confusion = confused(target.numpy(), scores.argmax(1).numpy(), scores.shape[1])
    return Judged(loss, float(np.trace(confusion) / confusion.sum()), confusion)


def confused(labels: NDArray[np.integer], understood: NDArray[np.integer], classes: int) -> NDArray[np.int64]:
    """Return how often class i (row) was taken for class j.

    >>> confused(np.array([0, 1, 1]), np.array([0, 1, 0]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (labels, understood), 1)
    return counts


def decoded(output: Tensor, decoder: Decoder) -> Tensor:
    """Return (b, classes) of an output (T, b, classes), as `snn2hw.codec.decode` does."""
    match decoder:
        case "max":
            return output.amax(0)
        case "last":
            return output[-1]
        case "mean":
            return output.mean(0)
        case "count":
            return output.sum(0)
