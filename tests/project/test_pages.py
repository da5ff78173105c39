"""What the pages show is what happens: their Python and their commands run, and print what the page says."""

import re
import sys

import pytest

import tests.norse_first  # noqa: F401 - before numba
from tests.project.pages import DOCS, run_line, run_page

FRAMEWORKS = sorted((DOCS / "frameworks").glob("*.md"))
CHIPS = sorted((DOCS / "chips").glob("*.md"))
PAGES = [*FRAMEWORKS, *CHIPS, DOCS / "tutorial.md"]
LONG = {"norse", "tutorial"}


@pytest.fixture(autouse=True)
def _own_modules(monkeypatch):
    """Let a page find the files that it writes, and no other page those."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(".")
    yield
    for name in set(sys.modules) & {"mynet", "twin"} - before:
        del sys.modules[name]


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=page.stem, marks=[pytest.mark.full] * (page.stem in LONG)) for page in PAGES]
)
def test_a_page_does_what_it_shows(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page(page)


def test_there_is_a_page_for_every_framework():
    frameworks = ["lava-dl", "nir", "norse", "rockpool", "sinabs", "snntorch", "spikingjelly", "spyx"]
    assert [page.stem for page in FRAMEWORKS] == frameworks


def test_there_is_a_page_for_every_chip():
    """By the names of targets, and what is no target: microcontrollers and FPGAs."""
    assert [page.stem for page in CHIPS] == ["fpga", "loihi1", "loihi2", "microcontrollers", "xylo2"]


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


@pytest.mark.full
def test_the_workflow_is_yaml_and_its_steps_run_where_its_files_lie(tmp_path, monkeypatch):
    """In the order of the file, after the golden trace was written; what installs is left out."""
    yaml = pytest.importorskip("yaml", reason="PyYAML comes with pre-commit, in the extra lint")
    monkeypatch.chdir(tmp_path)
    page = DOCS / "workflow.md"
    run_page(page)
    text = re.search(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert text is not None
    steps = yaml.safe_load(text[1])["jobs"]["program"]["steps"]
    runs = [step["run"] for step in steps if "run" in step]
    assert [run.split()[0] for run in runs] == ["pip", "python", "pytest", "snn2hw"]
    for line in runs:
        run_line(line.partition(" > ")[0])
