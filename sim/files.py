"""Writing a file so that a reader sees the old one or the whole new one, never half."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.errors import InputError

__all__ = ["atomic_write", "check_output", "make_folder"]


def check_output(path: Path | str) -> None:
    """Refuse a name that no file can be written under: before the work whose result it is to hold."""
    final = Path(path)
    if final.is_dir():
        raise InputError(f"{final}: is a folder", "name a file")
    if not final.parent.is_dir():
        raise InputError(f"{final.parent}: no such folder", "make it first, or write elsewhere")
    if not os.access(final.parent, os.W_OK):
        raise InputError(f"{final.parent}: is not writable", "write elsewhere")


def make_folder(path: Path | str) -> Path:
    """Make a folder for outputs, and those above it, before the work whose results it is to hold."""
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: exists and is not a folder", "name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be a folder ({error.strerror or error})", "write elsewhere") from None
    if not os.access(folder, os.W_OK):
        raise InputError(f"{folder}: is not writable", "write elsewhere")
    return folder


@contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it there when the block ends well, remove it when it does not."""
    final = Path(path)
    check_output(final)
    temporary = final.with_name(f".{final.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        temporary.replace(final)
    except OSError as error:
        raise InputError(f"{final}: cannot be written ({error.strerror or error})", "write elsewhere") from error
    finally:
        temporary.unlink(missing_ok=True)
