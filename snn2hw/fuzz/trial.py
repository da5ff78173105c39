"""Cases, tried in a child process that may be lost over them."""

import json
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sim.worker_process import Task, WorkerProcess, import_path
from snn2hw.fuzz.file_batch import Beat, case_file
from snn2hw.fuzz.guards import CASE_S
from snn2hw.fuzz.outcome import TrialResult
from snn2hw.fuzz.readers import READERS

__all__ = ["BatchResult", "Trials"]

CHILD = Path(__file__).with_name("child.py")
LOG_BYTES = 300


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch: cases by outcome, and those that failed with the file in which they lie."""

    tried: Counter[str]
    found: Sequence[tuple[TrialResult, Path]]
    lost: bool = False
    """Whether the child was."""


class Trials:
    """A child that tries cases, replaced when one ends it; ``timeout_s`` is what a case may take by the clock."""

    def __init__(self, folder: Path, timeout_s: float) -> None:
        self.folder, self.timeout_s, self.count = folder, timeout_s, 0
        self._worker: WorkerProcess | None = None
        self._warm: set[str] = set()

    def __enter__(self) -> Self:
        """Return it; the child starts with the first case."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the child."""
        self._end()

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.end(0.0)
            self._worker = None
            self._warm.clear()

    def file(self, reader: str, data: bytes, suffix: str) -> TrialResult:
        """Give ``data`` to a reader."""
        case_file(self.folder, suffix).write_bytes(data)
        outcome = self.one({"reader": reader, "warm": reader in self._warm})
        self._warm.add(reader)
        return outcome

    def file_batch(self, job: dict[str, Any]) -> BatchResult:
        """Have a batch of damaged files tried; one over which the child is lost ends the batch."""
        said = self._ask(job)
        if isinstance(said, TrialResult):
            read, refused = Beat(self.folder).get()
            tried = Counter({"read": read, "refused": refused, said.kind: 1})
            return BatchResult(tried, [(said, case_file(self.folder, READERS[job["reader"]].suffix))], lost=True)
        return _batch_result(said)

    def program_batch(self, job: dict[str, Any]) -> BatchResult:
        """Have a batch of random programs run; what it was about to run lies in the folder if the child is lost."""
        said = self._ask(job)
        if isinstance(said, TrialResult):
            left = [path for path in [self.folder / "case.nir"] if path.exists()]
            return BatchResult(Counter({f"batch {said.kind}": 1}), [(said, path) for path in left], lost=True)
        return _batch_result(said)

    def one(self, job: dict[str, Any]) -> TrialResult:
        """Have one case tried."""
        said = self._ask(job)
        return said if isinstance(said, TrialResult) else TrialResult(said["outcome"], said["error"])

    def _ask(self, job: dict[str, Any]) -> "dict[str, Any] | TrialResult":
        """Have one job done; return its answer, or how the child was lost."""
        self.count += 1
        if self._worker is None:
            environment = {"TMPDIR": str(self.folder), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
            task = Task(CHILD, (str(self.folder),), path=import_path(), folders=[self.folder], environment=environment)
            self._worker = WorkerProcess(task)
        self._worker.ask(json.dumps(job))
        line = self._worker.answer(time.monotonic() + self.timeout_s)
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        if line is None:
            outcome = TrialResult("hang", f"not done within {self.timeout_s:g} s")
        elif (code := self._worker.wait()) == -signal.SIGPROF:
            outcome = TrialResult("hang", f"not done within {CASE_S:g} s of processor time")
        else:
            outcome = TrialResult("crash", f"exit code {code}: {self._worker.log(LOG_BYTES)}")
        self._end()
        return outcome


def _batch_result(said: dict[str, Any]) -> BatchResult:
    found = [(TrialResult(f["kind"], f["error"]), Path(f["file"])) for f in said["found"]]
    return BatchResult(Counter(said["tried"]), found)
