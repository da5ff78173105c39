"""The first code of every worker process: it leaves a guard behind, then becomes the worker.

    python -P -B worker_guard.py SOCKET {"token": TEXT, "folders": [...], "path": [...]} SCRIPT WORDS...

The guard is a fork of the worker, made before anything heavy is imported. When the worker ends, however it ends, the
guard kills what is left of the worker's process group and removes its shared memory. When the owner's end of the socket
closes without a word, the owner is dead: then the guard ends the worker too, and removes its folders. This file is run
by its path, in other environments too, and imports nothing of the project.
"""

import contextlib
import json
import os
import runpy
import select
import shutil
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["DONE", "PID_BYTES", "main", "remove_shared_memory"]

DONE = b"q"
"""The owner's last word: it has ended the worker itself, and cleans up after it."""
PID_BYTES = 8
"""The guard's first word is its process id, in so many bytes."""
SHARED_MEMORY = Path("/dev/shm")
GROUP_ENDS_S = 1.0
"""A group whose members nobody collects seems never to end."""
POLL_S = 0.2


def main() -> None:
    """Split into guard and worker."""
    socket, said, script, *words = sys.argv[1:]
    handle, facts, worker = int(socket), json.loads(said), os.getpid()
    go_on = (
        partial(_stand_guard, handle, worker, facts) if os.fork() == 0 else partial(_work, handle, facts, script, words)
    )
    go_on()


def _stand_guard(handle: int, worker: int, facts: dict[str, Any]) -> None:
    with contextlib.suppress(BaseException):
        _guard(handle, worker, facts)
    os._exit(0)


def _work(handle: int, facts: dict[str, Any], script: str, words: list[str]) -> None:
    os.close(handle)
    if facts["path"]:
        sys.path[:] = facts["path"]
    sys.argv = [script, *words]
    runpy.run_path(script, run_name="__main__")


def _guard(handle: int, worker: int, facts: dict[str, Any]) -> None:
    """Wait for the end of the worker and of its owner."""
    os.setpgid(0, 0)  # out of the group that it will kill
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)  # the worker's pipes must end with the worker
    with contextlib.suppress(OSError):  # an owner that is dead already hears nothing, and is mourned below
        os.write(handle, os.getpid().to_bytes(PID_BYTES, "little"))
    alive, word = True, None
    while word is None:
        ready = select.select([handle], [], [], POLL_S if alive else None)[0]
        if ready:
            word = b""
            with contextlib.suppress(OSError):  # a reset, where the owner died without having read our first word
                word = os.read(handle, 1)
        if alive and os.getppid() != worker:
            alive = False
            _end_group(worker, facts["token"])
    if word != DONE:
        _end_group(worker, facts["token"])
        for folder in facts["folders"]:
            shutil.rmtree(folder, ignore_errors=True)


def _end_group(worker: int, token: str) -> None:
    """Kill a process group and wait until nobody is left in it; its number is not used again while this guard lives."""
    deadline = time.monotonic() + GROUP_ENDS_S
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(worker, signal.SIGKILL)
            time.sleep(0.01)
    remove_shared_memory(token)


def remove_shared_memory(token: str) -> None:
    """Remove the shared memory of one worker, all of whose names begin with ``token``."""
    if token and SHARED_MEMORY.is_dir():
        for left in SHARED_MEMORY.glob(f"{token}*"):
            left.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
