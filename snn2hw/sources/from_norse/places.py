"""The user's own lines of code, for messages: "net.py:17"."""

import sys
from pathlib import Path
from types import FrameType

__all__ = ["line_of_user", "users_line"]

OURS = Path(__file__).resolve().parents[1]
"""The folder whose frames are not the user's."""


def line_of_user() -> str:
    """Return file and line of the innermost frame that is the user's own, "" when only libraries are running."""
    frame: FrameType | None = sys._getframe()
    began = False
    while frame is not None:
        if OURS in Path(frame.f_code.co_filename).parents:
            if began:
                return ""
        else:
            began = True
            if line := users_line(frame, frame.f_lineno):
                return line
        frame = frame.f_back
    return ""


def users_line(frame: FrameType, line: int) -> str:
    """Return "net.py:17" for a frame of neither this package nor an installed one."""
    file = Path(frame.f_code.co_filename)
    installed = {"site-packages", "dist-packages"} & set(file.parts)
    return "" if installed or OURS in file.parents or not file.is_absolute() else f"{file.name}:{line}"
