"""The environment of its own in which lava-nc runs, and the one command that makes it.

lava-nc 0.10.0 is archived and declares Python < 3.11 and numpy < 2, and so does lava-dl 0.6.0, whose NetX reads `.net`
files, with torch on top. They run without any of that: installed without their declared dependencies, with the pins
below, with the import shim of `standalone/lava_shim.py` and without what `standalone/netx_graph.py` leaves out.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from exporters.environment import Environment, Say, pip

__all__ = [
    "INSTALL_COMMAND",
    "LAVA",
    "PINS",
    "STANDALONE",
    "VARIABLE",
    "copy_standalone",
    "environment_folder",
    "find_python",
    "install",
]

LAVA = ("lava-nc==0.10.0", "lava-dl==0.6.0")
PINS = ("numpy==2.4.6", "scipy==1.17.1", "networkx==3.6.1", "asteval==1.0.10", "h5py==3.16.0")
"""What the two really import on the way to the CPU backend, in versions they were seen to agree with."""

VARIABLE = "SNN2HW_LAVA"
"""Environment variable that names the folder of the environment, where it is not in its usual place."""

INSTALL_COMMAND = "snn2hw install-lava"
STANDALONE = Path(__file__).with_name("standalone")
SHARED_FILES = ("replay.py", "lava_graph.py", "lava_shim.py", "own/processes.py")


def copy_standalone(names: Sequence[str], folder: Path) -> None:
    """Copy the code that a folder runs by itself: the files named, and what all of them share."""
    for name in (*names, *SHARED_FILES):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(STANDALONE / name, folder / name)


def _environment() -> Environment:
    made_of: dict[str, Sequence[str]] = {"lava": LAVA, "pins": PINS}
    return Environment("lava-nc", "lava", VARIABLE, INSTALL_COMMAND, made_of)


def environment_folder() -> Path:
    """Return where the environment belongs: ``$SNN2HW_LAVA``, else ``.venv-lava`` beside the running environment."""
    return _environment().folder


def find_python() -> Path:
    """Return the interpreter that has lava-nc, or say what to type."""
    return _environment().find_python()


def install(folder: Path | None = None, *, force: bool = False, say: Say = print) -> bool:
    """Make the environment; return whether there was anything to do. A second call takes no time."""
    made = _environment()

    def fill(python: Path) -> None:
        say(f"lava-nc: installing {', '.join((*LAVA, *PINS))}")
        made.call([*pip(python), *PINS], "installing what lava-nc needs")
        made.call([*pip(python), "--no-deps", "--ignore-requires-python", *LAVA], "installing lava-nc and lava-dl")
        for module in ("lava_shim", "netx_graph"):
            check = f"import sys; sys.path.insert(0, sys.argv[1]); import {module}; {module}.check()"
            made.call([str(python), "-I", "-B", "-c", check, str(STANDALONE)], f"importing {module}")

    return made.make(made.folder if folder is None else folder.absolute(), fill, force=force, say=say)
