"""The environment of its own in which xylosim runs: its licence is unknown, so nothing of it is copied or shipped.

xylosim 0.1.3 is a source distribution of C++: installing it needs a C++ compiler and takes about a minute.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from exporters.environment import Environment, Say, pip
from sim.errors import MissingToolError

__all__ = ["ENVIRONMENT", "find_python", "install"]

XYLOSIM = ("xylosim==0.1.3",)
PINS = ("numpy==2.4.6",)
MADE_OF: dict[str, Sequence[str]] = {"xylosim": XYLOSIM, "pins": PINS}
ENVIRONMENT = Environment("xylosim", "xylosim", "SNN2HW_XYLOSIM", "snn2hw install xylosim", MADE_OF)
COMPILERS = ("c++", "g++", "clang++", "cl")


def find_python() -> Path:
    """Return the interpreter that has xylosim, or say what to type."""
    return ENVIRONMENT.find_python()


def install(folder: Path | None = None, *, force: bool = False, say: Say = print) -> bool:
    """Make the environment; return whether there was anything to do. A second call takes no time."""

    def fill(python: Path) -> None:
        if not any(map(shutil.which, COMPILERS)):
            raise MissingToolError("xylosim: no C++ compiler", "install one, such as g++ or clang, and type it again")
        say(f"xylosim: building {', '.join((*XYLOSIM, *PINS))}, about a minute")
        ENVIRONMENT.call([*pip(python), *PINS, *XYLOSIM], "building xylosim")
        ENVIRONMENT.call([str(python), "-I", "-c", "import xylosim.v2"], "importing xylosim")

    return ENVIRONMENT.make(ENVIRONMENT.folder if folder is None else folder.absolute(), fill, force=force, say=say)
