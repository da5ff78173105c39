"""What is half done goes even where its writer is killed: a small shell outlives it and removes its drafts.

    with guarded(draft): ...       the draft is removed if this process ends within the block, however it ends

The shell is started with the first draft and reads the names of drafts from a pipe, which ends with this process.
On a system without one, drafts stay until the next call looks for them (`sim.files`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["guarded"]

SHELL = "/bin/sh"
SCRIPT = """cd /
while IFS= read -r line; do
  case $line in
    +*) set -- "$@" "${line#+}" ;;
    -*) for path do shift; [ "$path" = "${line#-}" ] || set -- "$@" "$path"; done ;;
  esac
done
for path do
  for try in 1 2 3 4 5 6; do rm -rf -- "$path" && break; sleep 1; done
done
"""
"""``+PATH`` is a draft, ``-PATH`` no longer one. Removing a folder fails while another process still fills it."""

_pipes: dict[int, int | None] = {}
"""Process to its end of the pipe: a fork has a guard of its own."""


@contextmanager
def guarded(draft: Path) -> Iterator[None]:
    """Have a file or folder removed if this process ends before the block does."""
    name = os.path.abspath(draft)  # noqa: PTH100 - a link is removed, not what it points at
    pipe = None if "\n" in name else _pipe()
    _say(pipe, f"+{name}")
    try:
        yield
    finally:
        _say(pipe, f"-{name}")


def _pipe() -> int | None:
    """Return the pipe to this process's guard, which is started where there is none."""
    mine = os.getpid()
    if mine not in _pipes:
        _pipes.clear()
        _pipes[mine] = _started()
    return _pipes[mine]


def _started() -> int | None:
    if not hasattr(os, "posix_spawn") or not os.access(SHELL, os.X_OK):
        return None
    listens, speaks = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, listens, 0)]
    nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    try:
        # A group of its own: neither Ctrl-C nor the end of this group ends it.
        os.posix_spawn(SHELL, [SHELL, "-c", SCRIPT], os.environ, file_actions=[*actions, *nothing], setpgroup=0)
    except OSError:
        os.close(speaks)
        return None
    finally:
        os.close(listens)
    return speaks


def _say(pipe: int | None, line: str) -> None:
    if pipe is not None:
        with suppress(OSError):  # somebody has killed it: then the next call looks for what is left
            os.write(pipe, os.fsencode(line) + b"\n")
