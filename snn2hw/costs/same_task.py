"""Whether two networks were asked the same, and how well each answers: without that, costs decide nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SameTask", "judge_task"]

Labels = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class SameTask:
    """The accuracies of both; ``unknown`` says what keeps us from knowing that both do the same task."""

    samples: int
    snn_accuracy: float | None
    ann_accuracy: float | None
    unknown: str | None

    def __str__(self) -> str:
        """Say it in one line."""
        if self.unknown is not None:
            return f"not known to do the same task: {self.unknown}"
        return (
            f"both do the same task on {self.samples} samples: the SNN is right on {self.snn_accuracy:.2%}, "
            f"the ANN on {self.ann_accuracy:.2%}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {**vars(self), "says": str(self)}


def judge_task(
    ours: tuple[Labels | None, float | None], theirs: tuple[Labels | None, float | None], outputs: tuple[int, int]
) -> SameTask:
    """Judge from the labels and the accuracy of the SNN, of the ANN, and the number of their outputs."""
    (labels, right), (ann_labels, ann_right) = ours, theirs
    return SameTask(
        samples=0 if labels is None else len(labels),
        snn_accuracy=right,
        ann_accuracy=ann_right,
        unknown=_unknown(labels, ann_labels, outputs),
    )


def _unknown(labels: Labels | None, ann_labels: Labels | None, outputs: tuple[int, int]) -> str | None:
    if labels is None:
        return "the raster has no labels"
    if ann_labels is None:
        return "the ANN's samples have no labels"
    if outputs[0] != outputs[1]:
        return f"the SNN has {outputs[0]} outputs, the ANN {outputs[1]}"
    if labels.shape != ann_labels.shape:
        return f"{len(labels)} labelled samples for the SNN, {len(ann_labels)} for the ANN"
    if not np.array_equal(labels, ann_labels):
        return f"{int((labels != ann_labels).sum())} of {len(labels)} labels differ: they were asked different things"
    return None
