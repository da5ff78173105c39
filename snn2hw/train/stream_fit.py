"""Training a streaming network: the loop's `Training` for it, and what it answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from sim.errors import InputError
from snn2hw.audio.disturb import holes, varied
from snn2hw.audio.mel_stream import counted, less_mean
from snn2hw.audio.spectra import Floats, bank_of, values_in
from snn2hw.train.batches import class_weights
from snn2hw.train.checkpoint import kept_weights, load_weights, read_checkpoint
from snn2hw.train.grid_epochs import begun_on_grid
from snn2hw.train.lags import settling
from snn2hw.train.loop import Batch, EpochRow, Optimising, Training
from snn2hw.train.on_grid import put_on_grid, settle_grids
from snn2hw.train.pruning import Pruner
from snn2hw.train.run_state import RunState
from snn2hw.train.sound_networks import sound_network
from snn2hw.train.stream_cell import LearntCell
from snn2hw.train.stream_data import Spoken
from snn2hw.train.stream_net import stream_net
from snn2hw.train.stream_recipe import WHOLE, StreamRecipe, stream_recipe_from
from snn2hw.train.to_the_end import trained_to_the_end
from snn2hw.train.xylo_net import XyloNet

__all__ = [
    "StreamTeacher",
    "answers_to",
    "begun_by",
    "fit_stream",
    "plain_messages",
    "read_teacher",
    "stream_model",
]

StreamTeacher = Callable[[NDArray[np.float64], NDArray[np.bool_], int], Tensor]
"""From clips in decibels, which of their frames lie in them, and the key of the holes, to shares of the classes."""

AT_ONCE = 100


def stream_model(recipe: StreamRecipe, classes: int) -> nn.Module:
    """Return the untrained network of a recipe."""
    if recipe.model in WHOLE:
        return sound_network(recipe.model, recipe.front.width, recipe.frames, classes)
    if recipe.model == "xylo":
        return XyloNet(recipe.xylo, recipe.front.width, classes)
    learns = {"learnt_decay": recipe.learnt_decay, "learnt_threshold": recipe.learnt_threshold}
    spiking, delays = recipe.model == "snn", recipe.delays
    made = stream_net(recipe.layout, recipe.front.width, classes, spiking=spiking, delays=delays, **learns)
    return made if recipe.weight_bits is None else put_on_grid(made, recipe.weight_bits)


def fit_stream(
    recipe: StreamRecipe,
    learnt: Spoken,
    judged: Spoken | None,
    classes: int,
    folder: Path,
    *,
    teacher: StreamTeacher | None = None,
    start: Callable[[nn.Module], None] | None = None,
    backgrounds: NDArray[np.float32] | None = None,
    names: Sequence[str] = (),
    more_epochs: int = 0,
    on_epoch: Callable[[Mapping[str, Any]], object] | None = None,
) -> tuple[nn.Module, RunState]:
    """Train in ``folder``, from its last checkpoint if any; the last epoch is kept: nothing chooses among epochs.

    ``start`` fills the untrained network with what it begins with, as `begun_by` or `begin_with` do.
    """
    torch.manual_seed(recipe.seed)
    model = stream_model(recipe, classes)
    if start is not None:
        start(model)
    training = _training(model, recipe, learnt, judged, classes, teacher, backgrounds)
    trained, state = trained_to_the_end(training, recipe, folder, more_epochs, on_epoch, names)
    settle_grids(trained)
    return trained, state


def _training(
    model: nn.Module,
    recipe: StreamRecipe,
    learnt: Spoken,
    judged: Spoken | None,
    classes: int,
    teacher: StreamTeacher | None,
    backgrounds: NDArray[np.float32] | None = None,
) -> Training:
    assert recipe.rate is not None
    groups = _groups(model, recipe.decay)
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate)
    rare = class_weights(learnt.labels, classes, recipe.class_weights)
    weights = None if rare is None else torch.from_numpy(rare.astype(np.float32))

    def draw(chosen: NDArray[np.int64], random: np.random.Generator) -> Batch:
        part = learnt.part(chosen)
        loud, inside = _disturbed(part, recipe, random, backgrounds)
        key = int(random.integers(2**62))  # pupil and teacher hear the same holes
        x, labels = in_training(loud, inside, recipe, key), torch.from_numpy(part.labels)
        wanted = (1 - recipe.smoothing) * one_hot(labels, classes) + recipe.smoothing / classes
        if teacher is not None:
            wanted = torch.lerp(wanted, teacher(loud, inside, key), recipe.teacher_weight)
        if recipe.mixup:
            share, other = float(random.beta(recipe.mixup, recipe.mixup)), torch.from_numpy(random.permutation(len(x)))
            x, wanted = (share * values + (1 - share) * values[other] for values in (x, wanted))
        return Batch(x, labels, wanted)

    def forward(x: Tensor) -> tuple[Tensor, Tensor | None]:
        return recipe.temperature * model(x).mean(1), None

    pruner = Pruner(model, recipe.prune, recipe.prune_scope, recipe.epochs) if recipe.prune else None
    training = Training(
        model=model,
        optimising=Optimising(optimizer, (recipe.rate,) * len(groups), settling(model)),
        objective=lambda scores, labels, wanted: cross_entropy(scores, labels if wanted is None else wanted, weights),
        labels=learnt.labels,
        draw=draw,
        forward=forward,
        judge=lambda _: _judged(model, recipe, judged) | ({} if pruner is None else {"pruned": pruner.pruned}),
        keeps=lambda *_: True,
        draws_inside=True,
        least=2,
    )
    training = training if pruner is None else replace(training, begins=pruner.begin, stepped=pruner.hold)
    return begun_on_grid(training)


def _groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Return the weights, which decay, and what neurons learn of themselves, if anything, which does not."""
    own = [p for m in model.modules() if isinstance(m, LearntCell) for p in m.parameters()]
    others = [p for p in model.parameters() if all(p is not one for one in own)]
    groups: list[dict[str, Any]] = [{"params": others, "weight_decay": decay}]
    return [*groups, {"params": own, "weight_decay": 0.0}] if own else groups


