"""A process that does work for this one: in a session of its own, with a log and time limits, gone when this is gone.

It never imports from the working folder: Python's safe path is on, and where ``path`` is given, that is its whole
import path. A guard (`sim.worker_guard`) ends it with all it started, however this process ends.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sim.worker_guard import DONE, PID_BYTES, remove_shared_memory

__all__ = ["Task", "WorkerProcess", "import_path"]

GUARD = Path(__file__).with_name("worker_guard.py")
POLL_S = 0.5
GUARD_ENDS_S = 10.0


@dataclass(frozen=True)
class Task:
    """What a worker runs: a script by its path, and where.

    ``folders`` are removed if the owner dies. ``token`` begins the names of the shared memory that the worker makes.
    """

    script: Path
    words: Sequence[str] = ()
    python: str = sys.executable
    path: Sequence[str] = ()
    folders: Sequence[Path] = ()
    token: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


def import_path(*, working_folder: bool = False) -> list[str]:
    """Return the import path of this process without the working folder; that stands last where it is asked for."""
    here = os.path.realpath(Path.cwd())
    project = str(Path(__file__).parents[1])
    others = [p for p in sys.path if p and os.path.realpath(p) not in (here, os.path.realpath(project))]
    return [project, *others, *([here] if working_folder else [])]


class WorkerProcess:
    """A running worker; `end` it, or use it as a context manager."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`
        self._mine, theirs = socket.socketpair()
        facts = {"token": task.token, "folders": [str(f) for f in task.folders], "path": list(task.path)}
        command = [task.python, "-P", "-B", str(GUARD), str(theirs.fileno()), json.dumps(facts), str(task.script)]
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with theirs:
            self._process = subprocess.Popen(
                [*command, *task.words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                start_new_session=True,
                pass_fds=[theirs.fileno()],
                env={**inherited, "PYTHONSAFEPATH": "1", "PYTHONUTF8": "1", **task.environment},
            )
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """Return the exit code of a worker that has ended."""
        return self._process.poll()

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for its end and return its exit code."""
        return self._process.wait(timeout_s)

    def ask(self, line: str) -> None:
        """Hand over one line; a worker that has died says so when it is waited for."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def answer(self, deadline: float) -> bytes | None:
        """Return one line, nothing at the worker's end, None at the deadline (monotonic clock)."""
        assert self._process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if select.select([self._process.stdout], [], [], min(left, POLL_S))[0]:
                piece = os.read(self._process.stdout.fileno(), 1 << 16)
                line += piece
                ended = not piece
            else:  # its end is not the end of the pipe, which processes that it started may hold as well
                ended = self._process.poll() is not None
            if ended:
                return b""
        return line

    def finish(self, data: bytes, timeout_s: float) -> tuple[int, bytes] | None:
        """Hand over everything at once and return exit code and output, or None when time is up."""
        try:
            output, _ = self._process.communicate(data, timeout_s)
        except subprocess.TimeoutExpired:
            return None
        return self._process.returncode, output

    def log(self, most: int) -> str:
        """Return the end of what it said on standard error."""
        self._log.seek(max(0, self._log.seek(0, 2) - most))
        return self._log.read().decode(errors="replace").strip()

    def close_input(self) -> None:
        """Say that there will be no more work."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def terminate(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def end(self, patience_s: float) -> None:
        """Wait so long for its own end, then kill it with everything in its session."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self.close_input()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._dismiss_guard()
        remove_shared_memory(self._task.token)
        self._log.close()

    def _dismiss_guard(self) -> None:
        """Tell the guard that all is done, and wait until it is gone."""
        with self._mine, contextlib.suppress(OSError):
            self._mine.settimeout(GUARD_ENDS_S)
            guard = int.from_bytes(self._mine.recv(PID_BYTES), "little")
            ends = os.pidfd_open(guard) if hasattr(os, "pidfd_open") and guard else None
            self._mine.sendall(DONE)
            if ends is None:
                self._mine.recv(1)
                return
            select.select([ends], [], [], GUARD_ENDS_S)
            os.close(ends)
