"""What lies between a command and its terminal: closed streams, narrow locales, hostile names, signals.

what happens                     what a shell sees
Ctrl-C                           130
SIGTERM, SIGHUP                  143, 129, after everything has been cleaned up; a second signal ends at once
nobody reads standard output     0, no word
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, TextIO

from sim.errors import printable

__all__ = ["with_safe_streams"]

Main = Callable[..., int]
CURSOR_UP = "\x1b[A"
"""What a progress bar below another one writes."""


def with_safe_streams(main: Main) -> Main:
    """Give ``main`` streams that it can always write to, and end it by a signal as a shell expects."""

    @wraps(main)
    def guarded(argv: Sequence[str] | None = None) -> int:
        _open_standard_files()
        with _escaped(), _signals():
            try:
                return main(argv)
            except KeyboardInterrupt:
                return 128 + signal.SIGINT
            except SystemExit as stop:
                return stop.code if isinstance(stop.code, int) else 2

    return guarded


def _open_standard_files() -> None:
    """Open what the caller has closed: else the next file that is opened would be written to as standard output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - for as long as we run


class _Escaped:
    """A text stream on which control characters are written out: a name in a file must not act on a terminal."""

    def __init__(self, stream: TextIO, keep: str) -> None:
        self._stream, self._keep = stream, keep

    def write(self, text: str) -> int:
        """Write what can be shown of a text."""
        parts = text.split(CURSOR_UP) if "\r" in self._keep else [text]
        self._stream.write(CURSOR_UP.join(printable(part, self._keep) for part in parts))
        return len(text)

    def writelines(self, lines: Sequence[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _escaped() -> Iterator[None]:
    before = sys.stdout, sys.stderr
    for stream in before:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a locale need not know every letter
    sys.stdout = _Escaped(before[0], "\n\t")
    sys.stderr = _Escaped(before[1], "\n\t\r")
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


@contextmanager
def _signals() -> Iterator[None]:
    """Turn the signals that end a process into SystemExit, so that what was begun is cleaned up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise SystemExit(128 + number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {n: signal.signal(n, stop) for n in numbers if signal.getsignal(n) == signal.SIG_DFL}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
