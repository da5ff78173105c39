"""Dossier as one HTML file: sentences and tables are written here, charts are drawn by the page's own script.

Every text is escaped, and the page allows no script but its own, told by digest, and no request to anywhere.
"""

import base64
import hashlib
import json
import re
from html import escape
from importlib.resources import files

from snn2hw.page.dossier import Cell, Chart, Column, Dossier, Example, NotRun, Section, ShortAnswer, Table
from snn2hw.page.wording import plural, written

__all__ = ["page_of", "section_html"]

STYLES = ("uplot/uPlot.min.css", "page.css")
SCRIPTS = ("uplot/uPlot.iife.min.js", "marks.js", "rows.js", "wiring.js", "steps.js", "page.js")
"""In the order in which they are run."""
SIGNS = {"good": "\N{CHECK MARK}", "bad": "\N{MULTIPLICATION X}", "mixed": "!", "unknown": "?"}
ESTIMATED = frozenset({"latency", "energy"})
"""Sections whose answer is no exact one."""
BADGES = {
    "equal": "good",
    "the definition": "good",
    "approximated": "mixed",
    "differs": "bad",
    "cannot be said": "unknown",
}
OPEN = frozenset({"verdict.targets", "energy.tables", "activity.layers", "made.commands", "made.facts"})
"""Tables that are shown at once; others open on demand."""
BESIDE = 3
"""Columns that a narrow page has room for; it sets the cells of a table of more, or of long texts, one below the other.
"""
UNIT = re.compile(r"(?<=\d) (?=(?:%|[pnm\N{MICRO SIGN}]?[sJ]\b))")
"""What stands between a number and its unit."""
MIDDLE, LONG, HASH = 28, 60, 64
"""Characters from which a text gets a wider and a wide column; characters of a SHA-256."""


