"""Training a network on spoken words: the loop's `Training` for it, and what is left when it has run."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snn2hw.audio.augment import masked, shifted
from snn2hw.audio.features import Features, Labelled
from snn2hw.audio.front import FrontEnd, to_json
from snn2hw.sources.named_module import trust
from snn2hw.train.answers import forward, logits, products_per_synapse
from snn2hw.train.batches import class_weights
from snn2hw.train.checkpoint import SCHEMA, build, load_weights, read_checkpoint, write_checkpoint
from snn2hw.train.feed import feed_of
from snn2hw.train.grid_epochs import begun_on_grid
from snn2hw.train.judge import Judged, judge
from snn2hw.train.loop import Batch, EpochRow, Optimising, Training, train
from snn2hw.train.network_recipe import NetworkRecipe, encoder_of
from snn2hw.train.objective import Objective
from snn2hw.train.on_grid import settle_grids
from snn2hw.train.own_network import decaying
from snn2hw.train.pruning import Pruner
from snn2hw.train.rates import one_cycle
from snn2hw.train.recipe import recipe_to
from snn2hw.train.reestimate import reestimate
from snn2hw.train.run_state import RunFiles, RunState
from snn2hw.train.teacher import Teacher

__all__ = ["Finished", "fit", "standard_error"]

GLANCE = 512
"""Training images that the normalisation is re-estimated on before an epoch is judged; at the end it is all of them."""

AT_ONCE = 100
"""Images that are judged in one pass."""


@dataclass(frozen=True, eq=False)
class Finished:
    """What a run leaves: the checkpoint, its accuracies, the confusion on the test part, and a row per epoch."""

    checkpoint: Path
    accuracy: dict[str, float]
    confusion: NDArray[np.int64]
    rows: tuple[EpochRow, ...]


@dataclass(frozen=True, eq=False)
class _Network:
    """A network in training, with its images and where they are computed."""

    model: nn.Module
    recipe: NetworkRecipe
    data: Features
    device: torch.device


def fit(
    recipe: NetworkRecipe,
    data: Features,
    classes: tuple[str, ...],
    folder: Path,
    *,
    device: torch.device,
    start: Mapping[str, Tensor] | None = None,
    teacher: Teacher | None = None,
    task: str | None = None,
    **running: Any,
) -> Finished:
    """Train in ``folder``, from its last checkpoint if any; write ``model.pt`` with the weights of the epoch it keeps.

    That is the last epoch whose validation accuracy lies within one standard error of the highest: among epochs that a
    small validation part cannot tell apart, the one with the lowest learning rate.

    Args:
        recipe: how.
        data: the images and labels of all three parts.
        classes: their names.
        folder: where the run lives.
        device: where torch computes.
        start: weights to begin with; drawn from the seed unless given.
        teacher: whose answers are learnt beside the labels.
        task: what is learnt from what, in words, for whoever gets the network.
        running: ``more_epochs`` and ``on_epoch``, as for `snn2hw.train.loop.train`.
    """
    if recipe.own:
        trust(recipe.model)  # who trains it named it
    torch.manual_seed(recipe.seed)
    model = build(recipe, len(classes)).to(device)
    if start is not None:
        load_weights(model, start, "the checkpoint to start from")
    if not recipe.own:  # its forward may look at how values lie in memory
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # convolves twice as fast
    network = _Network(model, recipe, data, device)
    state = train(_training(network, len(classes), teacher), recipe, _files(folder, recipe, classes), **running)
    return _finish(network, state, classes, folder, task)


def _files(folder: Path, recipe: NetworkRecipe, classes: Sequence[str]) -> RunFiles:
    return RunFiles(
        state=folder / "last.pt",
        journal=folder / "log.jsonl",
        identity={"schema": SCHEMA, "recipe": recipe_to(recipe), "classes": list(classes)},
        read=read_checkpoint,
        apart="is a run with",
    )


def _training(network: _Network, classes: int, teacher: Teacher | None) -> Training:
    """Return the loop's view of a network: augmented images in, one cycle of the rate, judged on re-settled norms."""
    recipe, data = network.recipe, network.data
    learnt = decaying(network.model, recipe.decay) if recipe.own else [{"params": list(network.model.parameters())}]
    optimizer = torch.optim.AdamW(learnt, lr=recipe.rate, weight_decay=recipe.decay)
    weights = class_weights(data.train_labels, classes, recipe.class_weights)
    weigh = None if weights is None else torch.from_numpy(weights).to(network.device)
    pruner = Pruner(network.model, recipe.prune, recipe.prune_scope, recipe.epochs) if recipe.prune else None
    training = Training(
        model=network.model,
        optimising=Optimising(optimizer, (recipe.rate,) * len(learnt), one_cycle),
        objective=Objective(recipe.teacher_weight, recipe.smoothing, weigh),
        labels=data.train_labels,
        draw=_drawer(network, teacher),
        forward=lambda x: _forward(network, x),
        judge=lambda _: _judged_row(network) | ({} if pruner is None else {"pruned": pruner.pruned}),
        keeps=lambda rows, row, _: _is_kept(rows, row, len(data.validate.labels), 1 if pruner is None else pruner.last),
        draws_inside=True,
        least=2,  # a batch of one sample has no spread to normalise by
    )
    training = training if pruner is None else replace(training, begins=pruner.begin, stepped=pruner.hold)
    return begun_on_grid(training)


