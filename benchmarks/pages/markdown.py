"""Rows and blocks of Markdown."""

from collections.abc import Iterable, Sequence

__all__ = ["MADE", "cell", "code", "table"]

MADE = "Made from the code by `python -m benchmarks.pages`; a test holds it to what the code says.\n"


def cell(text: str) -> str:
    """Return text as it may stand in a table: on one line, with no bar and no tag of its own."""
    one_line = " ".join(text.split())
    return one_line.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def code(text: str) -> str:
    """Return a block that is shown as it is."""
    return "\n".join(["```text", text.strip("\n"), "```"])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; its cells are Markdown already."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
