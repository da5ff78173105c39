"""The training loop: epochs that a kill can interrupt anywhere at the cost of at most one of them.

Every epoch draws its numbers from (seed, epoch) alone, so a run that was resumed ends in the same weights, bit for bit,
as one that was not interrupted.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sim.errors import InputError
from sim.files import make_folder
from snn2hw.audio.augment import masked, shifted
from snn2hw.audio.features import Features
from snn2hw.audio.front import FrontEnd, to_json
from snn2hw.train.checkpoint import build, load_weights, read_checkpoint, write_checkpoint
from snn2hw.train.feed import encoder_of, feed_of
from snn2hw.train.journal import Journal
from snn2hw.train.judge import forward, judge, logits, spikes_per_synapse
from snn2hw.train.recipe import Recipe, recipe_to
from snn2hw.train.statistics import reestimate

__all__ = ["Finished", "fit"]

GLANCE = 512
"""Training images that the normalisation is re-estimated on before an epoch is judged; at the end it is all of them."""


@dataclass(frozen=True, eq=False)
class Finished:
    """What a run leaves: the checkpoint, its accuracies, and the confusion on the test part."""

    checkpoint: Path
    accuracy: dict[str, float]
    confusion: np.ndarray[Any, np.dtype[np.int64]]
    journal: Journal


@dataclass(eq=False)
class _Run:
    """Everything of a run that changes."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    journal: Journal
    best: dict[str, Any] = field(default_factory=lambda: {"epoch": 0, "accuracy": 0.0, "weights": {}})


def fit(
    recipe: Recipe,
    data: Features,
    classes: tuple[str, ...],
    folder: Path,
    *,
    device: torch.device,
    start: Mapping[str, Tensor] | None = None,
    on_epoch: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Finished:
    """Train in ``folder``, from its last checkpoint if any; write ``model.pt`` with the weights of the epoch it keeps.

    That is the last epoch whose validation accuracy lies within one standard error of the highest: among epochs that a
    small validation part cannot tell apart, the one with the lowest learning rate.
    """
    make_folder(folder)
    run = _start(recipe, data, classes, folder / "last.pt", device, start)
    while (epoch := len(run.journal.rows) + 1) <= recipe.epochs and epoch - run.best["epoch"] <= recipe.patience:
        row = _epoch(run, recipe, data, device, epoch)
        highest = max(run.best["accuracy"], row["validate_accuracy"])
        if row["validate_accuracy"] >= highest - standard_error(highest, len(data.validate_labels)):
            kept = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
            run.best = {"epoch": epoch, "weights": kept}
        run.best["accuracy"] = highest
        run.journal.rows.append(row)
        _save(run, recipe, folder / "last.pt")
        run.journal.write(row)
        on_epoch(row)
    return _finish(run, recipe, data, classes, folder, device)


def standard_error(accuracy: float, count: int) -> float:
    """Return the standard error of an accuracy of ``count`` samples (Agresti and Coull: two more of either kind).

    >>> round(standard_error(1.0, 160), 4)
    0.0086
    """
    share = (accuracy * count + 2) / (count + 4)
    return float(np.sqrt(share * (1 - share) / (count + 4)))


def _start(
    recipe: Recipe,
    data: Features,
    classes: tuple[str, ...],
    last: Path,
    device: torch.device,
    start: Mapping[str, Tensor] | None,
) -> _Run:
    torch.manual_seed(recipe.seed)
    model = build(recipe, len(classes)).to(device)
    if start is not None:
        load_weights(model, start, "the checkpoint to start from")
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # convolves twice as fast
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    batches = len(_batches(len(data.train_labels), recipe.batch, np.random.default_rng(0)))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, total_steps=recipe.epochs * batches, pct_start=0.15
    )
    run = _Run(model, optimizer, schedule, Journal(last.with_name("log.jsonl")))
    if not last.is_file():
        run.journal.start([])
        return run
    values = read_checkpoint(last)
    if values["recipe"] != recipe_to(recipe):
        apart = ", ".join(_apart(values["recipe"], recipe_to(recipe)))
        raise InputError(f"{last}: is a run with {apart}", "use another folder, or remove this one")
    model.load_state_dict(values["weights"])
    optimizer.load_state_dict(values["optimizer"])
    schedule.load_state_dict(values["schedule"])
    run.best = values["best"]
    run.journal.start(values["history"])
    return run


