"""What a report says, as one typed record: answers, and sections of sentences, tables, charts and examples.

The page draws this record and the JSON file beside it holds it, so that neither says what the other does not. Every
part has an ``id`` that stays the same from one report to the next: ``energy``, ``energy.bands``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, get_args

__all__ = [
    "SCHEMA",
    "BandChart",
    "BarChart",
    "Cell",
    "Chart",
    "Column",
    "ColumnChart",
    "CurveChart",
    "DistributionChart",
    "Dossier",
    "Example",
    "Form",
    "GraphChart",
    "Mark",
    "NotRun",
    "PictureChart",
    "Section",
    "ShortAnswer",
    "SpikeChart",
    "Table",
    "Tone",
    "View",
    "columns_of",
]

SCHEMA = "snn2hw.report/1"

Cell = str | int | float | None
Form = Literal["text", "count", "number", "percent", "seconds", "energy", "command"]
"""How a number is written: ``seconds`` are in s, ``energy`` is in pJ, ``percent`` is a share of 1."""
Tone = Literal["good", "bad", "mixed", "unknown"]


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    id: str
    label: str
    form: Form = "text"


def columns_of(lines: str) -> tuple["Column", ...]:
    """Return the columns that a text lists, one a line: an id, a label, and a form unless it is text.

    >>> [(c.id, c.label, c.form) for c in columns_of("of  Size of it  count")]
    [('of', 'Size of it', 'count')]
    """
    forms: tuple[Form, ...] = get_args(Form)
    found = []
    for words in map(str.split, filter(str.strip, lines.splitlines())):
        form = next((form for form in forms if form == words[-1]), None)
        found.append(Column(words[0], " ".join(words[1 : len(words) - (form is not None)]), form or "text"))
    return tuple(found)


@dataclass(frozen=True)
class Table:
    """Rows of plain values under named columns; a reader may pick rows by the values of the column ``pick``."""

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    pick: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            for column, value in zip(self.columns, row, strict=True):
                if isinstance(value, str) and column.form not in ("text", "command"):
                    raise TypeError(f"table {self.id}: {column.id} is {value!r}, which is no number")


@dataclass(frozen=True)
class Mark:
    """One bar, band or column of a chart; ``low`` and ``high`` are the ends of a band."""

    label: str
    value: float | None
    group: str = ""
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True)
class View:
    """What a chart shows when these keys are chosen: ``{"layer": "conv1", "sample": "zero"}``."""

    keys: Mapping[str, str]
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """What every chart has: ``said`` is what it shows in words, for who cannot see it."""

    kind: ClassVar[str]
    id: str
    title: str
    said: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class _Marked(_Drawn):
    """What shows marks; ``limit`` is drawn as a line across."""

    form: Form
    marks: tuple[Mark, ...]
    groups: tuple[str, ...] = ()
    """The groups in the order of their colours; as they come, where it is empty."""
    limit: float | None = None


class BarChart(_Marked):
    """One horizontal bar per mark."""

    kind = "bars"


@dataclass(frozen=True, kw_only=True)
class BandChart(_Marked):
    """A band from low to high per mark, with a dot at its value; on an axis of powers of ten if ``log``."""

    kind = "bands"
    log: bool = False


@dataclass(frozen=True, kw_only=True)
class ColumnChart(_Marked):
    """One narrow column per mark, in their order; groups have colours."""

    kind = "columns"
    x_label: str


@dataclass(frozen=True, kw_only=True)
class _Viewed(_Drawn):
    """What shows one of several views, which a reader chooses by their keys."""

    views: tuple[View, ...]
    x_label: str
    y_label: str


class DistributionChart(_Viewed):
    """How often each value occurs: a view has ``x``, ``count`` and ``form``, and the ``width`` of its bars."""

    kind = "distribution"


@dataclass(frozen=True, kw_only=True)
class CurveChart(_Viewed):
    """Lines over steps: a view has ``names``, ``series`` and perhaps ``level``, a horizontal line."""

    kind = "curves"
    form: Form


class SpikeChart(_Viewed):
    """Spikes over steps: a view has ``steps``, ``neurons``, ``drawn`` (of how many), and ``t`` and ``n`` of each."""

    kind = "spikes"


class PictureChart(_Viewed):
    """Values as shades: a view has ``width``, ``height`` and ``values``, row by row from the bottom."""

    kind = "picture"


@dataclass(frozen=True, kw_only=True)
class GraphChart(_Drawn):
    """Boxes (``id``, ``detail``, ``rank``, ``place``) and arrows (``source``, ``target``, ``label``, ``back``)."""

    kind: ClassVar[str] = "graph"
    nodes: tuple[Mapping[str, Any], ...]
    edges: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class NotRun:
    """What a section would say if something had been run, and what to type to run it."""

    what: str
    why: str
    how: str
    """What to type."""


Chart = BarChart | BandChart | ColumnChart | DistributionChart | CurveChart | SpikeChart | PictureChart | GraphChart


@dataclass(frozen=True)
class Example:
    """One sample: what was fed, what was answered, and the sound where there is one."""

    id: str
    title: str
    label: str | None
    answer: str | None
    """What it is, and what the program took it for; None where nobody knows."""
    right: bool | None
    picture: PictureChart
    scores: BarChart | None
    sound: str | None
    """A WAV file in base64."""
    seconds: float | None


@dataclass(frozen=True)
class Section:
    """One question and everything that is known of its answer."""

    id: str
    title: str
    question: str
    said: tuple[str, ...] = ()
    missing: tuple[NotRun, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    examples: tuple[Example, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "id": self.id,
            "title": self.title,
            "question": self.question,
            "said": list(self.said),
            "missing": [asdict(m) for m in self.missing],
            "charts": [chart.to_json() for chart in self.charts],
            "tables": [asdict(table) for table in self.tables],
            "examples": [_example_json(example) for example in self.examples],
        }


@dataclass(frozen=True)
class ShortAnswer:
    """What a reader asks first, answered in a word and a sentence; ``section`` says more."""

    id: str
    question: str
    word: str
    tone: Tone
    said: str
    section: str


@dataclass(frozen=True)
class Dossier:
    """The whole report."""

    title: str
    digest: str
    """Of the program."""
    answers: tuple[ShortAnswer, ...]
    sections: tuple[Section, ...]
    headline: str
    """All of it in one sentence."""
    made: Mapping[str, str] = field(default_factory=dict)

    def charts(self) -> Iterator[Chart]:
        """Yield every chart of the report, those of the examples too."""
        for section in self.sections:
            yield from section.charts
            for example in section.examples:
                yield example.picture
                if example.scores is not None:
                    yield example.scores

    def to_json(self) -> dict[str, Any]:
        """Return the content of the JSON file, and of the page."""
        return {
            "schema": SCHEMA,
            "digest": self.digest,
            "made": dict(self.made),
            "title": self.title,
            "headline": self.headline,
            "answers": [asdict(answer) for answer in self.answers],
            "sections": [section.to_json() for section in self.sections],
        }


def _example_json(example: Example) -> dict[str, Any]:
    scores = None if example.scores is None else example.scores.to_json()
    return {**asdict(example), "picture": example.picture.to_json(), "scores": scores}
