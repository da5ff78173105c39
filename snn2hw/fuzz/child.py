"""The process in which a case is tried: what it does to a process, it does to this one.

Each line on standard input is a job, each line on standard output its outcome:

    {"reader": NAME}                                            ->  {"outcome": "read" | "refused" | ..., "error"}
    {"reader": NAME, "seeds": [FILES], "seed": [], "cases": N}  ->  {"tried": {outcome: N}, "found": [...]}
    {"program": FILE, "raster": FILE, "executors": []}          ->  {"outcome": "equal" | "differs" | ..., "error"}
    {"executors": [], "seed": [], "cases": N}                   ->  {"tried": {"executor outcome": N}, "found": [...]}

A reader alone is given the case that lies in the folder; batches are damaged, and drawn, here.
"""

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from snn2hw.fuzz.file_batch import Desk, FileBatch, case_file
from snn2hw.fuzz.guards import CASE_S, limit_memory, limit_time
from snn2hw.fuzz.readers import READERS

__all__ = ["main"]


class Child:
    """What this process keeps from one job to the next."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._desk: Desk | None = None
        self._seeds: dict[str, list[bytes]] = {}

    def answer(self, job: dict[str, Any]) -> dict[str, Any]:
        """Do a job."""
        if "reader" not in job:
            from snn2hw.fuzz.program_batch import compare_file, program_batch

            return compare_file(job) if "program" in job else program_batch(job, self._folder)
        self._desk = self._desk or Desk(self._folder)
        limit_memory()
        reader = job["reader"]
        if "cases" not in job:
            limit_time(CASE_S if job.get("warm") else 0)
            outcome, error = self._desk.give(reader)
            limit_time(0)
            return {"outcome": outcome, "error": error}
        if reader not in self._seeds:
            self._seeds[reader] = [Path(name).read_bytes() for name in job["seeds"]]
            for data in self._seeds[reader]:  # what the reader imports is no case's doing
                case_file(self._folder, READERS[reader].suffix).write_bytes(data)
                self._desk.give(reader)
        return self._desk.batch(FileBatch(reader, self._seeds[reader], job["seed"], job["cases"]))


def main() -> None:
    """Answer jobs until there are no more."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes to the log
    warnings.simplefilter("ignore")
    child = Child(Path(sys.argv[1]))
    for line in sys.stdin:
        answers.write(json.dumps(child.answer(json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
