"""Keep one executor at arm's length: its own process, in its own session, with a time limit and a log."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Answer", "Isolated"]

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
    its time, and killed `PATIENCE_S` after it.
    """

    def __init__(self, executor: str, program: Path, raster: Path, *, timeout_s: float, folder: Path | None) -> None:
        self.timeout_s = timeout_s
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        words = [executor, str(program), str(raster), str(timeout_s), *([str(folder.resolve())] if folder else [])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "snn2hw.verification.worker", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        self._asked_at = 0.0

    def __enter__(self) -> Self:
        """Return the running worker."""
        return self

    def ask(self, start: int, stop: int, out: Path) -> None:
        """Hand over one chunk; do not wait."""
        self._asked_at = time.monotonic()
        self._out = out
        assert self._process.stdin is not None
        try:
            self._process.stdin.write((json.dumps([start, stop, str(out)]) + "\n").encode())
            self._process.stdin.flush()
        except OSError:
            return  # it has died; `answer` will say how

    def answer(self) -> Answer:
        """Wait for the chunk that was asked for."""
        line = self._read_line()
        seconds = time.monotonic() - self._asked_at
        if line is None:
            return Answer(None, seconds, message=f"no answer within {self.timeout_s:g} s{self._tail()}")
        if not line:
            code = self._process.wait()
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            return Answer(None, seconds, message=f"the process died ({how}){self._tail()}")
        said: dict[str, Any] = json.loads(line)
        if said["ok"] and said["seconds"] > self.timeout_s:
            return Answer(None, seconds, message=f"took {said['seconds']:.3g} s, more than {self.timeout_s:g} s")
        if said["ok"]:
            return Answer(self._out, said["seconds"], losses=tuple(said["losses"]))
        return Answer(None, seconds, status=said["status"], message=said["message"])

    def _read_line(self) -> bytes | None:
        """Return one line, nothing at the end of the stream, None when time is up."""
        assert self._process.stdout is not None
        deadline, line = self._asked_at + self.timeout_s + PATIENCE_S, b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return None
            piece = os.read(self._process.stdout.fileno(), 1 << 16)
            if not piece:
                return b""
            line += piece
        return line

    def _tail(self) -> str:
        self._log.seek(0)
        text = self._log.read().decode(errors="replace").strip()[-LOG_TAIL:]
        return f": {text}" if text else ""

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let it clean up, then end its whole session."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(timeout=PATIENCE_S if kind is None else 1.0)
        except (OSError, subprocess.TimeoutExpired):
            pass  # it is killed below
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process.stdout.close()
            self._log.close()
