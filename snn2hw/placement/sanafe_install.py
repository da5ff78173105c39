"""The environment of its own in which SANA-FE runs: it is under the GPL, so it is run beside us and never imported."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from sim.errors import MissingToolError, ToolError

__all__ = ["SANAFE", "find_python", "install"]

SANAFE = "sanafe==2.2.9"
VARIABLE = "SNN2HW_SANAFE"
"""Environment variable that names the folder, where it is not ``.venv-sanafe`` beside the running environment."""


def _usual_folder() -> Path:
    named = os.environ.get(VARIABLE)
    return Path(named).absolute() if named else Path(sys.prefix).parent / ".venv-sanafe"


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def find_python() -> Path:
    """Return the interpreter that has SANA-FE, or say what to type."""
    python = _python(_usual_folder())
    if not python.exists():
        cure = f"type: snn2hw install sanafe, or set {VARIABLE}"
        raise MissingToolError(f"SANA-FE: its environment {_usual_folder()} is missing", cure)
    return python


def install(folder: Path | None = None, *, force: bool = False, say: Callable[[str], object] = print) -> Path:
    """Make the environment, or find it made; return its interpreter."""
    chosen = _usual_folder() if folder is None else folder.absolute()
    python = _python(chosen)
    if python.exists() and not force and _has_sanafe(python):
        say(f"{SANAFE} is installed in {chosen}")
        return python
    say(f"installing {SANAFE} into {chosen}")
    for words in (
        [sys.executable, "-m", "venv", *(["--clear"] if force else []), str(chosen)],
        [str(python), "-m", "pip", "install", "--quiet", "--no-input", "--only-binary", ":all:", SANAFE],
    ):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ToolError(f"SANA-FE: {done.stderr.strip()[-2000:]}", "see to that, then install again")
    return python


def _has_sanafe(python: Path) -> bool:
    asked = "import importlib.metadata as m; print(m.version('sanafe'))"
    found = subprocess.run([str(python), "-I", "-c", asked], capture_output=True, text=True, check=False)
    return found.stdout.strip() == SANAFE.partition("==")[2]
