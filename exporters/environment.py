"""Environments of their own, for programs that cannot or may not live in this one: made by one command, found by name.

A stamp in the folder says what it was made of; one of another version, or one that was not finished, is not used.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.errors import InputError, MissingToolError, ToolError

__all__ = ["Environment", "Say", "pip", "python_of"]

Say = Callable[[str], object]


@dataclass(frozen=True)
class Environment:
    """One environment beside the running one.

    Args:
        title: what is installed, for messages.
        name: the last word of its folder, ``.venv-NAME``.
        variable: the environment variable that names its folder where it is not in its usual place.
        command: what a user types to make it.
        made_of: what its stamp holds.
    """

    title: str
    name: str
    variable: str
    command: str
    made_of: dict[str, Sequence[str]]

    @property
    def folder(self) -> Path:
        """Return where it belongs: where its variable says, else beside the running environment."""
        named = os.environ.get(self.variable)
        if named:
            return Path(named).absolute()
        if sys.prefix != sys.base_prefix:
            return Path(sys.prefix).parent / f".venv-{self.name}"
        share = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
        return share / "snn2hw" / f"venv-{self.name}"

    def find_python(self) -> Path:
        """Return its interpreter, or say what to type."""
        folder = self.folder
        if not self.is_ready(folder):
            state = "is missing" if not folder.exists() else "is not complete or not of this version"
            raise MissingToolError(f"{self.title}: its environment {folder} {state}", f"type: {self.command}")
        return python_of(folder)

    def is_ready(self, folder: Path) -> bool:
        """Return whether a folder holds all of it, in these versions."""
        return python_of(folder).exists() and self._stamp_of(folder) == self.stamp

    def make(self, folder: Path, fill: Callable[[Path], None], *, force: bool, say: Say) -> bool:
        """Make it in ``folder``, ``fill`` installing into it by its interpreter; return whether there was need."""
        if not force and self.is_ready(folder):
            say(f"{self.title}: {folder} is ready")
            return False
        _clear(folder)
        say(f"{self.title}: making {folder} with Python {sys.version_info.major}.{sys.version_info.minor}")
        self.call([sys.executable, "-P", "-m", "venv", str(folder)], "making a virtual environment")
        fill(python_of(folder))
        (folder / f"snn2hw-{self.name}.json").write_text(self.stamp, encoding="utf-8")
        say(f"{self.title}: {folder} is ready")
        return True

    def call(self, command: list[str], doing: str) -> None:
        """Run one command of the installation, or say what it said."""
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            said = (result.stderr.strip() or result.stdout.strip() or f"exit code {result.returncode}")[-2000:]
            raise ToolError(f"{self.title}: {doing} failed: {said}", f"see to that, then type again: {self.command}")

    @property
    def stamp(self) -> str:
        """Return what it must have been made of to be used."""
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        return json.dumps({**self.made_of, "python": python}, sort_keys=True)

    def _stamp_of(self, folder: Path) -> str | None:
        try:
            return (folder / f"snn2hw-{self.name}.json").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None


def python_of(folder: Path) -> Path:
    """Return the interpreter of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def pip(python: Path) -> list[str]:
    """Return the command that installs quietly into an environment."""
    return [str(python), "-P", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]


def _clear(folder: Path) -> None:
    """Remove an environment that is there, and nothing that is not an environment."""
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / "pyvenv.cfg").is_file()):
        raise InputError(f"{folder}: exists and is no virtual environment", "name another folder, or move it away")
    shutil.rmtree(folder)
