"""What the Pareto study trains, in which order, and how the strength of pruning is chosen: on validation data alone.

Of every network there are three kinds: dense; lean, which begins with the dense one, is pruned and pays for what its
layers send on; and, of those of one pass, taught, which is the lean one with the dense CNN of its seed as teacher.
Spiking networks and the CNN get the same options, strengths and epochs.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from snn2hw.commands.identity import identity_of
from snn2hw.train.fit import standard_error
from snn2hw.train.network_recipe import NetworkRecipe

NETS = {"snn8": ("scnn", 8), "snn2": ("scnn", 2), "snn1": ("scnn", 1), "cnn": ("cnn", 1)}
"""Name -> model and time steps. The quick ones come first where there is a choice."""
KINDS = ("dense", "lean", "taught")
TAUGHT = ("cnn", "snn1")
"""Those of one pass are taught too."""
STRENGTHS = {"medium": (0.9, 0.2), "strong": (0.95, 0.4)}
"""Name -> share of the weights that is pruned, price of one product per synapse; from the weakest to the strongest."""
TASKS = ("digits", "keywords")


@dataclass(frozen=True, order=True)
class Run:
    """One training."""

    task: str
    net: str
    kind: str
    strength: str
    seed: int

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return "-".join(part for part in (self.net, self.kind, self.strength, str(self.seed)) if part)

    def folder(self, work: Path) -> Path:
        """Return where it lives."""
        return work / self.task / self.name

    def finished(self, work: Path) -> bool:
        """Return whether it has ended."""
        return (self.folder(work) / "summary.json").is_file()


def dense(task: str, net: str, seed: int) -> Run:
    return Run(task, net, "dense", "", seed)


def candidates(task: str, net: str) -> list[Run]:
    """Return the lean networks of the first seed, one per strength, the weakest first."""
    return [Run(task, net, "lean", strength, 0) for strength in STRENGTHS]


def chosen(task: str, net: str, work: Path) -> str | None:
    """Return the strongest pruning whose network is as good as the dense one; None while some are not trained.

    That is within one standard error of its accuracy on the validation part of the first seed, where no test clip is.
    If none is, the weakest.
    """
    before, tried = dense(task, net, 0), candidates(task, net)
    if not all(run.finished(work) for run in (before, *tried)):
        return None
    summary = summary_of(before, work)
    bar = summary["accuracy"]["validate"]
    bar -= standard_error(bar, summary["validated"])
    good = [run.strength for run in tried if summary_of(run, work)["accuracy"]["validate"] >= bar]
    return good[-1] if good else next(iter(STRENGTHS))


def summary_of(run: Run, work: Path) -> dict[str, Any]:
    """Return what a training left: its accuracies, the clips it was validated on, and its recipe."""
    found: dict[str, Any] = json.loads((run.folder(work) / "summary.json").read_text())
    return found


def study(tasks: tuple[str, ...], seeds: int, work: Path) -> list[Run]:
    """Return every training of the study as far as it is known: strengths follow from those of the first seed."""
    return [run for task in tasks for seed in range(seeds) for run in _of_seed(task, seed, work)]


def next_run(tasks: tuple[str, ...], seeds: int, work: Path) -> Run | None:
    """Return the next training that has not ended: task by task, seed by seed, what others begin with before them."""
    return next((run for run in study(tasks, seeds, work) if not run.finished(work)), None)


def _of_seed(task: str, seed: int, work: Path) -> list[Run]:
    order = ("cnn", "snn1", "snn2", "snn8")
    runs = [dense(task, net, seed) for net in order]
    for net in order:
        if seed == 0:
            runs += candidates(task, net)
        strength = chosen(task, net, work)
        if strength is not None:  # else a candidate is still to be trained, and comes first
            kinds = ("lean", "taught") if net in TAUGHT else ("lean",)
            runs += [Run(task, net, kind, strength, seed) for kind in kinds]
    return list(dict.fromkeys(runs))


EPOCHS = {"digits": (24, 12), "keywords": (36, 16)}
"""Of a dense network, and of one that begins with it."""
LEAN_RATE = 5e-3
VARIANTS = 4
VALIDATION = 0.1
"""Of the training part of digits; keywords come with a part of their own."""


def recipe_of(run: Run, work: Path) -> NetworkRecipe:
    """Return how a run is trained; a network begins with, and learns from, what has been trained before."""
    model, steps = NETS[run.net]
    first, more = EPOCHS[run.task]
    usual = NetworkRecipe(
        model="cnn" if model == "cnn" else "scnn",
        seed=run.seed,
        variants=VARIANTS,
        validation=VALIDATION,
        epochs=first,
        **({"steps": steps} if model == "scnn" else {}),
    )
    if run.kind == "dense":
        return usual
    share, price = STRENGTHS[run.strength]
    lean = replace(usual, epochs=more, rate=LEAN_RATE, prune=share, quiet=price, start=identity_of(before(run, work)))
    return lean if run.kind == "lean" else replace(lean, teacher=identity_of(teacher_of(run, work)))


def before(run: Run, work: Path) -> Path:
    """Return the dense network that a run begins with."""
    return dense(run.task, run.net, run.seed).folder(work) / "model.pt"


def teacher_of(run: Run, work: Path) -> Path:
    """Return the CNN that a run learns from."""
    return dense(run.task, "cnn", run.seed).folder(work) / "model.pt"