def page_of(dossier: Dossier) -> str:
    """Return the whole page."""
    scripts = [_template(name) for name in SCRIPTS]
    body = "\n".join([_hero(dossier), *(section_html(section) for section in dossier.sections)])
    values = {
        "policy": " ".join(f"'sha256-{_digest(script)}'" for script in scripts),
        "version": escape(dossier.made.get("snn2hw", "")),
        "title": escape(dossier.title),
        "style": "\n".join(_template(name) for name in STYLES),
        "links": "".join(f'<li><a href="#{s.id}">{escape(s.title)}</a></li>' for s in dossier.sections),
        "body": body,
        "footer": _footer(dossier),
        "dossier": json.dumps(dossier.to_json(), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        "scripts": "\n".join([_licence(), *(f"<script>{script}</script>" for script in scripts)]),
    }
    page = _template("page.html")
    for name, value in values.items():
        before, _, after = page.partition(f"{{{name}}}")  # once each, so that no value is taken for a place
        values[name] = before + value
        page = after
    return "".join(values.values()) + page


def _template(name: str) -> str:
    return files("snn2hw.page").joinpath("template", *name.split("/")).read_text(encoding="utf-8")


def _text(text: str) -> str:
    """Return a text as HTML, in which no line parts a number from its unit."""
    return UNIT.sub("&nbsp;", escape(text))


def _licence() -> str:
    """Return the licence of the library that comes with the page, as its terms ask."""
    return f"<!-- uPlot: {escape(_template('uplot/LICENSE'))} -->"


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _footer(dossier: Dossier) -> str:
    made = escape(", ".join(f"{name} {version}" for name, version in dossier.made.items()))
    return f"Made by {made}. The same as JSON lies beside this page. Charts over steps: uPlot, MIT licence."


def _hero(dossier: Dossier) -> str:
    answers = "".join(
        f'<li><a class="answer {a.tone}" id="{a.id}" href="#{a.section}"><span class="ask">{escape(a.question)}</span>'
        f'<span class="word"><span class="sign" aria-hidden="true">{_sign(a)}</span>{_text(a.word)}</span>'
        f'<span class="why">{_text(a.said)}</span></a></li>'
        for a in dossier.answers
    )
    return (
        f'<div class="hero"><p class="eyebrow">Report of a program</p><h1>{escape(dossier.title)}</h1>'
        f'<p class="headline">{_text(dossier.headline)}</p>'
        f'<p class="digest">Digest <code>{dossier.digest}</code></p><ul class="answers">{answers}</ul></div>'
    )


def _sign(answer: ShortAnswer) -> str:
    """Return the sign of an answer: about, where it is an estimate; a yes is a yes, whatever else is to be said."""
    if answer.tone == "mixed" and answer.section in ESTIMATED:
        return "\N{ALMOST EQUAL TO}"
    return SIGNS["good"] if answer.word.startswith("Yes") else SIGNS[answer.tone]


def section_html(section: Section) -> str:
    """Return one section of the page."""
    first, *others = section.said or ("",)
    parts = [f'<p class="lead">{_text(first)}</p>' if first else ""]
    parts += [f'<p class="more">{_text(text)}</p>' for text in others]
    parts += [_chart(chart) for chart in section.charts]
    if section.examples:
        parts.append(f'<div class="examples">{"".join(map(_example, section.examples))}</div>')
    parts += [_table(table) for table in section.tables]
    parts.append(_not_run(section.missing))
    head = f'<p class="eyebrow">{escape(section.title)}</p><h2 id="{section.id}-h">{escape(section.question)}</h2>'
    return f'<section class="part" id="{section.id}" aria-labelledby="{section.id}-h">{head}{"".join(parts)}</section>'


def _not_run(missing: tuple[NotRun, ...]) -> str:
    items = [
        f"<li><strong>{escape(part.what)}.</strong> {escape(part.why)}"
        f'<div class="cmd"><code>{escape(part.how)}</code></div></li>'
        for part in missing
    ]
    return f'<div class="notrun"><p>Not here, and how to add it:</p><ul>{"".join(items)}</ul></div>' if items else ""


def _chart(chart: Chart) -> str:
    alt = f'<p class="hidden" id="{chart.id}-said">{escape(chart.said)}</p>' if chart.said else ""
    title = f'<figcaption id="{chart.id}-title">{escape(chart.title)}</figcaption>'
    return (
        f'<figure class="chart" data-chart="{chart.id}">{title}'
        f'<div class="controls"></div><div class="plot"></div>{alt}'
        f"<details><summary>The same as a table</summary></details></figure>"
    )


def _example(example: Example) -> str:
    said = []
    if example.answer is not None:
        said.append(f"answered <strong>{escape(example.answer)}</strong>")
    if example.right is not None:
        tone, word = ("good", "right") if example.right else ("bad", f"it is {escape(example.label or '')}")
        said.append(f'<span class="badge {tone}">{word}</span>')
    sound = ""
    if example.sound is not None:
        label = escape(f"Sound of {example.title}, {example.seconds or 0:.2f} s")
        sound = f'<audio controls preload="none" data-sound="{example.id}" aria-label="{label}"></audio>'
    charts = _chart(example.picture) + ("" if example.scores is None else _chart(example.scores))
    head = f"<h3>{escape(example.title)}</h3><p>{' '.join(said)}</p>"
    return f'<article class="example" id="{example.id}">{head}{sound}{charts}</article>'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col"{_aligned(column)}>{escape(column.label)}</th>' for column in table.columns)
    body = "".join(
        f"<tr>{''.join(_cell(column, value) for column, value in zip(table.columns, row, strict=True))}</tr>"
        for row in table.rows
    )
    title, rows = escape(table.title), plural(len(table.rows), "row")
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    shown = " open" if table.id in OPEN else ""
    pick = f' data-pick="{[c.id for c in table.columns].index(table.pick)}"' if table.pick else ""
    long = any(len(value) >= LONG for row in table.rows for value in row if isinstance(value, str))
    stack = ' class="stack"' if long or len(table.columns) > BESIDE else ""
    inside = f"<table{stack}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return (
        f'<div class="sheet" id="{table.id}"{pick}><details{shown}><summary>{title} <span>({rows})</span></summary>'
        f'<div class="controls"></div>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{title}">{inside}</div>{note}</details></div>'
    )


def _aligned(column: Column) -> str:
    return ' class="num"' if column.form not in ("text", "command") else ""


def _cell(column: Column, value: Cell) -> str:
    text, label = _text(written(value, column.form)), f' data-label="{escape(column.label)}"'
    if column.form == "command":
        return f'<td class="long"{label}><code>{text}</code></td>'
    if column.id == "verdict":
        return f'<td{label}><span class="badge {BADGES.get(str(value), "unknown")}">{text}</span></td>'
    if isinstance(value, str) and len(value) == HASH and value.isalnum():
        return f'<td class="hash"{label}><code>{text}</code></td>'
    size = len(value) if isinstance(value, str) else 0
    kind = ' class="long"' if size >= LONG else ' class="mid"' if size >= MIDDLE else _aligned(column)
    return f"<td{kind}{label}><span>{text}</span></td>"
