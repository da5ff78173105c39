"""The table of a study, for people, for spreadsheets and for programs: the same whatever interrupted the work."""

import csv
import io
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sim.files import write_bytes
from snn2hw.files.json_file import write_json
from snn2hw.sweep.results import SettingResult
from snn2hw.sweep.study import Study, Value
from snn2hw.sweep.sweep import Swept

__all__ = ["best_of", "means_of", "sweep_document", "table_text", "write_tables"]

SCHEMA = "snn2hw.sweep/1"
SHOWN = 40
"""Rows of a table on a screen."""
SHOWN_CHARACTERS = 60
"""Of an error in a table; the document and the sheet have all of it."""


def best_of(swept: Swept) -> SettingResult | None:
    """Return the result with the best objective; of equals the first that was asked for."""
    search = swept.study.search
    done = [result for result in swept.results if result.error is None]
    sign = 1 if search.direction == "maximize" else -1
    return max(done, key=lambda result: sign * result.measured[search.objective], default=None)


def means_of(swept: Swept) -> list[dict[str, Any]]:
    """Return the rows of the table where it has means: mean, standard deviation and number of each measure."""
    study = swept.study
    groups: dict[tuple[Value, ...], list[SettingResult]] = {}
    kept = [axis.name for axis in study.axes if axis.name not in study.average]
    for result in swept.results:
        if result.error is None:
            groups.setdefault(tuple(result.setting[name] for name in kept), []).append(result)
    return [
        {
            "setting": dict(zip(kept, key, strict=True)),
            "number": len(results),
            "mean": {m.name: statistics.fmean(r.measured[m.name] for r in results) for m in study.measures},
            "deviation": {m.name: _deviation([r.measured[m.name] for r in results]) for m in study.measures},
        }
        for key, results in groups.items()
    ]


def _deviation(values: list[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None


def sweep_document(swept: Swept) -> dict[str, Any]:
    """Return all of it as plain values; how long it took is not in it."""
    study, best = swept.study, best_of(swept)
    rows = [{key: r.to_json()[key] for key in ("name", "setting", "measured", "error")} for r in swept.results]
    return {
        "schema": SCHEMA,
        "title": study.title,
        "method": study.search.method,
        "objective": study.search.objective,
        "direction": study.search.direction,
        "rows": rows,
        "means": means_of(swept) if study.average else [],
        "best": None if best is None else best.name,
        "failed": sum(result.error is not None for result in swept.results),
    }


def table_text(swept: Swept, most: int | None = SHOWN, form: str = "simple") -> str:
    """Return the table as text: means where the study asks for them."""
    from tabulate import tabulate

    header, rows = _rows(swept)
    shown = rows if most is None else rows[:most]
    text = tabulate(shown, headers=header, tablefmt=form, disable_numparse=True)
    return text if len(shown) == len(rows) else f"{text}\n({len(rows) - len(shown)} more rows in the table files)"


def _rows(swept: Swept) -> tuple[list[str], list[list[str]]]:
    study = swept.study
    names, measures = [axis.name for axis in study.axes], [m.name for m in study.measures]
    if study.average:
        kept = [name for name in names if name not in study.average]
        means = means_of(swept)
        return [*kept, *measures, "runs"], [
            [*_texts(row["setting"].values()), *(_spread(row, m) for m in measures), str(row["number"])]
            for row in means
        ]
    return [*names, *measures, ""], [
        [*_texts(r.setting[n] for n in names), *_texts(r.measured.get(m, "") for m in measures), _short(r.error or "")]
        for r in swept.results
    ]


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def _texts(values: Iterable[Value]) -> list[str]:
    return [f"{value:.6g}" if isinstance(value, float) else str(value) for value in values]


def _spread(row: dict[str, Any], measure: str) -> str:
    mean, deviation = row["mean"][measure], row["deviation"][measure]
    return f"{mean:.6g}" if deviation is None else f"{mean:.6g} ± {deviation:.2g}"


def write_tables(swept: Swept, folder: Path) -> list[Path]:
    """Write the document, a Markdown table and a table of comma-separated values of every setting."""
    document, page, sheet = folder / "sweep.json", folder / "table.md", folder / "table.csv"
    write_json(document, sweep_document(swept))
    write_bytes(page, f"# {swept.study.title}\n\n{table_text(swept, None, 'github')}\n".encode())
    write_bytes(sheet, _csv(swept.study, swept.results).encode())
    return [document, page, sheet]


def _csv(study: Study, results: Iterable[SettingResult]) -> str:
    names, measures = [axis.name for axis in study.axes], [m.name for m in study.measures]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, *measures, "error"])
    for r in results:
        writer.writerow([*(r.setting[n] for n in names), *(r.measured.get(m, "") for m in measures), r.error or ""])
    return text.getvalue()
