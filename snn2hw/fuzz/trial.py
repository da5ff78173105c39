"""One case, tried in a child process that may be lost over it."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sim.worker_process import Task, WorkerProcess, import_path

__all__ = ["GOOD", "TrialResult", "Trials"]

CHILD = Path(__file__).with_name("child.py")
GOOD = frozenset({"read", "refused", "equal"})
LOG_BYTES = 300


@dataclass(frozen=True)
class TrialResult:
    """How a case ended: ``kind`` is in `GOOD`, or foreign, memory, differs, hang or crash."""

    kind: str
    error: str

    def like(self, other: "TrialResult") -> bool:
        """Tell whether two cases fail the same way."""
        same_place = self.kind != "foreign" or self.error == other.error
        return self.kind == other.kind and same_place


class Trials:
    """A child that tries cases, replaced when one ends it; ``timeout_s`` is what a case may take."""

    def __init__(self, folder: Path, timeout_s: float) -> None:
        self.folder, self.timeout_s, self.count = folder, timeout_s, 0
        self._worker: WorkerProcess | None = None

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

    def file(self, reader: str, data: bytes, suffix: str) -> TrialResult:
        """Give ``data`` to a reader."""
        path = self.folder / f"case{suffix}"
        path.write_bytes(data)
        return self.ask({"reader": reader, "file": str(path), "limit": True}, self.timeout_s)

    def ask(self, job: dict[str, Any], timeout_s: float) -> TrialResult:
        """Have one job done."""
        self.count += 1
        if self._worker is None:
            environment = {"TMPDIR": str(self.folder), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
            task = Task(CHILD, path=import_path(), folders=[self.folder], environment=environment)
            self._worker = WorkerProcess(task)
        self._worker.ask(json.dumps(job))
        line = self._worker.answer(time.monotonic() + timeout_s)
        if line:
            said = json.loads(line)
            return TrialResult(said["outcome"], said["error"])
        if line is None:
            outcome = TrialResult("hang", f"not done within {timeout_s:g} s")
        else:
            outcome = TrialResult("crash", f"exit code {self._worker.wait()}: {self._worker.log(LOG_BYTES)}")
        self._end()
        return outcome
