"""What the README shows can be typed: its Python runs, its command lines are understood, its links lead somewhere."""

import argparse
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest

from sim.plugins import Group
from snn2hw.commands import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHELL = [line.strip() for line in README.splitlines() if line.startswith("    snn2hw ")]


def test_the_python_of_the_readme_runs_without_torch_and_without_a_file_of_ones_own(tmp_path):
    assert len(PYTHON) == 1, "one snippet, so that a reader starts with what is seen to run"
    code = f"import sys; sys.modules['torch'] = None; sys.path.insert(0, {str(ROOT)!r})\n{PYTHON[0]}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert "differs" not in done.stdout
    assert "as counted, the SNN" in done.stdout
    assert (tmp_path / "out" / "digits.nir").is_file()
    assert (tmp_path / "out" / "onnx" / "run_onnx.py").is_file()


@pytest.mark.parametrize("line", SHELL)
def test_a_command_line_of_the_readme_is_understood(line):
    verb, *words = shlex.split(line)[1:]
    module = import_module(COMMANDS[verb].module)
    parser = argparse.ArgumentParser(exit_on_error=False, allow_abbrev=False)
    module.configure(parser)
    parser.parse_args(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_of_a_page_leads_to_a_file(page):
    found = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in found if "://" not in link and not (page.parent / link).exists()]
    assert not missing


PLACEHOLDER = re.compile(r"[A-Z]{3,}|_X|/x_")
"""What stands for any name: ``VERB.py``, ``to_X.py``."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_place_that_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    paths = set(re.findall(r"`((?:sim|exporters|snn2hw|tests|benchmarks)/[\w/.-]+)`", text))
    modules = re.findall(
        r"(?:^|[`\s])(?:from |import )?((?:sim|exporters|snn2hw)(?:\.\w+)+)(?![\w/])", text, re.MULTILINE
    )
    missing = {path for path in paths if not (ROOT / path).exists()} | {
        m for m in modules if m not in get_args(Group) and not _found(m)
    }
    assert {place for place in missing if not PLACEHOLDER.search(place)} == set()


def _found(dotted):
    """Whether a dotted name is a module, or a name that stands in one."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:end])
        if place.with_suffix(".py").is_file() or place.is_dir():
            file = place.with_suffix(".py") if place.with_suffix(".py").is_file() else place / "__init__.py"
            return end == len(parts) or parts[end] in file.read_text(encoding="utf-8")
    return False
