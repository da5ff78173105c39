"""Spiking networks and their CNN twin made cheap by the same means: accuracy against energy, over seeds.

python benchmarks/pareto.py --data ../shared/data --work runs/pareto -o benchmarks/results --page
"""

import argparse
import sys
import time
from pathlib import Path

from pareto_plan import TASKS, next_run
from pareto_train import train
from results import ended


def main() -> int:
    arguments = _arguments()
    work = Path(arguments.work).resolve()
    work.mkdir(parents=True, exist_ok=True)
    while (run := next_run(tuple(arguments.tasks.split(",")), arguments.seeds, work)) is not None:
        began = time.monotonic()
        train(run, arguments.data.resolve(), work)
        print(f"{run.task:9} {run.name:24} {time.monotonic() - began:6.0f} s", flush=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds fsdd/ and speech_commands/")
    parser.add_argument("--work", type=Path, required=True, help="where trainings live; started again, it goes on")
    parser.add_argument("--tasks", default=",".join(TASKS), help="some of digits,keywords")
    parser.add_argument("--seeds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(ended(main))
