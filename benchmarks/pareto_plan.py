"""What the Pareto study trains, in which order, and how the strength of pruning is chosen: on validation data alone.

Of every network there are three kinds: dense; lean, which begins with the dense one, is pruned and pays for what its
layers send on; and taught, which is the lean one with the dense CNN of its seed as teacher. Spiking networks and the
CNN get the same options, strengths and epochs.
"""

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.errors import InputError, ToolError
from sim.files import atomic_write
from snn2hw.train.fit import standard_error

NETS = {"snn8": ("scnn", 8), "snn2": ("scnn", 2), "snn1": ("scnn", 1), "cnn": ("cnn", 1)}
"""Name -> model and time steps. The quick ones come first where there is a choice."""
KINDS = ("dense", "lean", "taught")
STRENGTHS = {"mild": (0.8, 0.1), "medium": (0.9, 0.2), "strong": (0.95, 0.4)}
"""Name -> share of the weights that is pruned, price of one product per synapse; from the weakest to the strongest."""
TASKS = ("digits", "keywords")
EPOCHS = {"digits": (24, 12), "keywords": (36, 16)}
"""Of a dense network, and of one that begins with it."""
LEAN_RATE = 5e-3
VARIANTS = 4
VALIDATION = 0.1
"""Of the training part of digits; keywords come with a part of their own."""

ROOT = Path(__file__).resolve().parents[1]


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
    """Return what a training said of itself, with the number of clips that it validated on."""
    found: dict[str, Any] = json.loads((run.folder(work) / "summary.json").read_text())
    tested = sum(map(sum, found["confusion"]))
    found["validated"] = 270 if run.task == "digits" else 244
    return found | {"tested": tested}


def next_run(tasks: tuple[str, ...], seeds: int, work: Path) -> Run | None:
    """Return the next training of the study that has not ended: seed by seed, all that it depends on before it."""
    for task in tasks:
        for seed in range(seeds):
            for run in _of_seed(task, seed, work):
                if not run.finished(work):
                    return run
    return None


def _of_seed(task: str, seed: int, work: Path) -> list[Run]:
    order = ("cnn", "snn1", "snn2", "snn8")
    runs = [dense(task, net, seed) for net in order]
    for net in order:
        if seed == 0:
            runs += candidates(task, net)
        strength = chosen(task, net, work)
        if strength is not None:  # else a candidate is still to be trained, and comes first
            runs += [Run(task, net, kind, strength, seed) for kind in ("lean", "taught")]
    return list(dict.fromkeys(runs))


def train(run: Run, data: Path, work: Path) -> None:
    """Train in a process of its own, of one thread, at a low priority; a run that was killed goes on where it was."""
    command = [sys.executable, "-m", "snn2hw", "train", *_corpus(run.task, data, work), *_options(run, work)]
    command += ["-o", str(run.folder(work)), "--threads", "1"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["nice", "-n", "10", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ToolError(f"{run.task} {run.name}: the training ended with {done.returncode}\n{done.stderr[-2000:]}")


def _options(run: Run, work: Path) -> list[str]:
    model, steps = NETS[run.net]
    first, more = EPOCHS[run.task]
    said = ["--model", model, "--seed", str(run.seed), "--variants", str(VARIANTS), "--validation", str(VALIDATION)]
    said += ["--steps", str(steps)] if model == "scnn" else []
    if run.kind == "dense":
        return [*said, "--epochs", str(first)]
    share, price = STRENGTHS[run.strength]
    begun = dense(run.task, run.net, run.seed).folder(work) / "model.pt"
    said += ["--epochs", str(more), "--rate", str(LEAN_RATE), "--start", str(begun)]
    said += ["--prune", str(share), "--quiet", str(price)]
    if run.kind == "taught":
        said += ["--teacher", str(dense(run.task, "cnn", run.seed).folder(work) / "model.pt")]
    return said


def _corpus(task: str, data: Path, work: Path) -> list[str]:
    """Return how `snn2hw train` is told the clips: digits with their official split, keywords split by speaker."""
    if task == "digits":
        return ["fsdd", "--data", str(data / "fsdd")]
    table = data / "speech_commands" / "metadata.csv"
    if not table.is_file():
        raise InputError(f"{table}: no such file", "name the folder that holds fsdd/ and speech_commands/: --data")
    with table.open(newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["part"] in ("train", "val", "test")]
    listed = work / "keywords.csv"
    with atomic_write(listed) as temporary, temporary.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, ("path", "label", "speaker", "part"))
        writer.writeheader()
        for row in rows:
            path = str(table.parent / row["path"])
            writer.writerow({"path": path, "label": row["word"], "speaker": row["speaker"], "part": row["part"]})
    return ["folder", "--data", str(listed)]
