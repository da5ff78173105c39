"""Tuning a compiled program: the loop's `Training` for it, whose forward is the integer machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sim.errors import FileError, InputError, UnsupportedError
from sim.program import Program
from snn2hw.compiler.answers import output_scale
from snn2hw.compiler.certify import Certificate, certify, prove
from snn2hw.compiler.compile import Compiled
from snn2hw.compiler.options import Bits
from snn2hw.files.tensor_file import read_tensors
from snn2hw.network.registers import RealPopulation
from snn2hw.train.batches import class_weights
from snn2hw.train.judge import decoded, judge
from snn2hw.train.loop import Batch, EpochRow, Optimising, Training, train
from snn2hw.train.objective import Objective
from snn2hw.train.rates import cosine
from snn2hw.train.recipe import recipe_to
from snn2hw.train.run_state import RunFiles, RunState
from snn2hw.train.tuning.machine import Machine
from snn2hw.train.tuning.tune_recipe import TuneRecipe, rate_of

__all__ = ["Samples", "Tuned", "refuse_counting", "tune_compiled"]

SCHEMA = "snn2hw.tuning/1"

AT_ONCE = 256
"""Samples that are judged in one pass."""

SLOW = 10
"""By how much thresholds and biases are slower than weights."""


@dataclass(frozen=True, eq=False)
class Tuned:
    """The tuned program, its certificate, and one row per epoch."""

    program: Program
    certificate: Certificate
    rows: tuple[Mapping[str, float], ...]
    machine: Machine
    best_row: Mapping[str, float]
    """The row of the epoch that was kept."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Rasters (B, T, *shape), labels (B,), and what the teacher answers (B, classes) if there is one."""

    rasters: NDArray[np.integer]
    labels: NDArray[np.integer]
    teacher: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class _Part:
    """Some of the samples, by their places; none of them is copied before it is asked for."""

    samples: Samples
    places: NDArray[np.int64]

    def at(self, which: NDArray[np.int64] | slice) -> Samples:
        """Return some of the part."""
        places, teacher = self.places[which], self.samples.teacher
        chosen = None if teacher is None else teacher[places]
        return Samples(self.samples.rasters[places], self.labels[which], chosen)

    @property
    def labels(self) -> NDArray[np.integer]:
        """The labels of the part."""
        return self.samples.labels[self.places]


@dataclass(frozen=True, eq=False)
class _Program:
    """A program in tuning, and how its output is read."""

    compiled: Compiled
    machine: Machine
    recipe: TuneRecipe
    objective: Objective

    @property
    def device(self) -> torch.device:
        """Where the machine lies."""
        return next(self.machine.parameters()).device

    def batch(self, samples: Samples) -> Batch:
        """Return samples as the machine takes them."""
        raster = torch.from_numpy(np.ascontiguousarray(samples.rasters)).to(self.device)
        labels = torch.from_numpy(samples.labels.astype(np.int64)).to(self.device)
        return Batch(raster, labels, self.answers(samples))

    def answers(self, samples: Samples) -> Tensor | None:
        """Return the teacher's logits."""
        if samples.teacher is None:
            return None
        return torch.from_numpy(samples.teacher).to(self.device) * self.recipe.temperature

    def logits(self, raster: Tensor) -> Tensor:
        """Return (b, classes) of a raster (b, T, *shape)."""
        output = self.machine(raster)[self.compiled.program.output.name].flatten(2)
        factor, origin = output_scale(self.compiled)
        return self.recipe.temperature * decoded(output * factor + origin, self.recipe.decoder)


def tune_compiled(
    compiled: Compiled,
    samples: Samples,
    recipe: TuneRecipe,
    *,
    held_out: Samples | None = None,
    folder: Path | None = None,
    device: str = "cpu",
    **running: Any,
) -> Tuned:
    """Tune the weights, thresholds and biases of a compiled program on labelled samples.

    The best epoch is chosen on ``held_out``, or on a share of the samples; the program as compiled takes part. Every
    epoch draws from (seed, epoch) alone, so a run resumed from ``folder`` ends in the same program. ``running`` are
    ``more_epochs`` and ``on_epoch``, as for `snn2hw.train.loop.train`.
    """
    refuse_counting(recipe, compiled.machine.output)
    if recipe.rate is None:
        recipe = replace(recipe, rate=rate_of(_widths(compiled)))
    learnt, held = _split(samples, held_out, recipe)
    weights = class_weights(learnt.labels, compiled.machine.output.size, recipe.class_weights)
    weigh = None if weights is None else torch.from_numpy(weights).to(device)
    objective = Objective(recipe.teacher_weight, class_weights=weigh)
    program = _Program(compiled, Machine(compiled).to(device), recipe, objective)
    files = None if folder is None else _files(folder, compiled, recipe)
    return _finish(program, train(_training(program, learnt, held), recipe, files, **running))


