"""Keep one executor at arm's length: its own process, in its own session, with a time limit and a log."""

import json
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sim.worker_process import Task, WorkerProcess, import_path

__all__ = ["PROGRAM", "Answer", "Isolated"]

WORKER = Path(__file__).with_name("worker.py")
PROGRAM = "program.nir"
"""What the worker finds in its scratch folder."""
LOG_TAIL = 600
PATIENCE_S = 10.0
"""How long an executor that is over its time may take to say so and to clean up after itself before it is killed."""


@dataclass(frozen=True)
class Answer:
    """What came back for one chunk: the file of arrays, or why there is none."""

    out: Path | None
    seconds: float
    losses: tuple[str, ...] = ()
    status: str = "failed"
    message: str | None = None


class Isolated:
    """A worker process that runs one executor, chunk by chunk; use it as a context manager.

    An executor that takes more than ``timeout_s`` for a chunk has failed, whether it answers late or never: it is told
    its time, and killed `PATIENCE_S` after it. ``scratch`` holds the program, the rasters and whatever the executor
    writes, and goes with this process. Only an executor of the caller's own, ``module:function``, is looked for in the
    working folder, and there last.
    """

    def __init__(self, executor: str, scratch: Path, *, timeout_s: float, folder: Path | None) -> None:
        self.timeout_s = timeout_s
        words = [executor, str(scratch / PROGRAM), str(timeout_s), *([str(folder.resolve())] if folder else [])]
        self._worker = WorkerProcess(
            Task(
                script=WORKER,
                words=words,
                path=import_path(working_folder=":" in executor),
                folders=[scratch],
                environment={"TMPDIR": tempfile.mkdtemp(dir=scratch)},
            )
        )
        self._asked_at = 0.0

    def __enter__(self) -> Self:
        """Return the running worker."""
        return self

    def ask(self, raster: Path, out: Path) -> None:
        """Hand over one chunk, a file of messages; do not wait."""
        self._asked_at = time.monotonic()
        self._out = out
        self._worker.ask(json.dumps([str(raster), str(out)]))

    def answer(self) -> Answer:
        """Wait for the chunk that was asked for."""
        line = self._worker.answer(self._asked_at + self.timeout_s + PATIENCE_S)
        seconds = time.monotonic() - self._asked_at
        if line is None:
            return Answer(None, seconds, message=f"no answer within {self.timeout_s:g} s{self._tail()}")
        if not line:
            code = self._worker.wait()
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            return Answer(None, seconds, message=f"the process died ({how}){self._tail()}")
        said: dict[str, Any] = json.loads(line)
        if said["ok"] and said["seconds"] > self.timeout_s:
            return Answer(None, seconds, message=f"took {said['seconds']:.3g} s, more than {self.timeout_s:g} s")
        if said["ok"]:
            return Answer(self._out, said["seconds"], losses=tuple(said["losses"]))
        return Answer(None, seconds, status=said["status"], message=said["message"])

    def _tail(self) -> str:
        text = self._worker.log(4 * LOG_TAIL)[-LOG_TAIL:]
        return f": {text}" if text else ""

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let it clean up, then end its whole session."""
        self._worker.close_input()
        self._worker.end(PATIENCE_S if kind is None else 1.0)
