"""One reader of a file from outside, as the fuzzer knows it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Reader"]


@dataclass(frozen=True)
class Reader:
    """A reader: the kind of its files, the packages it needs, and how it reads one."""

    suffix: str
    needs: tuple[str, ...]
    read: Callable[[Path], object]