def _drawer(network: _Network, teacher: Teacher | None) -> Callable[[NDArray[np.int64], np.random.Generator], Batch]:
    """Return what makes a batch: of each clip a variant, moved and masked, and what the teacher says of it."""
    recipe, data, feed = network.recipe, network.data, feed_of(network.recipe, network.device)

    def draw(chosen: NDArray[np.int64], random: np.random.Generator) -> Batch:
        images = data.pool[random.integers(len(data.pool), size=len(chosen)), chosen]
        if len(data.pool) > 1:
            images = masked(shifted(images, recipe.augmentation.shift, random), recipe.augmentation.mask, random)
        first = int(random.integers(2**62))
        answers = None if teacher is None else teacher(images, first)
        return Batch(feed(images, first), torch.from_numpy(data.train_labels[chosen]).to(network.device), answers)

    return draw


def _forward(network: _Network, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return logits, and the price of what the layers send on where there is one."""
    sent: dict[int, Tensor] = {}
    scores = logits(forward(network.model, x, network.recipe, sent), network.recipe)
    if not (network.recipe.quiet and sent):
        return scores, None
    return scores, network.recipe.quiet * products_per_synapse(sent, network.recipe, scores.shape[1])


def _settle(network: _Network, count: int) -> None:
    """Re-estimate normalisation over the first ``count`` training clips of a fixed shuffle."""
    recipe, data = network.recipe, network.data
    feed = feed_of(recipe, network.device)
    chosen = np.random.default_rng(recipe.seed).permutation(len(data.train_labels))[:count]

    def batches() -> Iterator[Tensor]:
        for start in range(0, len(chosen), 128):
            yield feed(data.pool[0][chosen[start : start + 128]], start)

    reestimate(network.model, lambda x: forward(network.model, x, recipe), batches)


def _judge(network: _Network, samples: Labelled) -> Judged:
    recipe, feed = network.recipe, feed_of(network.recipe, network.device)
    network.model.eval()

    def scores(part: slice) -> Tensor:
        return logits(forward(network.model, feed(samples.images[part], part.start), recipe), recipe)

    return judge(scores, samples.labels, Objective(), at_once=AT_ONCE)


def _judged_row(network: _Network) -> EpochRow:
    settle_grids(network.model)
    _settle(network, GLANCE)
    judged = _judge(network, network.data.validate)
    return {"validate_loss": judged.loss, "validate_accuracy": judged.accuracy}


def _is_kept(rows: Sequence[EpochRow], row: EpochRow, count: int, first: int) -> bool:
    """Whether an epoch is kept: each of those before ``first``, then one within the error of the best since."""
    if row["epoch"] < first:
        return True
    rows = [earlier for earlier in rows if earlier["epoch"] >= first]
    accuracy = float(row["validate_accuracy"])
    highest = max([accuracy, *(float(earlier["validate_accuracy"]) for earlier in rows)])
    return accuracy >= highest - standard_error(highest, count)


def standard_error(accuracy: float, count: int) -> float:
    """Return the standard error of an accuracy of ``count`` samples (Agresti and Coull: two more of either kind).

    >>> round(standard_error(1.0, 160), 4)
    0.0086
    """
    share = (accuracy * count + 2) / (count + 4)
    return float(np.sqrt(share * (1 - share) / (count + 4)))


def _finish(network: _Network, state: RunState, classes: tuple[str, ...], folder: Path, task: str | None) -> Finished:
    """Judge the epoch that is kept, its normalisation measured on all clips, and write it down."""
    model, recipe, data = network.model, network.recipe, network.data
    assert state.best_weights is not None  # the first epoch is always kept
    model.load_state_dict(state.best_weights)
    settle_grids(model)
    _settle(network, len(data.train_labels))
    chosen = _judge(network, data.validate)
    test = _judge(network, data.test)
    accuracy = {"validate": chosen.accuracy, "test": test.accuracy}
    front = FrontEnd(recipe.mel, data.normaliser, encoder_of(recipe), recipe.decoder, classes)
    weights = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    values = {"recipe": recipe_to(recipe), "weights": weights, "front": to_json(front), "accuracy": accuracy}
    values |= {} if task is None else {"task": task}
    write_checkpoint(folder / "model.pt", values | {"kept_epoch": state.best_epoch, "history": state.rows})
    return Finished(folder / "model.pt", accuracy, test.confusion, tuple(state.rows))
