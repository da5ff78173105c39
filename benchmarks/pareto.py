"""Spiking networks and their CNN twin made cheap by the same means: accuracy against energy, over seeds.

python benchmarks/pareto.py --data DATA --work runs/pareto -o benchmarks/results --page

DATA holds fsdd/ and speech_commands/. Trainings run one after the other, each in a process of its own; started again,
the study goes on where it was. --no-train judges and writes what has been trained so far.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from pareto_judge import judged
from pareto_page import draw, sentences, table
from pareto_plan import NETS, STRENGTHS, TASKS, Run, chosen, next_run, study
from pareto_train import train
from results import ended, into_page, write

SCHEMA = "snn2hw.benchmark.pareto/1"
DOCS = Path(__file__).resolve().parents[1] / "docs" / "energy.md"
README = Path(__file__).resolve().parents[1] / "README.md"
NICE = 10
"""Others come first while trainings run."""


def main() -> int:
    arguments = _arguments()
    torch.set_num_threads(1)
    tasks, work, data = tuple(arguments.tasks.split(",")), arguments.work.resolve(), arguments.data.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if not arguments.no_train:
        os.nice(NICE)
    while not arguments.no_train and (run := next_run(tasks, arguments.seeds, work)) is not None:
        began = time.monotonic()
        train(run, data, work)
        print(f"{run.task:9} {run.name:24} {time.monotonic() - began:6.0f} s", flush=True)
    rows = [_row(run, data, work) for run in study(tasks, arguments.seeds, work) if run.finished(work)]
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "pareto.json", json.dumps({"schema": SCHEMA, "rows": rows}, indent=1) + "\n")
    pages = texts(rows)
    write(folder / "pareto.md", pages[DOCS])
    draw(rows, folder)
    print(pages[DOCS])
    if arguments.page:
        for page, text in pages.items():
            into_page("pareto.py", text, page)
    return 0


def texts(rows: list[dict[str, Any]]) -> dict[Path, str]:
    """Return what stands between the marks of every page."""
    return {DOCS: f"{table(rows)}\n{sentences(rows)}", README: sentences(rows)}


def _row(run: Run, data: Path, work: Path) -> dict[str, Any]:
    """Return the row of a run, and whether it is of the strength that validation chose."""
    share, price = STRENGTHS.get(run.strength, (0.0, 0.0))
    used = run.kind == "dense" or run.strength == chosen(run.task, run.net, work)
    return judged(run, data, work) | {"steps": NETS[run.net][1], "prune": share, "quiet": price, "used": used}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds fsdd/ and speech_commands/")
    parser.add_argument("--work", type=Path, required=True, help="where trainings live; started again, it goes on")
    parser.add_argument("--tasks", default=",".join(TASKS), help="some of digits,keywords")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-train", action="store_true", help="judge and write what has been trained so far")
    parser.add_argument("--page", action="store_true", help="put table and sentences into docs/energy.md and README.md")
    parser.add_argument("-o", "--output", default="benchmarks/results", metavar="FOLDER")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(ended(main))
