"""Trainings of the Pareto study: each in a process of its own, forked from one that has read the data once."""

import csv
import json
import multiprocessing
from functools import cache
from pathlib import Path

import torch
from pareto_plan import Run, before, recipe_of, teacher_of

from sim.errors import InputError, ToolError
from sim.files import atomic_write
from snn2hw.audio.corpora import read_corpus
from snn2hw.audio.corpus import Corpus
from snn2hw.audio.features import Features
from snn2hw.train.checkpoint import load_trained, read_checkpoint
from snn2hw.train.fit import fit
from snn2hw.train.prepare import prepare
from snn2hw.train.processor import compute_with
from snn2hw.train.recipe import recipe_to
from snn2hw.train.teacher import trained_teacher

__all__ = ["corpus_of_task", "features_of", "train"]

CPU = torch.device("cpu")


@cache
def corpus_of_task(task: str, data: Path, work: Path) -> Corpus:
    """Read the clips: digits with their official split, keywords split by speaker as their table says."""
    if task == "digits":
        return read_corpus("fsdd", data / "fsdd", 8000)
    table = data / "speech_commands" / "metadata.csv"
    if not table.is_file():
        raise InputError(f"{table}: no such file", "name the folder that holds fsdd/ and speech_commands/: --data")
    with table.open(newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["part"] in ("train", "val", "test")]
    listed = work / "keywords.csv"
    with atomic_write(listed) as temporary, temporary.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(("path", "label", "speaker", "part"))
        for row in rows:
            writer.writerow((table.parent / row["path"], row["word"], row["speaker"], row["part"]))
    return read_corpus("folder", listed, 8000)


@cache
def features_of(task: str, seed: int, data: Path, work: Path) -> Features:
    """Return the images of a task; the seed chooses what of the training part validates."""
    recipe = recipe_of(Run(task, "cnn", "dense", "", seed), work)
    return prepare(corpus_of_task(task, data, work), recipe)


def train(run: Run, data: Path, work: Path) -> None:
    """Train in a process of its own, of one thread; a run that was killed goes on where it was."""
    features_of(run.task, run.seed, data, work)  # read once, before the fork
    child = multiprocessing.get_context("fork").Process(target=_train, args=(run, data, work))
    child.start()
    child.join()
    if child.exitcode:
        raise ToolError(f"{run.task} {run.name}: the training ended with {child.exitcode}")


def _train(run: Run, data: Path, work: Path) -> None:
    compute_with(1)
    recipe, classes = recipe_of(run, work), corpus_of_task(run.task, data, work).classes
    features, folder = features_of(run.task, run.seed, data, work), run.folder(work)
    start = read_checkpoint(before(run, work))["weights"] if recipe.start else None
    teacher = trained_teacher(load_trained(teacher_of(run, work)), recipe, classes, CPU) if recipe.teacher else None
    finished = fit(recipe, features, classes, folder, device=CPU, start=start, teacher=teacher)
    summary = {
        "recipe": recipe_to(recipe),
        "epochs": len(finished.rows),
        "accuracy": finished.accuracy,
        "validated": len(features.validate.labels),
        "tested": len(features.test.labels),
    }
    with atomic_write(folder / "summary.json") as temporary:
        temporary.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
