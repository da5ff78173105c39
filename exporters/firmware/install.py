"""The environment of its own in which the cross compiler lives: the ziglang package, which is Clang with its linker."""

from collections.abc import Sequence
from pathlib import Path

from exporters.environment import Environment, Say, pip

__all__ = ["ENVIRONMENT", "find_python", "install"]

ZIGLANG = ("ziglang==0.17.1",)
MADE_OF: dict[str, Sequence[str]] = {"ziglang": ZIGLANG}
ENVIRONMENT = Environment("ziglang", "mcu", "SNN2HW_MCU", "snn2hw install mcu", MADE_OF)


def find_python() -> Path:
    """Return the interpreter that has ziglang, or say what to type."""
    return ENVIRONMENT.find_python()


def install(folder: Path | None = None, *, force: bool = False, say: Say = print) -> bool:
    """Make the environment; return whether there was anything to do. A second call takes no time."""

    def fill(python: Path) -> None:
        say(f"ziglang: fetching {', '.join(ZIGLANG)}, about 100 MB")
        ENVIRONMENT.call([*pip(python), *ZIGLANG], "installing ziglang")
        ENVIRONMENT.call([str(python), "-P", "-m", "ziglang", "version"], "running ziglang")

    return ENVIRONMENT.make(ENVIRONMENT.folder if folder is None else folder.absolute(), fill, force=force, say=say)
