"""Blocks of a page, and how they are run.

A block of python runs in the page's own namespace, after the ones above it; with ``needs=NAME`` only where that package
is installed, with ``file=NAME`` it is written down instead. A block of sh holds commands, a block of text lines that
the block before it prints.
"""

import contextlib
import io
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from snn2hw.commands import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^```(python|sh|text)((?: \w+=[\w.]+)*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SETS_UP = ("python3 -m venv ", ". ", "pip install ")
"""Lines that make an environment: the long form runs them, the short one stands in one already."""

INSTALLED = "snn2hw" in {entry.name for entry in entry_points(group="pytest11")}
PLUGIN = [] if INSTALLED else ["-p", "snn2hw.pytest_plugin"]
"""How pytest finds the fixtures where the package runs from its folder."""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    kind: str
    said: str
    text: str

    def option(self, name: str) -> str:
        """Return what the fence says after ``name=``."""
        found = re.search(rf" {name}=(\S+)", self.said)
        return found[1] if found else ""


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page from its top to its end."""
    return [Block(*found.groups(default="")) for found in FENCE.finditer(page.read_text(encoding="utf-8"))]


def printed(block: Block, names: dict[str, Any]) -> str:
    """Run a block and return what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        if block.option("needs"):
            warnings.simplefilter("ignore")  # of the framework, not ours
        if block.kind == "python":
            exec(compile(block.text, "page", "exec"), names)
        else:
            for line in filter(None, block.text.splitlines()):
                run_line(line)
    return out.getvalue()


def run_line(line: str) -> None:
    """Run one line of a shell block in the current folder."""
    if line.startswith(SETS_UP):
        return
    program, *words = shlex.split(line, comments=True)
    if program == "snn2hw":
        assert main(words) == 0, line
        return
    assert program in ("python", "pytest", "make"), line
    if program == "make" and any(shutil.which(tool) is None for tool in ("make", "cc")):
        return
    own = {"python": [sys.executable], "pytest": [sys.executable, "-m", "pytest", "-q", *PLUGIN], "make": ["make"]}
    done = subprocess.run([*own[program], *words], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    print(done.stdout)


def run_page(page: Path) -> None:
    """Run a page from its top to its end, in the folder that is the current one."""
    names: dict[str, Any] = {"__name__": "page"}
    said = ""
    for block in blocks(page):
        if block.kind == "text":
            missing = [line for line in block.text.splitlines() if line not in said.splitlines()]
            assert missing == [], f"{page.name}: it printed\n{said}"
        elif block.option("file"):
            Path(block.option("file")).write_text(block.text, encoding="utf-8")
        elif not block.option("needs") or find_spec(block.option("needs")) is not None:
            said = printed(block, names)
