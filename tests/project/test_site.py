"""The site: every page is in its navigation, its reference is the code's, and it builds without a warning.

`test_docs_paths.py` looks whether links and their anchors lead somewhere; what the builder says beside that is in the
long form.
"""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import tests.norse_first  # noqa: F401 - before numba
from benchmarks.pages import PAGES
from benchmarks.pages.errors import refusals
from benchmarks.pages.library import GROUPS
from sim.engines import run
from snn2hw import __all__ as public
from snn2hw.commands import COMMANDS, parser_of

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
SITE = [name for name in ("sphinx", "myst_nb", "furo", "sphinxcontrib.mermaid") if not find_spec(name.split(".")[0])]


def test_every_page_and_notebook_is_in_the_navigation_once():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    said = [line for part in re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL) for line in part.splitlines()]
    named = [line for line in said if line and not line.startswith(":")]
    pages = [path.relative_to(DOCS).with_suffix("").as_posix() for path in (*DOCS.rglob("*.md"), *NOTEBOOKS)]
    assert sorted(named) == sorted(set(pages) - {"index"})


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_the_reference_is_what_the_code_says(name, monkeypatch):
    """Where it is not: ``python -m benchmarks.pages``. The suite runs on the reference; the page says the default."""
    monkeypatch.setitem(run.__kwdefaults__, "engine", "auto")
    assert (DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8") == PAGES[name]()


def test_the_reference_names_every_command_and_every_option():
    text = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    for verb in COMMANDS:
        part = text[text.index(f"\n## snn2hw {verb}\n") :].partition("\n## ")[2].partition("\n## ")[0]
        options = {name for action in parser_of(verb)[0]._actions for name in action.option_strings}
        missing = {name for name in options - {"-h", "--help", "--json"} if f"`{name}" not in part}
        assert missing == set(), verb


def test_the_library_page_names_every_public_name_once():
    assert sorted(name for group in GROUPS.values() for name in group) == sorted(public)


def test_the_errors_page_finds_refusals_with_their_texts_and_cures():
    found = {(r.error, r.module): r for r in refusals()}
    assert len(list(refusals())) > 500
    late = [r for r in refusals() if r.module == "snn2hw.chips.limits"]
    assert any(r.error == "Problem" and r.fix == "encode the input as spikes" for r in late)
    assert ("MachineError", "sim.refusal") in found


def test_an_external_link_is_one_that_can_be_followed():
    """There may be no network here: whether it is well-formed, and names no machine of ours, can be seen."""
    for page in (*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        for link in re.findall(r"\]\((\w+:[^)]*)\)", page.read_text(encoding="utf-8")):
            assert re.fullmatch(r"https://[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?(/[\w.~/#?=&%+-]*)?", link), (page, link)


@pytest.mark.full
@pytest.mark.skipif(bool(SITE), reason=f'the extra "docs" is not installed: {", ".join(SITE)}')
def test_the_site_builds_strictly_and_holds_every_page(tmp_path):
    """Warnings are errors, links and anchors inside it are the builder's to check, the notebooks are run."""
    words = [
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-n",
        "-b",
        "html",
        "-d",
        tmp_path / "trees",
        DOCS,
        tmp_path / "html",
    ]
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=1800
    )
    assert done.returncode == 0, done.stderr[-4000:]
    for path in (*DOCS.rglob("*.md"), *NOTEBOOKS):
        assert (tmp_path / "html" / path.relative_to(DOCS).with_suffix(".html")).is_file(), path
    shown = (tmp_path / "html" / "notebooks" / "norse-to-loihi.html").read_text(encoding="utf-8")
    assert "same decision in" in shown, "its outputs are in the page"
    assert "image/png" in shown or ".png" in shown


def _cells(notebook):
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs_and_its_links_lead_somewhere(notebook):
    for cell in _cells(notebook):
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)
            continue
        for link in re.findall(r"\]\(([^)#\s]+)", text):
            assert (notebook.parent / link).exists(), link


@pytest.mark.full
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_cells_of_a_notebook_run_from_top_to_bottom(notebook, tmp_path, monkeypatch):
    """In this process, as Python; with a kernel they are run where the site is built."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names = {"__name__": "notebook"}
    for number, cell in enumerate(_cells(notebook)):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{notebook.name}, cell {number}", "exec"), names)
    if "verdict" in names:
        assert names["verdict"].equal
    names.get("plt").close("all")
