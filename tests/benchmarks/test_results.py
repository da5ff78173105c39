"""What benchmarks share: a table goes between its marks, and an error is one message."""

import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

from sim.errors import InputError, Snn2hwError

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("results")


def test_the_table_goes_between_its_marks_in_the_page(
    results: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "results.md"
    monkeypatch.setattr(results, "PAGE", page)
    start, end = "<!-- table of benchmarks/a.py -->", "<!-- end of benchmarks/a.py -->"
    page.write_text(f"before\n{start}\nold\n{end}\nafter\n")
    results.into_page("a.py", "| new |\n")
    assert page.read_text() == f"before\n{start}\n\n| new |\n\n{end}\nafter\n"
    for text in ("no place", f"{end}\n{start}\n"):
        page.write_text(text)
        with pytest.raises(Snn2hwError, match=r"has no <!-- table of benchmarks/a\.py -->"):
            results.into_page("a.py", "| new |\n")
        assert page.read_text() == text


def test_every_benchmark_that_fills_the_page_has_its_marks_there() -> None:
    pages = "".join(page.read_text() for page in (FOLDER.parent / "docs").glob("*.md"))
    for script in FOLDER.glob("*.py"):
        if "into_page(" in (text := script.read_text()) and "def into_page" not in text:
            part = rf"benchmarks/{re.escape(script.name)}( \w+)? -->"
            assert re.search(f"<!-- table of {part}", pages), script.name
            assert len(re.findall(f"<!-- table of {part}", pages)) == len(re.findall(f"<!-- end of {part}", pages))


def test_an_error_is_a_message_and_exit_code_2(results: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> int:
        raise InputError("x: no such file", "give another")

    assert results.ended(lambda: 0) == 0
    assert results.ended(fails) == 2
    assert "x: no such file  fix: give another" in capsys.readouterr().err