def _judged(model: nn.Module, recipe: StreamRecipe, clips: Spoken | None) -> EpochRow:
    """Return how many validation clips are right, where there are any."""
    if clips is None:
        return {}
    settle_grids(model)
    scores = answers_to(model, recipe, plain_messages(clips, recipe))
    return {"validate_accuracy": float((scores.argmax(1) == clips.labels).mean())}


def _disturbed(
    part: Spoken, recipe: StreamRecipe, random: np.random.Generator, backgrounds: NDArray[np.float32] | None
) -> "tuple[Floats, NDArray[np.bool_]]":
    """Return the features of variants of clips, and which of their frames lie in the clips."""
    front = recipe.front
    mel, inside = varied(part.power, part.lengths, front.spectra, recipe.how, random, front.features, backgrounds)
    return values_in(mel, inside, front.spectra, front.features, front.coefficients), inside


def in_training(loud: NDArray[np.float64], inside: NDArray[np.bool_], recipe: StreamRecipe, key: int) -> Tensor:
    """Return what a network hears of features (n, frames, bands): less the mean, counted, with holes."""
    heard = counted(less_mean(loud, recipe.front, inside), recipe.front)
    return _scaled(holes(heard, recipe.how, np.random.default_rng(key)), recipe)


def _scaled(messages: NDArray[Any], recipe: StreamRecipe) -> Tensor:
    return torch.from_numpy((messages * (recipe.front.step_db / recipe.unit_db)).astype(np.float32))


def plain_messages(clips: Spoken, recipe: StreamRecipe) -> NDArray[np.int8]:
    """Return what the front end makes of clips as they are, (n, frames, bands), silence behind their ends."""
    front = recipe.front
    bank = bank_of(front.spectra, front.features).T.astype(np.float32)
    inside = np.arange(clips.power.shape[1]) < clips.lengths[:, None]
    mel = np.matmul(clips.power, bank).astype(np.float64)
    loud = values_in(mel, inside, front.spectra, front.features, front.coefficients)
    return counted(less_mean(loud, recipe.front, inside), recipe.front).astype(np.int8)


def answers_to(model: nn.Module, recipe: StreamRecipe, messages: NDArray[np.integer]) -> NDArray[np.float32]:
    """Return the mean answer to every clip of messages (n, frames, bands)."""
    model.eval()
    with torch.no_grad():
        parts = [
            model(_scaled(messages[start : start + AT_ONCE], recipe)).mean(1)
            for start in range(0, len(messages), AT_ONCE)
        ]
    answers: NDArray[np.float32] = torch.cat(parts).numpy()
    return answers


def begun_by(path: Path) -> Callable[[nn.Module], None]:
    """Return what fills a network with the weights of another run, twin or not (its model.pt or last.pt).

    What neurons learn of themselves and those of the other run did not is as usual. A network whose tensors have other
    names or shapes is refused, with the first that does not fit.
    """
    values = read_checkpoint(path)
    weights = kept_weights(values, str(path))

    def fill(model: nn.Module) -> None:
        wanted = model.state_dict()
        cells = [f"{name}." for name, module in model.named_modules() if isinstance(module, LearntCell)]
        given = {name: wanted[name] for name in wanted if name.startswith(tuple(cells))} | dict(weights)
        for name in {**wanted, **given}:
            here, there = (tuple(side[name].shape) if name in side else None for side in (wanted, given))
            if here != there:
                what = f"{path}: does not fit: {name} is {_sized(there)} there and {_sized(here)} here"
                raise InputError(
                    what, "begin with a run of the same --size, --delays, features, classes and what is learnt"
                )
        load_weights(model, given, str(path))

    return fill


def _sized(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else "x".join(map(str, shape)) or "one number"


def read_teacher(path: Path, recipe: StreamRecipe, classes: int) -> StreamTeacher:
    """Return the model of another run, its model.pt or last.pt, as a teacher.

    It hears the same clips, less its own mean.
    """
    values = read_checkpoint(path)
    theirs = stream_recipe_from(values["recipe"], str(path))
    heard = [(r.front.spectra, r.front.features, r.front.coefficients, r.frames) for r in (theirs, recipe)]
    if heard[0] != heard[1]:
        raise InputError(f"{path}: the teacher hears other frames", "use one that was trained on the same task")
    model = stream_model(theirs, classes)
    load_weights(model, kept_weights(values, str(path)), str(path))
    model.eval()

    def answers(loud: NDArray[np.float64], inside: NDArray[np.bool_], key: int) -> Tensor:
        with torch.no_grad():
            return torch.softmax(theirs.temperature * model(in_training(loud, inside, theirs, key)).mean(1), 1)

    return answers