def _split(samples: Samples, held_out: Samples | None, recipe: TuneRecipe) -> tuple[_Part, _Part]:
    """Return the samples to learn from, in a drawn order, and those to choose the best epoch on (perhaps none)."""
    order = np.random.default_rng(recipe.seed).permutation(len(samples.labels))
    if held_out is not None:
        held = _Part(held_out, np.arange(len(held_out.labels)))
    else:
        count = round(recipe.validation * len(samples.labels))
        held, order = _Part(samples, order[:count]), order[count:]
    if not len(order):
        raise InputError("no samples to tune on", "give more samples, or a smaller validation share")
    return _Part(samples, order), held


def _training(program: _Program, learnt: _Part, held: _Part) -> Training:
    """Return the loop's view of a program: rasters in, Adam on latents, the best certified epoch kept."""
    assert program.recipe.rate is not None  # `tune_compiled` has chosen one
    return Training(
        model=program.machine,
        optimising=_optimising(program.machine, program.recipe.rate),
        objective=program.objective,
        labels=learnt.labels,
        draw=lambda chosen, _: program.batch(learnt.at(chosen)),
        forward=lambda raster: (program.logits(raster), None),
        judge=lambda row: _judged_row(program, held, row),
        keeps=_beats_the_best,
        stepped=program.machine.project,
        judged_first=len(held.labels) > 0,
    )


def _optimising(machine: Machine, rate: float) -> Optimising:
    fast = [p for n, p in machine.named_parameters() if n.endswith("latent") and p.numel()]
    slow = [p for n, p in machine.named_parameters() if not n.endswith("latent") and p.numel()]
    if not fast:
        raise UnsupportedError("nothing in this program can learn", "compile with scale='auto'")
    groups, peaks = ([fast, slow], (rate, rate / SLOW)) if slow else ([fast], (rate,))
    optimizer = torch.optim.Adam([{"params": p, "lr": peak} for p, peak in zip(groups, peaks, strict=True)])
    return Optimising(optimizer, peaks, cosine)


def _judged_row(program: _Program, held: _Part, row: EpochRow) -> EpochRow:
    """Judge the program as it is now; without samples that are held out, by those it has just learnt from."""
    if len(held.labels):
        teacher = held.samples.teacher
        answers = None if teacher is None else torch.from_numpy(teacher[held.places]) * program.recipe.temperature
        judged = judge(
            lambda part: program.logits(program.batch(held.at(part)).x),
            held.labels,
            replace(program.objective, class_weights=None),
            answers=answers,
            at_once=AT_ONCE,
            mean_of_parts=True,
        )
        found = {"validate_accuracy": judged.accuracy, "validate_loss": judged.loss}
    else:
        found = {"validate_accuracy": row["accuracy"], "validate_loss": row["loss"]}
    bounds = prove(program.machine.to_program(), program.compiled.ranges.steps).bounds
    return found | {"certified": float(all(b.safe for b in bounds.values()))}


def _beats_the_best(rows: Sequence[EpochRow], row: EpochRow, best_epoch: int | None) -> bool:
    """Whether an epoch is certified, and no worse than the best so far."""
    if not row["certified"]:
        return False
    best = next((earlier for earlier in rows if earlier["epoch"] == best_epoch), None)
    return best is None or _score(row) >= _score(best)


def _score(row: EpochRow) -> tuple[float, float]:
    return row["validate_accuracy"], -row["validate_loss"]


def _files(folder: Path, compiled: Compiled, recipe: TuneRecipe) -> RunFiles:
    return RunFiles(
        state=folder / "tuning.pt",
        journal=folder / "tuning.jsonl",
        identity={"schema": SCHEMA, "program": compiled.program.digest, "recipe": recipe_to(recipe)},
        read=_read,
        apart="belongs to another program or recipe:",
    )


def _read(path: Path) -> dict[str, Any]:
    fix = "remove it to start again"
    values = read_tensors(path, "tuning checkpoint", fix)
    if values.get("schema") != SCHEMA:
        raise FileError(f"{path}: not a tuning checkpoint of this version ({SCHEMA!r})", fix)
    return values


def _finish(program: _Program, state: RunState) -> Tuned:
    if state.best_weights is None:
        what = "no epoch gave a program whose registers cannot overflow"
        raise UnsupportedError(what, "compile with more headroom, or tune with a lower rate")
    program.machine.load_state_dict(state.best_weights)
    tuned = program.machine.to_program({"recipe": recipe_to(program.recipe), "epoch": state.best_epoch})
    certificate = certify(tuned, program.compiled.ranges.steps)
    best = next(row for row in state.rows if row["epoch"] == state.best_epoch)
    return Tuned(tuned, certificate, tuple(state.rows), program.machine, best)


def refuse_counting(recipe: TuneRecipe, output: RealPopulation) -> None:
    """Refuse to count the spikes of an output that never fires."""
    if recipe.decoder == "count" and not output.fires:
        raise InputError(f"output {output.name!r} never fires", "use the decoder max, mean or last")


def _widths(compiled: Compiled) -> dict[str, Bits]:
    """Return the bits of every matrix that was chosen, not those of helpers and of whole weights stored as they are."""
    return {
        f"{made.population.name}[{i}]": grid.bits
        for made in compiled.layers
        if not made.exact
        for i, (link, grid) in enumerate(zip(made.layer.links, made.grids, strict=True))
        if link.source not in {helper.name for helper in made.helpers}
    }
