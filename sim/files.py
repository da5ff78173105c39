"""Writing: a reader sees the old file or the whole new one, never half, and a failure leaves nothing behind.

    atomic_write(path)    a temporary path to fill, renamed at the end
    write_bytes(path)     the same for what is in memory
    swap_folders          a folder in the place of another, in one step where the system can do that

A link is followed: what it points at is written. What is no plain file (a device, a pipe, a folder) is refused.
"""

import ctypes
import errno
import glob
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sim.draft_guard import guarded
from sim.errors import InputError

fcntl: Any = import_module("fcntl") if find_spec("fcntl") else None
"""Locks that end with their process; None on a system without them."""

__all__ = [
    "atomic_write",
    "check_folder",
    "check_output",
    "fill_file",
    "make_folder",
    "memory_folder",
    "owned_folder",
    "recover_folder",
    "scratch_folder",
    "swap_folders",
    "write_bytes",
]

RENAME_EXCHANGE = 2
AT_FDCWD = -100
DRAFT, REPLACED = ".tmp", ".old"
SHARED_MEMORY = Path("/dev/shm")


def check_output(path: Path | str) -> Path:
    """Return where a file of this name is written, or refuse the name: before the work whose result it is to hold."""
    try:
        final = Path(os.path.realpath(path))
        _refuse_long_name(final)
        mode = final.lstat().st_mode if os.path.lexists(final) else None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be a file ({_said(error)})", "name a file") from None
    if mode is not None and stat.S_ISDIR(mode):
        raise InputError(f"{path}: is a folder", "name a file")
    if mode is not None and not stat.S_ISREG(mode):
        raise InputError(f"{path}: is a device, a pipe or a link without end, not a plain file", "name a file")
    if not final.parent.is_dir():
        raise InputError(f"{final.parent}: no such folder", "make it first, or write elsewhere")
    if not os.access(final.parent, os.W_OK):
        raise InputError(f"{final.parent}: is not writable", "write elsewhere")
    return final


def check_folder(path: Path | str) -> Path:
    """Refuse what `make_folder` could not make, and make nothing: before the work whose results it is to hold."""
    folder = Path(path)
    try:
        _refuse_long_name(folder)
        if os.path.lexists(folder) and not folder.is_dir():
            raise InputError(f"{folder}: exists and is not a folder", "name a folder")
        above = next(p for p in (folder, *folder.absolute().parents) if os.path.lexists(p))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be a folder ({_said(error)})", "name a folder") from None
    if not above.is_dir():
        raise InputError(f"{folder}: cannot be a folder ({above} is none)", "write elsewhere")
    if not os.access(above, os.W_OK):
        raise InputError(f"{above}: is not writable", "write elsewhere")
    return folder


def _said(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _refuse_long_name(final: Path) -> None:
    """Raise OSError where a name, or that of its draft, is longer than the system allows."""
    with suppress(FileNotFoundError, NotADirectoryError):
        os.lstat(final.with_name(f".{final.name}.{'0' * 8}{DRAFT}") if final.name else final)


def make_folder(path: Path | str) -> Path:
    """Make a folder for outputs, and those above it, where it is not there yet."""
    folder = check_folder(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be a folder ({error.strerror or error})", "write elsewhere") from None
    return folder


@contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it there when the block ends well, remove it when it does not."""
    final = check_output(path)
    _remove_drafts(final)
    temporary = final.with_name(f".{final.name}.{secrets.token_hex(4)}{DRAFT}")
    try:
        with _owned(temporary):
            yield temporary
            with temporary.open("rb+") as handle:
                os.fsync(handle.fileno())
            if final.exists():
                shutil.copymode(final, temporary)
            temporary.replace(final)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})", "write elsewhere") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path | str, data: bytes | bytearray | memoryview) -> None:
    """Write a file atomically; a disk without room for all of it is found out before the first byte."""
    with atomic_write(path) as temporary:
        fill_file(temporary, data)


def fill_file(draft: Path, data: bytes | bytearray | memoryview) -> None:
    """Write a draft, which is renamed or removed by whoever made it; the room for it is taken first."""
    with draft.open("wb") as handle:
        _reserve(handle.fileno(), len(data))
        handle.write(data)


def _reserve(handle: int, size: int) -> None:
    """Take the room for a file at once, where the system can say that there is none."""
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(handle, 0, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                raise


def swap_folders(draft: Path, final: Path) -> None:
    """Put ``draft`` in the place of ``final``, which goes: in one step, or so that it can be recovered."""
    if not final.exists():
        draft.rename(final)
    elif _exchanged(draft, final):
        shutil.rmtree(draft, ignore_errors=True)
    else:
        old = draft.with_suffix(REPLACED)
        final.rename(old)
        try:
            draft.rename(final)
        except BaseException:
            old.rename(final)
            raise
        shutil.rmtree(old, ignore_errors=True)


def recover_folder(final: Path) -> None:
    """Put back or clear away what a call that was killed has left of a folder; what another call works on stays."""
    if not _remove_drafts(final):
        return
    for old in _left_of(final, REPLACED):
        with suppress(OSError):
            if final.exists():
                shutil.rmtree(old)
            else:
                old.rename(final)


@contextmanager
def owned_folder(draft: Path) -> Iterator[None]:
    """Make a draft folder that no other call takes for a remnant while the block runs."""
    with guarded(draft):
        draft.mkdir()
        with _held(draft):
            yield


@contextmanager
def scratch_folder(prefix: str, where: Path | None = None) -> Iterator[Path]:
    """Make a folder for temporary files that is gone after the block; one that a killed process left goes first."""
    for left in Path(where or tempfile.gettempdir()).glob(f"{glob.escape(prefix)}*"):
        with suppress(OSError):
            mine = not hasattr(os, "getuid") or left.lstat().st_uid == os.getuid()
            if left.is_dir() and not left.is_symlink() and mine and _is_left(left):
                shutil.rmtree(left)
    folder = Path(where or tempfile.gettempdir()) / f"{prefix}{secrets.token_hex(8)}"
    draft = folder.with_name(f".{folder.name}")
    with guarded(draft), guarded(folder):
        draft.mkdir(0o700)
        with _held(draft):
            draft.rename(folder)  # held before any other call looks for it
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)


def memory_folder() -> Path | None:
    """Return where files lie in memory, on a system that has such a place."""
    return SHARED_MEMORY if SHARED_MEMORY.is_dir() and os.access(SHARED_MEMORY, os.W_OK) else None


@contextmanager
def _owned(temporary: Path) -> Iterator[None]:
    with guarded(temporary):
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        with _held(temporary):
            yield


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold a lock that ends with this process, however it ends."""
    handle = None if fcntl is None else os.open(path, os.O_RDONLY)
    try:
        if handle is not None:
            with suppress(OSError):  # a file system without locks: remnants stay there
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _left_of(final: Path, suffix: str) -> list[Path]:
    return sorted(final.parent.glob(f".{glob.escape(final.name)}.????????{suffix}"))


def _remove_drafts(final: Path) -> bool:
    """Remove drafts whose writer is gone; return whether no writer is left."""
    alone = True
    for draft in _left_of(final, DRAFT):
        if not _is_left(draft):
            alone = False
        elif draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            with suppress(OSError):
                draft.unlink()
    return alone


def _is_left(draft: Path) -> bool:
    """Tell whether nobody holds a draft any more."""
    if fcntl is None:  # nobody can tell
        return False
    try:
        handle = os.open(draft, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two names in one step (Linux); return whether the system could."""
    if sys.platform != "linux":
        return False
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0)
