"""Training one of the published pairs: what it is fed, the loop's `Training` for it, and what it answers.

A wave comes at a peak of 1. A picture is in thresholds of a neuron: its loudest cell is 2, and 60 dB below that is 0.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sim.errors import InputError
from snn2hw.audio.corpus import Corpus
from snn2hw.audio.spectra import frames_of, power_of, warped_bank
from snn2hw.train.batches import class_weights
from snn2hw.train.checkpoint import kept_weights, load_weights, read_checkpoint
from snn2hw.train.grid_epochs import begun_on_grid
from snn2hw.train.in_time import in_time
from snn2hw.train.learnt_leak import LearntLeak
from snn2hw.train.loop import Batch, EpochRow, Optimising, Training
from snn2hw.train.memory import refuse_clips
from snn2hw.train.objective import Objective
from snn2hw.train.on_grid import put_on_grid, settle_grids
from snn2hw.train.pair_recipe import PairRecipe, pair_recipe_from
from snn2hw.train.pairs import SIDE, WAVES, pair, pair_layout, twin_of
from snn2hw.train.rates import one_cycle
from snn2hw.train.run_state import RunState
from snn2hw.train.to_the_end import trained_to_the_end

__all__ = [
    "PairClips",
    "PairTeacher",
    "fit_pair",
    "pair_answers",
    "pair_clips",
    "pair_model",
    "pair_scores",
    "taken_over",
]

RANGE_DB, LOUDEST = 60.0, 2.0
AT_ONCE = 100

PairTeacher = Callable[[Tensor], Tensor]
"""From the clips of a batch, as its pupil hears them, to logits (b, classes)."""

PairClips = tuple[NDArray[np.float32], NDArray[np.int64]]
"""What a network is fed, (n, 1, samples) or (n, 1, bands, frames), and the classes."""


def pair_clips(corpus: Corpus, recipe: PairRecipe) -> PairClips:
    """Return every clip as the network is fed it."""
    if corpus.pictures:
        raise InputError(f"{corpus.name}: pictures, and published pairs hear sounds", "choose --model scnn or cnn")
    if corpus.rate_hz != recipe.spectra.rate_hz:
        raise InputError(f"corpus at {corpus.rate_hz} Hz, network at {recipe.spectra.rate_hz} Hz", "read it at that")
    refuse_clips(len(corpus), max(recipe.samples, recipe.values))
    waves = np.stack([_cut(samples, recipe.samples) for samples in corpus.samples])
    if recipe.network not in WAVES:
        return np.stack([_picture(wave, recipe) for wave in waves])[:, None], corpus.labels
    peak = np.maximum(np.abs(waves).max(axis=1, keepdims=True), 1e-9)
    return (waves / peak)[:, None].astype(np.float32), corpus.labels


def _cut(samples: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    if samples.size <= count:
        return np.pad(samples, (0, count - samples.size))
    total = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    first = int((total[count:] - total[:-count]).argmax())
    return samples[first : first + count]


def _picture(wave: NDArray[np.float32], recipe: PairRecipe) -> NDArray[np.float32]:
    """Return levels (bands, frames); TCY wants a whole multiple of `SIDE` frames, so the last ones are left out."""
    spec = recipe.spectra
    power = np.stack([power_of(frame, spec) for frame in frames_of(wave, spec)])
    loud = 10.0 * np.log10(power @ warped_bank(spec).T + spec.floor)
    level: NDArray[np.float64] = np.clip((loud - loud.max()) / RANGE_DB + 1.0, 0.0, 1.0) * LOUDEST
    return level[: len(level) // SIDE * SIDE].T.astype(np.float32)


def pair_model(recipe: PairRecipe, shape: tuple[int, ...], classes: int) -> nn.Module:
    """Return the untrained network of a recipe."""
    layout = pair_layout(recipe.network, recipe.width)
    learnt = {"learnt": recipe.learnt, "learnt_threshold": recipe.learnt_threshold}
    made = pair(layout, shape, classes, spiking=recipe.model == "snn", **learnt)
    return made if recipe.weight_bits is None else put_on_grid(made, recipe.weight_bits)


def taken_over(path: Path, recipe: PairRecipe, shape: tuple[int, ...], classes: int) -> dict[str, Tensor]:
    """Return the weights of another run of the same network, twin or not; what it has not learnt is as usual."""
    values = read_checkpoint(path)
    theirs = pair_recipe_from(values["recipe"], str(path))
    if (twin_of(theirs.network), theirs.width) != (twin_of(recipe.network), recipe.width):
        what = f"{path}: {theirs.network} of width {theirs.width:g}, not {recipe.network} of {recipe.width:g}"
        raise InputError(what, "start with a run of the same network and width")
    source = pair_model(theirs, shape, classes)
    load_weights(source, kept_weights(values, str(path)), str(path))
    found = pair_model(recipe, shape, classes).state_dict()
    given = source.state_dict()
    return {name: given.get(name, tensor) for name, tensor in found.items()}


def fit_pair(
    recipe: PairRecipe,
    learnt: PairClips,
    judged: PairClips | None,
    classes: int,
    folder: Path,
    *,
    start: Mapping[str, Tensor] | None = None,
    teacher: PairTeacher | None = None,
    names: Sequence[str] = (),
    more_epochs: int = 0,
    on_epoch: Callable[[Mapping[str, Any]], object] | None = None,
) -> tuple[nn.Module, RunState]:
    """Train in ``folder``, from its last checkpoint if any; the last epoch is kept: nothing chooses among epochs."""
    torch.manual_seed(recipe.seed)
    model = pair_model(recipe, learnt[0].shape[1:], classes)
    if start is not None:
        model.load_state_dict(start)
    training = _training(model, recipe, learnt, judged, classes, teacher)
    trained, state = trained_to_the_end(begun_on_grid(training), recipe, folder, more_epochs, on_epoch, names)
    settle_grids(trained)
    return trained, state


def _training(
    model: nn.Module,
    recipe: PairRecipe,
    learnt: PairClips,
    judged: PairClips | None,
    classes: int,
    teacher: PairTeacher | None,
) -> Training:
    assert recipe.rate is not None
    inputs, labels = learnt
    weights = class_weights(labels, classes, recipe.class_weights)
    optimizer = torch.optim.AdamW(_groups(model, recipe.decay), lr=recipe.rate)

    def draw(chosen: NDArray[np.int64], random: np.random.Generator) -> Batch:
        x = torch.from_numpy(_variants(inputs[chosen], recipe, random))
        return Batch(x, torch.from_numpy(labels[chosen]), None if teacher is None else teacher(x))

    def judge(_: EpochRow) -> EpochRow:
        if judged is None:
            return {}
        settle_grids(model)
        found = pair_answers(model, recipe, judged[0]).argmax(1)
        return {"validate_accuracy": float((found == judged[1]).mean())}

    return Training(
        model=model,
        optimising=Optimising(optimizer, (recipe.rate, recipe.rate), one_cycle),
        objective=Objective(
            recipe.teacher_weight, class_weights=None if weights is None else torch.from_numpy(weights)
        ),
        labels=labels,
        draw=draw,
        forward=lambda x: (pair_scores(model, recipe, x), None),
        judge=judge,
        keeps=lambda *_: True,
        draws_inside=True,
        least=2,
    )


def _groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """Return the weights, which decay, and what neurons learn of themselves, which does not."""
    leaks = [p for m in model.modules() if isinstance(m, LearntLeak) for p in m.parameters()]
    others = [p for p in model.parameters() if all(p is not leak for leak in leaks)]
    return [{"params": others, "weight_decay": decay}, {"params": leaks, "weight_decay": 0.0}]


def _variants(clips: NDArray[np.float32], recipe: PairRecipe, random: np.random.Generator) -> NDArray[np.float32]:
    """Return clips earlier or later, with silence where they were; waves louder or quieter too."""
    long = clips.shape[-1]
    most = round(recipe.moved * long)
    varied = np.zeros_like(clips)
    for clip, place, by in zip(clips, varied, random.integers(-most, most + 1, len(clips)), strict=True):
        first, last = max(0, by), min(long, long + by)
        place[..., first:last] = clip[..., first - by : last - by]
    gain = 10.0 ** (recipe.louder_db * random.normal(size=len(clips)) / 20.0)
    if clips.ndim == 3:
        varied *= gain[:, None, None].astype(np.float32)
    return varied


def pair_scores(model: nn.Module, recipe: PairRecipe, x: Tensor) -> Tensor:
    """Return logits (b, classes)."""
    return recipe.temperature * _answers(model, recipe, x)


def _answers(model: nn.Module, recipe: PairRecipe, x: Tensor) -> Tensor:
    """Return the mean answer over the steps."""
    found: Tensor = model(x) if recipe.model == "ann" else in_time(model, x[None], recipe.steps).mean(0)
    return found


def pair_answers(model: nn.Module, recipe: PairRecipe, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean answer to every clip."""
    model.eval()
    with torch.no_grad():
        parts = [
            _answers(model, recipe, torch.from_numpy(inputs[start : start + AT_ONCE]))
            for start in range(0, len(inputs), AT_ONCE)
        ]
    answers: NDArray[np.float32] = torch.cat(parts).numpy()
    return answers
