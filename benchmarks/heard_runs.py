"""Runs that are no program of the zoo, or more than one: what made them, what they reached, and their tables.

A row is one run, or the runs of one network that differ in the fold or the seed alone. A run's folder is called by the
row, and the fold or seed behind it.

python benchmarks/heard_runs.py --data DATA --runs FOLDER [--only esc10-twin,fsdd-medium]

trains in FOLDER what is not there, in the order of the table, one after the other; a run that was interrupted is taken
up. DATA holds the folders that the commands name; FOLDER/synthetic is made by benchmarks/synthetic_sets.py. Then:
python benchmarks/hearing.py --data DATA --runs FOLDER --page
"""

import argparse
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

__all__ = ["ROWS", "Row", "finished", "tables"]

FOLDS = tuple("12345")


@dataclass(frozen=True)
class Row:
    """A row of a table: ``command`` has {} where the runs differ, in one of ``ends``."""

    name: str
    command: str
    ends: tuple[str, ...] = ("",)

    def runs(self) -> dict[str, str]:
        """Return the name of every run and the fold or seed that it is of."""
        return {f"{self.name}-{end}" if end else self.name: end for end in self.ends}


_ESC = "snn2hw train esc10 --data esc10"
_WORDS = "snn2hw train keywords --data speech_commands"
_TEACHER = "--teacher runs/{}-teacher/last.pt --teacher-weight 0.7"
_TAUGHT = f"{_WORDS} --size large --epochs 40 {_TEACHER.format('keywords')}"
_DIGITS = "snn2hw train fsdd --stream --data fsdd"
_VOICES = "snn2hw train audiomnist --data runs/synthetic/voices"
_NOISY = "snn2hw train denoise --data denoise_16k"
_BANDED = (("crnn-snn", 40), ("crnn", 40), ("cr-ced-snn", 24), ("cr-ced", 12))
ROWS = (
    Row("fsdd-medium", f"{_DIGITS} --size medium --epochs 45"),
    Row("fsdd-teacher", f"{_DIGITS} --model vgg --epochs 45"),
    Row("fsdd-taught", f"{_DIGITS} --size medium --epochs 45 {_TEACHER.format('fsdd')} --seed {{}}", tuple("012")),
    Row("keywords-teacher", f"{_WORDS} --model vgg"),
    Row("keywords-twin", f"{_TAUGHT} --model cnn"),
    Row("keywords-utterance", f"{_TAUGHT} --mean utterance"),
    Row("keywords-seed", f"{_TAUGHT} --seed {{}}", ("1", "2")),
    Row("esc10", f"{_ESC} --fold {{}}", FOLDS),
    Row("esc10-twin", f"{_ESC} --model cnn --fold {{}}", FOLDS),
    *(
        Row(f"esc10-{model}", f"{_ESC} --model {model} --epochs {epochs} --fold {{}}", FOLDS)
        for model, epochs in (("baseline", 30), ("esc-vgg", 30), ("lstm", 150), ("crnn-a", 30))
    ),
    Row("esc10-extractor", f"{_ESC} --model extractor --epochs 15 --fold {{}}", FOLDS),
    Row("phones", "snn2hw train timit --data runs/synthetic/phones"),
    Row("voices-digit", f"{_VOICES} --label digit"),
    Row("voices-gender", f"{_VOICES} --label gender --class-weights balanced"),
    Row("denoise-cnn", f"{_NOISY} --model cnn"),
    *(Row(f"denoise-{model}", f"{_NOISY} --model {model} --epochs {epochs}") for model, epochs in _BANDED),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--only", help="names of rows, with commas")
    given = parser.parse_args()
    wanted = given.only.split(",") if given.only else [row.name for row in ROWS]
    for row in ROWS:
        for name, end in row.runs().items():
            folder = given.runs.resolve() / name
            if row.name not in wanted or (folder / "summary.json").is_file():
                continue
            words = [*shlex.split(row.command.format(end)), "-o", str(folder)]
            made = [
                str(given.runs.resolve() / word.removeprefix("runs/")) if word.startswith("runs/") else word
                for word in words
            ]
            print(shlex.join(made), flush=True)
            code = subprocess.run([sys.executable, "-m", *made], cwd=given.data, check=False).returncode
            if code:
                return code
    return 0


def finished(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what each run that is there and ended reached on its test part."""
    for row in ROWS:
        for name, end in row.runs().items():
            summary = folder / name / "summary.json"
            if not summary.is_file():
                continue
            said = json.loads(summary.read_text(encoding="utf-8"))
            command = row.command.format(end)
            seed = re.search(r"--seed (\d+)", command)
            facts: dict[str, Any] = {"command": command, "seed": int(seed[1]) if seed else 0, "epochs": said["epochs"]}
            yield name, facts | (said["accuracy"]["test"] if "accuracy" in said else {"gain_db": said["gain_db"]})


def tables(runs: Mapping[str, Any]) -> str:
    """Return the table of classifiers and that of denoisers; what has no run is left out."""
    heard, cleaned = list[tuple[str, ...]](), list[tuple[str, ...]]()
    ratios: tuple[str, ...] = ()
    for row in ROWS:
        found = {end: runs[name] for name, end in row.runs().items() if name in runs}
        if not found:
            continue
        parts = list(found.values())
        ends = ", ".join(dict.fromkeys(str(facts["epochs"]) for facts in parts)), _made(row, tuple(found))
        if "gain_db" in parts[0]:
            for kind, gains in parts[0]["gain_db"].items():
                ratios = tuple(f"{ratio} dB" for ratio in gains)
                cleaned.append((row.name, kind, *(f"{gain:+.2f}" for gain in gains.values()), *ends))
        else:
            heard.append((row.name, *(_cell(parts, kind) for kind in ("float", "integer")), *ends))
    text = _table(heard, ("run", "float", "integer, 8 bit", "epochs", "made by")) if heard else ""
    return text + (_table(cleaned, ("gain in SI-SNR, dB, at", "", *ratios, "epochs", "made by")) if cleaned else "")


def _made(row: Row, ends: tuple[str, ...]) -> str:
    """Return the command of the first run, and the folds or seeds of the others."""
    first, *others = ends
    return f"`{row.command.format(first)}`" + (f", and {', '.join(others)}" if others else "")


def _cell(found: list[dict[str, Any]], kind: str) -> str:
    """Return an accuracy with its interval, or the mean of several runs, where all are known, and each of them."""
    parts = [facts.get(kind) for facts in found]
    known = [part["accuracy"] for part in parts if part]
    if not known:
        return ""
    if len(found) == 1:
        low, high = found[0][kind]["interval_95"]
        return f"{known[0]:.1%} ({low:.1%} to {high:.1%})"
    mean = f"{np.mean(known):.1%}" if len(known) == len(found) else "-"
    return f"{mean} (" + ", ".join(f"{100 * part['accuracy']:.1f}" if part else "-" for part in parts) + ")"


def _table(rows: list[tuple[str, ...]], heads: tuple[str, ...]) -> str:
    return "\n" + tabulate(rows, heads, tablefmt="github", disable_numparse=True) + "\n"


if __name__ == "__main__":
    sys.exit(main())
