"""One writer in a folder: a lock that ends with the process that holds it, however that process ends.

The lock is the kernel's (``flock``) on a file ``.lock`` in the folder, so nothing is left to clear after a kill: the
file of a dead process is taken over. While it is held the file says whose it is.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.errors import InputError

__all__ = ["LOCK", "locked", "refuse_locked"]

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold an existing folder while the block runs; refuse one that another process, or thread, is writing to."""
    path = folder / LOCK
    handle = _opened(path)
    try:
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        path.unlink(missing_ok=True)  # before the lock is given back: whoever has opened it meanwhile finds it gone
        os.close(handle)


def refuse_locked(folder: Path) -> None:
    """Refuse a folder that is being written to, before long work whose results it is to hold."""
    with locked(folder):
        pass


def _opened(path: Path) -> int:
    """Return the open and locked file; one that its holder removed between our opening and locking it is no lock."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror or error})", "use another folder") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(path, handle):
                return handle
        except BlockingIOError:
            holder = os.read(handle, 32).decode(errors="replace")
            os.close(handle)
            who = f"process {holder}" if holder.isdigit() else "another process"
            what = f"{path.parent}: {who} is writing to this folder"
            raise InputError(what, "wait until it has ended, or use another folder") from None
        os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    """Return whether the open file is the one that stands under this name."""
    try:
        return path.stat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:  # its holder has removed it meanwhile
        return False
