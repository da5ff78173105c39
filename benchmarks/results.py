"""What every benchmark does with what it found: whole files, a table in docs/results.md, one error."""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from sim.errors import Snn2hwError
from sim.files import atomic_write

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results.md"


def write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def into_page(script: str, text: str, page_path: Path | None = None) -> None:
    """Put ``text`` between the marks of ``benchmarks/SCRIPT`` in a page, docs/results.md unless another is given."""
    path = PAGE if page_path is None else page_path
    start, end = f"<!-- table of benchmarks/{script} -->", f"<!-- end of benchmarks/{script} -->"
    page = path.read_text(encoding="utf-8")
    if not 0 <= page.find(start) < page.find(end):
        raise Snn2hwError(f"{path}: has no {start} ... {end}", "put both marks where the table belongs")
    between = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    write(path, between.sub(lambda _: f"{start}\n\n{text.strip()}\n\n{end}", page))


def of_runs(description: str | None, runs: str, files: str) -> argparse.ArgumentParser:
    """Return the command line of a benchmark of trained runs: their folders, the data, where results go."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help=f"folders of `snn2hw train fsdd`{runs}")
    parser.add_argument("--data", type=Path, required=True, help="the FSDD folder")
    parser.add_argument("-o", "--output", default="benchmarks/results", help=f"folder of {files}")
    parser.add_argument("--page", action="store_true", help="put the table between its marks in docs/results.md")
    return parser


def ended(main: Callable[[], int]) -> int:
    """Return the exit code of a benchmark: an error of this project is a message and 2."""
    try:
        return main()
    except Snn2hwError as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return 2
