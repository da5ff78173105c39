"""What a value says of itself on a screen: a title, facts and one table, as text and as HTML.

A `Program` or a `Trace` holds millions of numbers, so none of them is printed: `Summary` is what a reader wants to
know first. It takes at most `LINES` lines of `WIDTH` columns, whatever the value is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["LINES", "WIDTH", "Shown", "Summary", "printable", "shape_text", "span_text"]

LINES, WIDTH = 24, 99
CELL = 32
"""The widest cell but in the last column; what is longer ends in three dots."""


@dataclass(frozen=True)
class Summary:
    """``title`` in one line, ``facts`` one a line, and ``rows`` of cells under a ``header``."""

    title: str
    facts: Sequence[str] = ()
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()

    @property
    def text(self) -> str:
        """Return it for a terminal."""
        lines = [self.title, *(f"  {fact}" for fact in self.facts)]
        room = LINES - len(lines) - any(self.header)
        shown = self.rows if len(self.rows) <= room else self.rows[: max(room - 1, 0)]
        if self.rows:
            lines += _aligned([self.header, *shown] if any(self.header) else shown)
        if len(shown) < len(self.rows):
            lines.append(f"  and {len(self.rows) - len(shown)} more")
        return "\n".join(_cut(printable(line), WIDTH) for line in lines[:LINES])

    @property
    def html(self) -> str:
        """Return it for a notebook."""
        head = "".join(f"<th>{escape(printable(cell))}</th>" for cell in self.header)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(printable(cell))}</td>" for cell in row) + "</tr>"
            for row in self.rows[:LINES]
        )
        more = len(self.rows) - LINES
        facts = [self.title, *self.facts, *([f"and {more} more"] if more > 0 else [])]
        caption = "<br>".join(escape(printable(fact)) for fact in facts)
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if self.rows else ""
        return f"<div>{caption}{table}</div>"


class Shown:
    """Shows its `Summary` wherever Python or a notebook prints a value; a dataclass says ``repr=False`` for it."""

    def _summary(self) -> Summary:
        """Return what is worth knowing first."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self._summary().text

    def _repr_html_(self) -> str:
        return self._summary().html


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape as people write it.

    >>> shape_text((16, 8, 8))
    '16x8x8'
    """
    return "x".join(map(str, shape)) or "scalar"


def span_text(low: object, high: object) -> str:
    """Return one value, or the two ends of a range.

    >>> span_text(3, 3), span_text(0, 31)
    ('3', '0..31')
    """
    return str(low) if low == high else f"{low}..{high}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[*(_cut(printable(cell), CELL) for cell in row[:-1]), printable(row[-1])] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]


def printable(text: str) -> str:
    """Return the text without what would move a terminal's cursor: names come from files of others."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
