"""What a process that meets damaged files is allowed: memory, processor time, and to write in one folder only."""

import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

__all__ = ["CASE_S", "MEMORY_BYTES", "Growth", "WriteWatch", "limit_memory", "limit_time"]

MEMORY_BYTES = 4 << 30
"""What one case may ask for beyond what the process has; the system refuses more."""
GROWTH_BYTES = 1 << 30
"""What a small damaged file may make the process grow by, at its peak."""
PEAK_KEPT_BYTES = 1 << 26
"""The peak is forgotten once it is so far above where it was, or the next growth would hide below it."""
CASE_S = 5.0
"""Processor time of one case."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = frozenset(
    [
        *(f"os.{what}" for what in ("rename", "remove", "mkdir", "rmdir", "link", "symlink", "truncate", "chmod")),
        *("os.chown", "os.utime", "os.exec", "os.fork", "os.posix_spawn", "os.system", "subprocess.Popen"),
        *("shutil.rmtree", "shutil.move", "shutil.copyfile", "socket.connect", "socket.bind"),
    ]
)
"""Events that change something outside the process, whatever their arguments."""


def limit_memory() -> None:
    """Let the system refuse what would take the machine down."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def limit_time(seconds: float = CASE_S) -> None:
    """Have the system end this process after so much processor time, wherever it is then; 0 takes that back."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


class Growth:
    """How far the process has grown beyond where it was."""

    def __init__(self) -> None:
        self._before = _peak_bytes()

    def grown(self) -> int:
        """Return by how many bytes the peak has risen since the last question."""
        peak = _peak_bytes()
        grown, self._before = peak - self._before, peak
        if grown > PEAK_KEPT_BYTES:
            self._before = _forget_peak()
        return grown


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _forget_peak() -> int:
    """Begin a new peak, and return it."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:  # another system: growth below the old peak stays unseen
        return _peak_bytes()
    return _peak_bytes()


class WriteWatch:
    """Notes what is opened for writing, renamed, removed, started or connected outside one folder."""

    def __init__(self, folder: Path) -> None:
        self._inside, self._on = str(folder), False
        self._seen: list[str] = []
        sys.addaudithook(self._note)

    def begin(self) -> None:
        """Watch from here on."""
        self._on = True

    def end(self) -> list[str]:
        """Watch no longer; return what was seen."""
        self._on = False
        seen, self._seen = self._seen, []
        return seen

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on or (event != "open" and event not in CHANGES):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & WRITING):
            return
        first = arguments[0] if arguments else ""
        where = os.fsdecode(first) if isinstance(first, bytes) else str(first)
        if not where.startswith(self._inside) and where != os.devnull:
            self._seen.append(f"{event} {where}")
