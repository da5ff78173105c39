"""What every benchmark does with what it found: files written whole or not at all, a table in the README, one error."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

from sim.errors import Snn2hwError
from sim.files import atomic_write

README = Path(__file__).resolve().parents[1] / "README.md"


def write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def into_readme(script: str, text: str) -> None:
    """Put ``text`` between the README's two marks of ``benchmarks/SCRIPT``."""
    start, end = f"<!-- table of benchmarks/{script} -->", f"<!-- end of benchmarks/{script} -->"
    page = README.read_text(encoding="utf-8")
    if not 0 <= page.find(start) < page.find(end):
        raise Snn2hwError(f"{README}: has no {start} ... {end}", "put both marks where the table belongs")
    between = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    write(README, between.sub(lambda _: f"{start}\n\n{text.strip()}\n\n{end}", page))


def ended(main: Callable[[], int]) -> int:
    """Return the exit code of a benchmark: an error of this project is a message and 2."""
    try:
        return main()
    except Snn2hwError as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return 2
