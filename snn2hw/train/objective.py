"""What a training makes small: the cross-entropy of the labels, and the divergence from a teacher's answers.

loss = (1 - w) CE(scores, labels) + w KL(softmax(answers) || softmax(scores))
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax

__all__ = ["Objective"]


@dataclass(frozen=True, eq=False)
class Objective:
    """Called on logits (b, classes), labels (b,) and, where there is a teacher, its logits (b, classes)."""

    teacher_weight: float = 0.0
    smoothing: float = 0.0
    class_weights: Tensor | None = None

    def __call__(self, scores: Tensor, labels: Tensor, answers: Tensor | None = None) -> Tensor:
        """Return the mean over the batch."""
        weights = None if self.class_weights is None else self.class_weights.to(scores)
        loss = cross_entropy(scores, labels, weight=weights, label_smoothing=self.smoothing)
        if answers is None or not self.teacher_weight:
            return loss
        apart = kl_div(log_softmax(scores, 1), softmax(answers.to(scores.dtype), 1), reduction="batchmean")
        return (1 - self.teacher_weight) * loss + self.teacher_weight * apart
