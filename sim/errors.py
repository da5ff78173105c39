"""Every error this project raises on purpose.

    Snn2hwError
    |-- ProgramError    a Program breaks a rule of the machine
    |-- InputError      a raster, file or argument is not what was asked for
    |   `-- FileError   a file is corrupt, hostile or not ours
    |-- MachineError    a run left the machine: |a| >= 2^21, an unallowed wrap, a clip where a bound was certified
    |-- UnsupportedError   a model, target or format cannot say what is wanted
    `-- ToolError       an outside program or package failed or ran out of time
        `-- MissingToolError   it is not installed

A message says what, where and what to do: ``population 'conv2': reads 'fc1' with lag 0, which closes a cycle  fix: give
the connection lag=1``. Texts out of files are part of it, so control characters are printed escaped.
"""

from typing import Any

__all__ = [
    "FileError",
    "InputError",
    "MachineError",
    "MissingToolError",
    "ProgramError",
    "Snn2hwError",
    "ToolError",
    "UnsupportedError",
]


def printable(text: str, keep: str = "\n\t") -> str:
    r"""Escape what a terminal would act on or not show, as a name out of a file may hold; keep lines and tabs.

    >>> printable("conv\x1b[2J")
    'conv\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


class Snn2hwError(Exception):
    """An error with its cure: ``what`` names the thing and the place, ``fix`` what to do about it."""

    def __init__(self, what: str, fix: str | None = None) -> None:
        self.what = what
        self.fix = fix
        super().__init__(what if fix is None else f"{what}  fix: {fix}")

    def __str__(self) -> str:
        """Say it for people: whatever a file put into it."""
        return printable(super().__str__())

    def __reduce__(self) -> tuple[type["Snn2hwError"], tuple[Any, ...]]:
        """Survive the way back from a worker process."""
        return type(self), (self.what, self.fix)


class ProgramError(Snn2hwError):
    """A Program breaks a rule of the machine."""


class InputError(Snn2hwError):
    """A raster, file or argument is not what was asked for."""


class MachineError(Snn2hwError):
    """A run left the machine."""


class FileError(InputError):
    """A file is corrupt, hostile or not ours."""


class UnsupportedError(Snn2hwError):
    """A model, a target or a format cannot say what is wanted."""


class ToolError(Snn2hwError):
    """An outside program or package failed or ran out of time."""


class MissingToolError(ToolError):
    """An outside program or package is not installed."""
