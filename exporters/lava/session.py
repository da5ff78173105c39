"""The worker subprocess in which Lava lives: its own session, a time limit, and nothing left behind.

Importing Lava sets the multiprocessing start method of its process; an exception inside one of its processes often
leaves `run()` waiting for ever; killed, it leaves processes and shared memory. So it runs here, and dies as a group.
"""

import atexit
import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from exporters.lava.install import STANDALONE, find_python
from sim.errors import ToolError

__all__ = ["Executor", "Session", "shared_session"]

Executor = Literal["graph", "classes", "netx"]
WORKER = Path(__file__).with_name("worker") / "worker.py"
LOG_TAIL_BYTES = 4000
PATIENCE_S = 2.0
SHARED_MEMORY = Path("/dev/shm")


class Session:
    """One worker that serves many jobs; it starts on the first, and again after one that failed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._token = ""
        self._owner = os.getpid()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
                assert process.stdin is not None
                with contextlib.suppress(BrokenPipeError):  # it has died; waiting for the answer says so
                    process.stdin.write(json.dumps({k: str(v) for k, v in job.items()}).encode() + b"\n")
                    process.stdin.flush()
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
            self._end(process)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _disown(self) -> None:
        """Forget what a fork of this process has inherited: it is the parent's."""
        if self._owner != os.getpid():
            self._process, self._folder, self._owner = None, None, os.getpid()

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()  # asked so, it collects its children, which nobody else may do
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_S)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        if SHARED_MEMORY.is_dir():
            for left in SHARED_MEMORY.glob(f"{self._token}*"):
                left.unlink(missing_ok=True)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None:
            if self._process.poll() is None:
                return self._process
            self._end(self._process)  # somebody killed it while it had nothing to do
        python = find_python()
        assert self._folder is not None, "a job has a scratch folder"
        self._token = f"snn2hw{secrets.token_hex(4)}"
        environment = {**os.environ, "TMPDIR": str(self._folder), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [str(python), "-I", "-B", str(WORKER), str(STANDALONE), self._token, str(self._folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        return self._process

    def _answer(self, process: subprocess.Popen[bytes], deadline: float) -> str | None:
        """Wait for the worker's line, its end, or the time limit."""
        assert process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0:
                what = f"Lava: not done within its time limit{self._log()}"
                raise ToolError(what, "give it more time (timeout_s), or fewer samples")
            if select.select([process.stdout], [], [], min(left, 0.5))[0]:
                piece = os.read(process.stdout.fileno(), 1 << 16)
                line += piece
                ended = not piece
            else:  # its end is not the end of the pipe, which Lava's processes hold as well
                ended = process.poll() is not None
            if ended:
                raise ToolError(f"Lava: its worker ended with code {process.wait()}{self._log()}", "run it again")
        error: str | None = json.loads(line)["error"]
        return error

    def _log(self) -> str:
        """Return the end of what Lava said."""
        if self._folder is None:
            return ""
        text = (self._folder / "log").read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
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
