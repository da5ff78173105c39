"""What every benchmark does with what it found: whole files, a table in docs/results.md, one error."""

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


def ended(main: Callable[[], int]) -> int:
    """Return the exit code of a benchmark: an error of this project is a message and 2."""
    try:
        return main()
    except Snn2hwError as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return 2
