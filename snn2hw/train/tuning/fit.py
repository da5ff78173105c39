"""The fine-tuning loop: starts from the compiled program, keeps the best certified epoch, resumes after a kill."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax

from sim.errors import FileError, InputError, UnsupportedError
from sim.files import atomic_write
from sim.program import Program
from snn2hw.codec.decode import Decoder
from snn2hw.compiler.answers import output_scale
from snn2hw.compiler.certify import Certificate, certify, prove
from snn2hw.compiler.compile import Compiled
from snn2hw.compiler.options import Bits
from snn2hw.files.tensor_file import read_tensors, write_tensors
from snn2hw.network.registers import RealPopulation
from snn2hw.train.tuning.machine import Machine
from snn2hw.train.tuning.recipe import Recipe, rate_of

__all__ = ["Recipe", "Samples", "Tuned", "refuse_counting", "tune_compiled"]

SCHEMA = "snn2hw.tuning/1"


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


def joined(first: Samples, second: Samples) -> Samples:
    """Return both, one after the other."""
    both = None
    if first.teacher is not None and second.teacher is not None:
        both = np.concatenate([first.teacher, second.teacher])
    return Samples(np.concatenate([first.rasters, second.rasters]), np.concatenate([first.labels, second.labels]), both)


def tune_compiled(
    compiled: Compiled,
    samples: Samples,
    recipe: Recipe,
    *,
    held_out: Samples | None = None,
    folder: Path | None = None,
    device: str = "cpu",
    on_epoch: Callable[[Mapping[str, float]], object] | None = None,
) -> Tuned:
    """Tune the weights, thresholds and biases of a compiled program on labelled samples.

    The best epoch is chosen on ``held_out``, or on a share of the samples; the program as compiled takes part. Every
    epoch draws from (seed, epoch) alone, so a run resumed from ``folder`` ends in the same program.
    """
    refuse_counting(recipe, compiled.machine.output)
    if recipe.rate is None:
        recipe = replace(recipe, rate=rate_of(_widths(compiled)))
    machine = Machine(compiled).to(device)
    held = len(held_out.labels) if held_out is not None else round(recipe.validation * len(samples.labels))
    order = np.random.default_rng(recipe.seed).permutation(len(samples.labels))
    everything = samples if held_out is None else joined(held_out, samples)
    if held_out is not None:
        order = np.concatenate([np.arange(held), held + order])
    run = _Run(compiled, machine, recipe, everything, (order[:held], order[held:]), folder)
    run.resume()
    run.start()
    for epoch in range(int(run.rows[-1]["epoch"]) + 1 if run.rows else 1, recipe.epochs + 1):
        row = run.epoch(epoch)
        run.save()
        if on_epoch is not None:
            on_epoch(row)
    if run.best is None:
        what = "no epoch gave a program whose registers cannot overflow"
        raise UnsupportedError(what, "compile with more headroom, or tune with a lower rate")
    machine.load_state_dict(run.best)
    program = machine.to_program({"recipe": asdict(recipe), "epoch": run.best_epoch})
    certificate = certify(program, compiled.ranges.steps)
    best = next(row for row in run.rows if row["epoch"] == run.best_epoch)
    return Tuned(program, certificate, tuple(run.rows), machine, best)


def refuse_counting(recipe: Recipe, output: RealPopulation) -> None:
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


class _Run:
    """Everything of a run that changes."""

    def __init__(
        self,
        compiled: Compiled,
        machine: Machine,
        recipe: Recipe,
        samples: Samples,
        split: tuple[NDArray[np.intp], NDArray[np.intp]],
        folder: Path | None,
    ) -> None:
        self.compiled, self.machine, self.recipe, self.samples, self.folder = compiled, machine, recipe, samples, folder
        self.held, self.train = split
        if not len(self.train):
            raise InputError("no samples to tune on", "give more samples, or a smaller validation share")
        assert recipe.rate is not None  # `tune_compiled` has chosen one
        self.optimizer = torch.optim.Adam(_parameter_groups(machine, recipe.rate))
        self.best: dict[str, Any] | None = None
        self.best_score, self.best_epoch = (-1.0, 0.0), 0
        self.rows: list[dict[str, float]] = []

    def start(self) -> None:
        """Judge the program as compiled: row 0, which later epochs have to beat."""
        if not self.rows and len(self.held):
            self._finish({"epoch": 0}, self.judge(self.held))

    def epoch(self, epoch: int) -> dict[str, float]:
        """Train one epoch, judge it, and keep it if it is the best that a certificate covers."""
        recipe = self.recipe
        order = np.random.default_rng((recipe.seed, epoch)).permutation(self.train)
        batches = [order[i : i + recipe.batch] for i in range(0, len(order), recipe.batch)]
        losses, right = 0.0, 0
        for index, batch in enumerate(batches):
            done = (epoch - 1 + index / len(batches)) / recipe.epochs
            for group in self.optimizer.param_groups:
                group["lr"] = group["first_rate"] * 0.5 * (1 + math.cos(math.pi * done))
            loss, hits = self._step(batch)
            losses, right = losses + loss * len(batch), right + hits
        score = self.judge(self.held) if len(self.held) else (right / len(order), -losses / len(order))
        return self._finish({"epoch": epoch, "loss": losses / len(order), "accuracy": right / len(order)}, score)

    def _finish(self, row: dict[str, float], score: tuple[float, float]) -> dict[str, float]:
        row |= {"validate_accuracy": score[0], "validate_loss": -score[1]}
        bounds = prove(self.machine.to_program(), self.compiled.ranges.steps).bounds
        row["certified"] = float(all(b.safe for b in bounds.values()))
        if row["certified"] and score >= self.best_score:
            self.best_score, self.best_epoch = score, int(row["epoch"])
            self.best = {k: v.detach().clone() for k, v in self.machine.state_dict().items()}
        self.rows.append(row)
        return row

    def _step(self, batch: NDArray[np.intp]) -> tuple[float, int]:
        logits, loss = self._forward(batch)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.machine.project()
        return float(loss.detach()), int((logits.argmax(1).cpu().numpy() == self.samples.labels[batch]).sum())

    def _forward(self, batch: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        device = next(self.machine.parameters()).device
        raster = torch.from_numpy(np.ascontiguousarray(self.samples.rasters[batch])).to(device)
        logits = self._logits(raster)
        labels = torch.from_numpy(self.samples.labels[batch].astype(np.int64)).to(device)
        loss = cross_entropy(logits, labels)
        if self.samples.teacher is not None and self.recipe.teacher:
            answers = torch.from_numpy(self.samples.teacher[batch]).to(device) * self.recipe.temperature
            apart = kl_div(log_softmax(logits, 1), softmax(answers.to(logits.dtype), 1), reduction="batchmean")
            loss = (1 - self.recipe.teacher) * loss + self.recipe.teacher * apart
        return logits, loss

    def _logits(self, raster: Tensor) -> Tensor:
        output = self.machine(raster)[self.compiled.program.output.name].flatten(2)
        factor, origin = output_scale(self.compiled)
        return self.recipe.temperature * decoded(output * factor + origin, self.recipe.decoder)

    def judge(self, which: NDArray[np.intp]) -> tuple[float, float]:
        """Return (accuracy, minus the loss) over some samples."""
        right, losses = 0, 0.0
        with torch.no_grad():
            for i in range(0, len(which), 256):
                batch = which[i : i + 256]
                logits, loss = self._forward(batch)
                right += int((logits.argmax(1).cpu().numpy() == self.samples.labels[batch]).sum())
                losses += float(loss) * len(batch)
        return right / len(which), -losses / len(which)

    def save(self) -> None:
        """Write the checkpoint and the log, each whole or not at all."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "schema": SCHEMA,
            "program": self.compiled.program.digest,
            "recipe": asdict(self.recipe),
            "machine": self.machine.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
            "best_score": list(self.best_score),
            "best_epoch": self.best_epoch,
            "rows": self.rows,
        }
        write_tensors(self.folder / "tuning.pt", state)
        with atomic_write(self.folder / "tuning.jsonl") as temporary:
            temporary.write_text("".join(json.dumps(row) + "\n" for row in self.rows), encoding="utf-8")

    def resume(self) -> None:
        """Take up a run of the same program and recipe; refuse another's."""
        path = None if self.folder is None else self.folder / "tuning.pt"
        if path is None or not path.is_file():
            return
        fix = "remove it to start again"
        state = read_tensors(path, "tuning checkpoint", fix)
        if state.get("schema") != SCHEMA:
            raise FileError(f"{path}: not a tuning checkpoint of this version ({SCHEMA!r})", fix)
        if state["program"] != self.compiled.program.digest or state["recipe"] != asdict(self.recipe):
            raise InputError(f"{path}: belongs to another program or recipe", "use another folder")
        self.machine.load_state_dict(state["machine"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best, self.best_score, self.rows = state["best"], tuple(state["best_score"]), list(state["rows"])
        self.best_epoch = state["best_epoch"]


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


def _parameter_groups(machine: Machine, rate: float) -> list[dict[str, Any]]:
    fast = [p for n, p in machine.named_parameters() if n.endswith("latent") and p.numel()]
    slow = [p for n, p in machine.named_parameters() if not n.endswith("latent") and p.numel()]
    if not fast:
        raise UnsupportedError("nothing in this program can learn", "compile with scale='auto'")
    return [{"params": fast, "first_rate": rate, "lr": rate}] + (
        [{"params": slow, "first_rate": rate / 10, "lr": rate / 10}] if slow else []
    )