def _apart(there: Any, here: Any, name: str = "") -> list[str]:
    """Return what differs between two recipes, as words: "epochs 1, not 2"."""
    if isinstance(there, dict) and isinstance(here, dict):
        keys = sorted({*there, *here})
        return [words for k in keys for words in _apart(there.get(k), here.get(k), f"{name}.{k}" if name else k)]
    return [] if there == here else [f"{name} {there}, not {here}"]


def _save(run: _Run, recipe: Recipe, path: Path) -> None:
    values = {
        "recipe": recipe_to(recipe),
        "weights": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "schedule": run.schedule.state_dict(),
        "best": run.best,
        "history": run.journal.rows,
    }
    write_checkpoint(path, values)


def _batches(count: int, size: int, random: np.random.Generator) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
    """Return shuffled batches; a last one of a single sample, which no normalisation can use, is left out."""
    order = random.permutation(count)
    batches = [order[start : start + size] for start in range(0, count, size)]
    return batches[:-1] if len(batches) > 1 and len(batches[-1]) == 1 else batches


def _epoch(run: _Run, recipe: Recipe, data: Features, device: torch.device, epoch: int) -> dict[str, Any]:
    started = time.monotonic()
    random = np.random.default_rng((recipe.seed, epoch))
    torch.manual_seed(int(random.integers(2**62)))
    feed = feed_of(recipe, device)
    total, right, seen = 0.0, 0, 0
    for chosen in _batches(len(data.train_labels), recipe.batch, random):
        images = data.pool[random.integers(len(data.pool), size=len(chosen)), chosen]
        if len(data.pool) > 1:
            images = masked(shifted(images, recipe.augmentation.shift, random), recipe.augmentation.mask, random)
        target = torch.from_numpy(data.train_labels[chosen]).to(device)
        run.model.train()
        spikes: dict[int, Tensor] = {}
        output = forward(run.model, feed(images, int(random.integers(2**62))), recipe, spikes)
        scores = logits(output, recipe)
        loss = cross_entropy(scores, target, label_smoothing=recipe.smoothing)
        if recipe.quiet and spikes:
            loss = loss + recipe.quiet * spikes_per_synapse(spikes, recipe, scores.shape[1])
        run.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        run.optimizer.step()
        run.schedule.step()
        total += len(chosen) * loss.item()
        right += int((scores.argmax(1) == target).sum())
        seen += len(chosen)
    _settle(run.model, recipe, data, device, GLANCE)
    verdict = judge(run.model, feed, recipe, data.validate, data.validate_labels)
    return {
        "epoch": epoch,
        "loss": total / seen,
        "accuracy": right / seen,
        "validate_loss": verdict.loss,
        "validate_accuracy": verdict.accuracy,
        "seconds": round(time.monotonic() - started, 3),
    }


def _settle(model: nn.Module, recipe: Recipe, data: Features, device: torch.device, count: int) -> None:
    """Re-estimate normalisation over the first ``count`` training clips of a fixed shuffle."""
    feed = feed_of(recipe, device)
    chosen = np.random.default_rng(recipe.seed).permutation(len(data.train_labels))[:count]

    def batches() -> Iterator[Tensor]:
        for start in range(0, len(chosen), 128):
            yield feed(data.pool[0][chosen[start : start + 128]], start)

    reestimate(model, lambda x: forward(model, x, recipe), batches)


def _finish(
    run: _Run, recipe: Recipe, data: Features, classes: tuple[str, ...], folder: Path, device: torch.device
) -> Finished:
    model = run.model
    model.load_state_dict(run.best["weights"])
    _settle(model, recipe, data, device, len(data.train_labels))
    feed = feed_of(recipe, device)
    chosen = judge(model, feed, recipe, data.validate, data.validate_labels)
    test = judge(model, feed, recipe, data.test, data.test_labels)
    accuracy = {"validate": chosen.accuracy, "test": test.accuracy}
    front = FrontEnd(recipe.mel, data.normaliser, encoder_of(recipe), recipe.decoder, classes)
    weights = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    values = {"recipe": recipe_to(recipe), "weights": weights, "front": to_json(front), "accuracy": accuracy}
    write_checkpoint(folder / "model.pt", values | {"kept_epoch": run.best["epoch"], "history": run.journal.rows})
    return Finished(folder / "model.pt", accuracy, test.confusion, run.journal)
