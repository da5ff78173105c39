"""What the pages show is what happens: their Python and their commands run, and print what the page says.

A block of python runs in the page's own namespace, after the ones above it; with ``needs=NAME`` only where that package
is installed. A block of sh holds commands of snn2hw, a block of text the lines that the block before it prints.
"""

import contextlib
import io
import re
import shlex
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import tests.norse_first  # noqa: F401 - before numba
from snn2hw.commands import main

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted((DOCS / "frameworks").glob("*.md"))
FENCE = re.compile(r"^```(python|sh|text)(?: needs=(\w+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    kind: str
    needs: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*found.groups(default="")) for found in FENCE.finditer(page.read_text(encoding="utf-8"))]


def printed(block: Block, names: dict[str, Any]) -> str:
    """Run a block and return what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        if block.needs:
            warnings.simplefilter("ignore")  # of the framework, not ours
        if block.kind == "python":
            exec(compile(block.text, "page", "exec"), names)
        else:
            for line in filter(None, block.text.splitlines()):
                program, *words = shlex.split(line)
                assert program == "snn2hw"
                assert main(words) == 0, line
    return out.getvalue()


def run_page(page: Path) -> None:
    """Run a page from its top to its end, in the folder that is the current one."""
    names: dict[str, Any] = {"__name__": "page"}
    said = ""
    for block in blocks(page):
        if block.kind == "text":
            missing = [line for line in block.text.splitlines() if line not in said.splitlines()]
            assert missing == [], f"{page.name}: it printed\n{said}"
        elif not block.needs or find_spec(block.needs) is not None:
            said = printed(block, names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page(page)


def test_there_is_a_page_for_every_framework():
    frameworks = ["lava-dl", "nir", "norse", "rockpool", "sinabs", "snntorch", "spikingjelly", "spyx"]
    assert [page.stem for page in PAGES] == frameworks


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "it printed"),
        ("```python\nraise KeyError(3)\n```\n", "3"),
        ("```sh\nsnn2hw check nothing.nir --dt 1e-3\n```\n", "check nothing.nir"),
    ],
)
def test_a_page_that_says_what_is_not_so_is_found(page, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.md").write_text(page)
    with pytest.raises((AssertionError, KeyError), match=why):
        run_page(tmp_path / "page.md")
