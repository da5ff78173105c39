"""The worker subprocess in which Lava lives: its own session, a time limit, and nothing left behind.

Importing Lava sets the multiprocessing start method of its process; an exception inside one of its processes often
leaves `run()` waiting for ever; killed, it leaves processes and shared memory. So it runs here, and dies as a group.
"""

import atexit
import contextlib
import json
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

from exporters.lava.install import STANDALONE, find_python
from sim.errors import ToolError
from sim.worker_process import Task, WorkerProcess

__all__ = ["Executor", "Session", "shared_session"]

Executor = Literal["graph", "classes", "netx"]
WORKER = Path(__file__).with_name("worker") / "worker.py"
LOG_TAIL_BYTES = 4000
PATIENCE_S = 2.0


class Session:
    """One worker that serves many jobs; it starts on the first, and again after one that failed."""

    def __init__(self) -> None:
        self._process: WorkerProcess | None = None
        self._folder: Path | None = None
        self._token = ""
        self._owner = os.getpid()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield an empty folder for the files of one job; it goes with the session at the latest."""
        self._disown()
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="snn2hw-"))
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            yield Path(folder)

    def ask(self, plan: Path, raster: Path, result: Path, *, executor: Executor, deadline: float) -> None:
        """Have one job done by ``deadline`` (monotonic clock), or raise a ToolError that says what went wrong."""
        with self._lock, self.scratch() as scratch:
            job = {"executor": executor, "plan": plan, "raster": raster, "result": result, "scratch": scratch}
            try:
                process = self._started()
                process.ask(json.dumps({k: str(v) for k, v in job.items()}))
                error = self._answer(process, deadline)
            except BaseException:
                self.close()
                raise
            if error is not None:
                self.close()  # Lava does not recover from a failed process
                raise ToolError(f"Lava failed: {_in_short(error)}", "docs/lava.md lists what Lava cannot do")

    def close(self) -> None:
        """End the worker with everything it started, and remove what it left."""
        self._disown()
        process, self._process = self._process, None
        folder, self._folder = self._folder, None
        if process is not None:
            process.terminate()  # asked so, it collects its children, which nobody else may do
            process.end(PATIENCE_S)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _disown(self) -> None:
        """Forget what a fork of this process has inherited: it is the parent's."""
        if self._owner != os.getpid():
            self._process, self._folder, self._owner = None, None, os.getpid()

    def _started(self) -> WorkerProcess:
        if self._process is not None:
            if self._process.poll() is None:
                return self._process
            self._process.end(PATIENCE_S)  # somebody killed it while it had nothing to do
        python = find_python()
        assert self._folder is not None, "a job has a scratch folder"
        self._token = f"snn2hw{secrets.token_hex(4)}"
        self._process = WorkerProcess(
            Task(
                script=WORKER,
                words=(str(STANDALONE), self._token, str(self._folder)),
                python=str(python),
                folders=[self._folder],
                token=self._token,
                environment={"TMPDIR": str(self._folder), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
        )
        return self._process

    def _answer(self, process: WorkerProcess, deadline: float) -> str | None:
        """Wait for the worker's line, its end, or the time limit."""
        line = process.answer(deadline)
        if line is None:
            what = f"Lava: not done within its time limit{_said(process)}"
            raise ToolError(what, "give it more time (timeout_s), or fewer samples")
        if not line:
            raise ToolError(f"Lava: its worker ended with code {process.wait()}{_said(process)}", "run it again")
        error: str | None = json.loads(line)["error"]
        return error


def _said(process: WorkerProcess) -> str:
    """Return the end of what Lava said."""
    text = process.log(LOG_TAIL_BYTES)
    return f"; it said: {text}" if text else ""


def _in_short(traceback: str) -> str:
    """Return the error of a traceback and the place that raised it, in one line."""
    lines = [line.strip() for line in traceback.strip().splitlines()]
    places = [line for line in lines if line.startswith("File ")]
    return f"{lines[-1]} ({places[-1]})" if places else lines[-1]


_shared = Session()
atexit.register(_shared.close)


def shared_session() -> Session:
    """Return the session that this process uses for everything, closed when the process ends."""
    return _shared
