"""The environment of its own in which lava-nc runs, and the one command that makes it.

lava-nc 0.10.0 is archived and declares Python < 3.11 and numpy < 2, and so does lava-dl 0.6.0, whose NetX reads `.net`
files, with torch on top. They run without any of that: installed without their declared dependencies, with the pins
below, with the import shim of `standalone/lava_shim.py` and without what `standalone/netx_graph.py` leaves out.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sim.errors import InputError, MissingToolError, ToolError

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
STAMP = "snn2hw-lava.json"
STANDALONE = Path(__file__).with_name("standalone")
SHARED_FILES = ("replay.py", "lava_graph.py", "lava_shim.py", "own/processes.py")


def copy_standalone(names: Sequence[str], folder: Path) -> None:
    """Copy the code that a folder runs by itself: the files named, and what all of them share."""
    for name in (*names, *SHARED_FILES):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(STANDALONE / name, folder / name)


def environment_folder() -> Path:
    """Return where the environment belongs: ``$SNN2HW_LAVA``, else ``.venv-lava`` beside the running environment."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).absolute()
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix).parent / ".venv-lava"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "snn2hw" / "venv-lava"


def find_python() -> Path:
    """Return the interpreter that has lava-nc, or say what to type."""
    folder = environment_folder()
    python = _python(folder)
    if not python.exists() or _stamp_of(folder) != _stamp():
        state = "is missing" if not folder.exists() else "is not complete or not of this version"
        raise MissingToolError(f"lava-nc: its environment {folder} {state}", f"type: {INSTALL_COMMAND}")
    return python


def install(folder: Path | None = None, *, force: bool = False, say: Callable[[str], object] = print) -> bool:
    """Make the environment; return whether there was anything to do. A second call takes no time."""
    folder = environment_folder() if folder is None else folder.absolute()
    if not force and _python(folder).exists() and _stamp_of(folder) == _stamp():
        say(f"lava-nc: {folder} is ready")
        return False
    _clear(folder)
    say(f"lava-nc: making {folder} with Python {sys.version_info.major}.{sys.version_info.minor}")
    _run([sys.executable, "-P", "-m", "venv", str(folder)], "making a virtual environment")
    pip = [str(_python(folder)), "-P", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    say(f"lava-nc: installing {', '.join((*LAVA, *PINS))}")
    _run([*pip, *PINS], "installing what lava-nc needs")
    _run([*pip, "--no-deps", "--ignore-requires-python", *LAVA], "installing lava-nc and lava-dl")
    for module in ("lava_shim", "netx_graph"):
        check = f"import sys; sys.path.insert(0, sys.argv[1]); import {module}; {module}.check()"
        _run([str(_python(folder)), "-I", "-B", "-c", check, str(STANDALONE)], f"importing {module}")
    (folder / STAMP).write_text(_stamp(), encoding="utf-8")
    say(f"lava-nc: {folder} is ready")
    return True


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _stamp() -> str:
    """Return what the environment must have been made of to be used."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return json.dumps({"lava": LAVA, "pins": PINS, "python": python}, sort_keys=True)


def _stamp_of(folder: Path) -> str | None:
    try:
        return (folder / STAMP).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _clear(folder: Path) -> None:
    """Remove an environment that is there, and nothing that is not an environment."""
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / "pyvenv.cfg").is_file()):
        raise InputError(f"{folder}: exists and is no virtual environment", "name another folder, or move it away")
    shutil.rmtree(folder)


def _run(command: list[str], doing: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        said = (result.stderr.strip() or result.stdout.strip() or f"exit code {result.returncode}")[-2000:]
        raise ToolError(f"lava-nc: {doing} failed: {said}", f"see to that, then type again: {INSTALL_COMMAND}")
