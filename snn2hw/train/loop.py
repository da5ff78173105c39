"""The training loop: epochs that a kill can interrupt anywhere at the cost of at most one of them.

One loop for everything that learns: a spiking network of real numbers, its ReLU twin, an integer program. What differs
is handed to it as a `Training`. Every epoch draws its numbers from (seed, epoch) alone, and the learning rate follows
from where the epoch lies, so a run that was resumed ends in the same weights, bit for bit, as one that was not.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snn2hw.train.batches import batches_of, rounds
from snn2hw.train.journal import rewrite_rows
from snn2hw.train.rates import Moment, RateSchedule
from snn2hw.train.recipe import Recipe
from snn2hw.train.run_state import RunFiles, RunState, begun, write_state

__all__ = ["Batch", "EpochRow", "Optimising", "Training", "train"]

FURTHER = 0.1
"""Peak of the rate in a course that prolongs a run, over that of the first: what was learnt is not shaken up again."""

EpochRow = dict[str, Any]


class Batch(NamedTuple):
    """What one step learns from: input, labels (b,), and what an objective needs besides, as a teacher's logits."""

    x: Tensor
    labels: Tensor
    answers: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Optimising:
    """An optimiser, the peak rate of each of its groups, and how rates go over a course."""

    optimizer: torch.optim.Optimizer
    peaks: tuple[float, ...]
    schedule: RateSchedule

    def set_rates(self, at: Moment, share: float) -> None:
        """Set the rates of one step, a share of what the schedule says."""
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"], beta = self.schedule(peak * share, at)
            if beta is not None:
                group["betas"] = (beta, *group["betas"][1:])


@dataclass(frozen=True, eq=False)
class Training:
    """What one training differs in from another, as data and functions.

    Args:
        model: what learns.
        optimising: by which optimiser, at which rates.
        objective: what is made small, from what the forward gives, the labels and a teacher's logits.
        labels: of the training samples.
        draw: makes the batch of some training samples; what is random in it comes from the generator.
        forward: from input to logits (b, classes), and what is added to the loss (None: nothing).
        judge: makes the validation part of a row from its training part, with the model as it is.
        keeps: from the earlier rows, this one, and the epoch kept so far: whether this epoch is kept in its place.
        begins: called with every epoch before its first step.
        stepped: called after every step of the optimiser.
        draws_inside: the forward draws too (dropout), so torch is seeded for every epoch.
        judged_first: the model as it comes is judged too, as epoch 0, and may be what is kept.
        least: samples that a batch needs.
        answers: the forward gives logits of classes, and how many are right is counted; else labels may be anything.
        steadied: how long a gradient may be: a longer one is shortened to that.
    """

    model: nn.Module
    optimising: Optimising
    objective: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    labels: NDArray[np.integer]
    draw: Callable[[NDArray[np.int64], np.random.Generator], Batch]
    forward: Callable[[Tensor], tuple[Tensor, Tensor | None]]
    judge: Callable[[EpochRow], EpochRow]
    keeps: Callable[[Sequence[EpochRow], EpochRow, int | None], bool]
    begins: Callable[[int], None] = lambda _: None
    stepped: Callable[[], None] = lambda: None
    draws_inside: bool = False
    judged_first: bool = False
    least: int = 1
    answers: bool = True
    steadied: float = float("inf")


def train(
    training: Training,
    recipe: Recipe,
    files: RunFiles | None,
    *,
    more_epochs: int = 0,
    on_epoch: Callable[[Mapping[str, Any]], object] | None = None,
) -> RunState:
    """Run every epoch that is not in ``files`` yet, and leave the model with the weights of the last one.

    A course that prolongs a finished run goes through the schedule once more, at a tenth of its peak.
    """
    with nullcontext() if files is None else files.held():
        state, values = begun(files, recipe.epochs, more_epochs, recipe.patience)
        if values:
            training.model.load_state_dict(values["weights"])
            training.optimising.optimizer.load_state_dict(values["optimizer"])
        if files is not None:
            rewrite_rows(files.journal, state.rows)
        if training.judged_first and not state.rows:
            _close(training, state, files, {"epoch": 0})
        while not state.finished(recipe.patience):
            started = time.monotonic()
            row = _epoch(training, recipe, state.epoch + 1, state.courses)
            _close(training, state, files, row, started)
            if on_epoch is not None:
                on_epoch(state.rows[-1])
    return state


def _close(
    training: Training, state: RunState, files: RunFiles | None, row: EpochRow, started: float | None = None
) -> None:
    """Judge an epoch, keep it if it is to be kept, and write the run down."""
    row |= training.judge(row)
    if started is not None:
        row["seconds"] = round(time.monotonic() - started, 3)
    if training.keeps(state.rows, row, state.best_epoch):
        state.best_epoch = int(row["epoch"])
        state.best_weights = {name: tensor.detach().clone() for name, tensor in training.model.state_dict().items()}
    state.rows.append(row)
    if files is not None:
        write_state(files, state, training.model.state_dict(), training.optimising.optimizer.state_dict())


def _epoch(training: Training, recipe: Recipe, epoch: int, courses: Sequence[range]) -> EpochRow:
    """Train one epoch; return the training part of its row."""
    random = np.random.default_rng((recipe.seed, epoch))
    if training.draws_inside:
        torch.manual_seed(int(random.integers(2**62)))
    training.begins(epoch)
    order = rounds(training.labels, random) if recipe.balanced else random.permutation(len(training.labels))
    batches = batches_of(order, recipe.batch, training.least)
    course = courses[-1]
    share = 1.0 if len(courses) == 1 else FURTHER
    total, right = 0.0, 0
    for index, chosen in enumerate(batches):
        training.optimising.set_rates(Moment(epoch - course.start, index, len(course), len(batches)), share)
        loss, hits = _step(training, training.draw(chosen, random))
        total, right = total + loss * len(chosen), right + hits
    seen = sum(map(len, batches))
    return {"epoch": epoch, "loss": total / seen} | ({"accuracy": right / seen} if training.answers else {})


def _step(training: Training, batch: Batch) -> tuple[float, int]:
    """Learn from one batch; return the loss and how many answers were right."""
    training.model.train()
    scores, price = training.forward(batch.x)
    loss = training.objective(scores, batch.labels, batch.answers)
    if price is not None:
        loss = loss + price
    optimizer = training.optimising.optimizer
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own is untyped
    if training.steadied < float("inf"):
        nn.utils.clip_grad_norm_(training.model.parameters(), training.steadied)
    optimizer.step()
    training.stepped()
    right = (scores.argmax(1) == batch.labels).sum() if training.answers else 0
    return float(loss.detach()), int(right)
