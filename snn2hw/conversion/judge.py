"""How much a converted network loses, by the number of steps it gets."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snn2hw.conversion import Conversion, in_steps
from snn2hw.network.float_reference import float_reference

__all__ = ["StepAccuracy", "judge"]

BATCH = 20


@dataclass(frozen=True)
class StepAccuracy:
    """Accuracy of the network of ReLUs; per number of steps, accuracy and agreement of the spiking one."""

    samples: int
    ann: float
    rows: tuple[tuple[int, float, float], ...]

    def accuracy(self, steps: int) -> float:
        """Return the spiking network's accuracy after ``steps`` steps."""
        return next(right for t, right, _ in self.rows if t == steps)


def judge(
    made: Conversion,
    samples: ArrayLike,
    labels: ArrayLike,
    steps: int = 64,
    progress: AbstractContextManager[Callable[[int], object]] | None = None,
) -> StepAccuracy:
    """Run the spiking network in floats for ``steps`` steps and read it after 1, 2, 4, ... and after the last."""
    x, truth = np.asarray(samples, np.float64), np.asarray(labels)
    before = made.outputs(x).argmax(1)
    read_at = sorted({2**k for k in range(steps.bit_length()) if 2**k <= steps} | {steps})
    said: list[NDArray[np.int64]] = []
    with progress or nullcontext(lambda done: None) as advance:
        for start in range(0, len(x), BATCH):
            output = float_reference(made.source, in_steps(x[start : start + BATCH], steps), record=()).output
            said.append(output[:, [t - 1 for t in read_at]].argmax(2))
            advance(len(output))
    after = np.concatenate(said)  # n steps
    rows = [
        (t, float((row == truth).mean()), float((row == before).mean()))
        for t, row in zip(read_at, after.T, strict=True)
    ]
    return StepAccuracy(len(x), float((before == truth).mean()), tuple(rows))
