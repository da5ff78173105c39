"""The Pareto study as people read it: the table, the sentences and the picture, all from the rows."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snn2hw.codec.share import Share
from snn2hw.costs.fronts import Candidate, Fronts, TableFronts, fronts_of
from snn2hw.costs.plots import plot_fronts

__all__ = ["draw", "fronts_of_task", "sentences", "table"]

Row = dict[str, Any]
NETS = {"snn8": "SNN, 8 steps", "snn2": "SNN, 2 steps", "snn1": "SNN, 1 step", "cnn": "CNN twin"}
KINDS = ("dense", "lean", "taught")
UNITS = {"cmos45_int8": "pJ", "cmos45_int8_memory": "pJ"}
SAID = {"cmos45_int8": "by arithmetic alone", "cmos45_int8_memory": "with memory"}


def groups(rows: Sequence[Row], task: str) -> Iterator[tuple[str, list[Row]]]:
    """Yield every network of a task with the rows of its seeds."""
    found: dict[tuple[int, int, float], list[Row]] = {}
    for row in rows:
        if row["task"] == task:
            order = (list(NETS).index(row["net"]), KINDS.index(row["kind"]), row["prune"])
            found.setdefault(order, []).append(row)
    for _, group in sorted(found.items()):
        yield NETS[group[0]["net"]] + _means(group[0]), group


def _means(row: Row) -> str:
    if row["kind"] == "dense":
        return ""
    return f", pruned {row['prune']:.0%}, quiet" + (", distilled" if row["kind"] == "taught" else "")


def table(rows: Sequence[Row]) -> str:
    """Return the table in Markdown, one row per network, means over its seeds."""
    head = [
        "network",
        "seeds",
        "float %",
        "8 bit % (95% interval)",
        "synops or MACs, x != 0 and w != 0",
        "int8 arithmetic nJ",
        "int8 with memory nJ",
    ]
    lines = [_line(["task", *head]), _line(["---"] * (len(head) + 1))]
    for task in _tasks(rows):
        for name, group in groups(rows, task):
            share, every, held = _share(group), _mean(group, "products"), _mean(group, "products_held")
            low, high = share.interval
            products = _thousands(every) + (f" ({_thousands(held)} with the input summed once)" if held < every else "")
            marked = name + (" *" if group[0]["kind"] == "lean" and group[0]["used"] else "")
            cells = [task, marked, len(group), f"{100 * _mean(group, 'float'):.1f}"]
            cells += [f"{100 * _right(group):.1f} ({100 * low:.1f} to {100 * high:.1f})", products]
            lines.append(_line([*cells, *(f"{_cost(group, name) / 1e3:.3g}" for name in UNITS)]))
    return "\n".join(lines) + "\n\n*: the strength that validation chose.\n"


def sentences(rows: Sequence[Row]) -> str:
    """Return, for every task, who wins where and by which factor: what the table says and no more."""
    return "\n".join(f"- {_sentence(rows, task)}" for task in _tasks(rows)) + "\n"


def _sentence(rows: Sequence[Row], task: str) -> str:
    seeds = sorted({len(group) for _, group in groups(rows, task) if group[0]["used"]})
    over = f"{seeds[0]} seed{'s' if seeds[0] != 1 else ''}" + (f" ({seeds[-1]} of some)" if len(seeds) > 1 else "")
    tested = next(group for _, group in groups(rows, task))[0]["tested"]
    said = ". ".join(
        f"{SAID[t.table][0].upper()}{SAID[t.table][1:]}: {_who(t)}" for t in fronts_of_task(rows, task).tables
    )
    return f"**{task.capitalize()}**, {over}, {tested} test clips, both made cheap by the same means. {said}."


def _who(front: TableFronts) -> str:
    """Say who wins at which accuracy under one table."""
    if not front.snn or not front.ann:
        return "one of the kinds has not been trained"
    compared = [(c, front.factor(c)) for c in front.snn]
    lost = [(c, f[0]) for c, f in compared if f is not None and f[0] >= 1]
    won = [(c, f) for c, f in compared if f is None or f[0] < 1]
    said = []
    if won:
        beaten = "{name} ({accuracy:.1%}) costs {times:.2g} times less than any CNN at least as accurate"
        alone = "{name} ({accuracy:.1%}) is more accurate than every CNN here"
        for c, f in won:
            form = alone if f is None else beaten
            said.append(form.format(name=c.name, accuracy=c.accuracy, times=0 if f is None else 1 / f[0]))
        said = ["the SNN wins where " + " and ".join(said)]
    if lost:
        least, most = min(f for _, f in lost), max(f for _, f in lost)
        span = f"{least:.2g}" if f"{least:.2g}" == f"{most:.2g}" else f"{least:.2g} to {most:.2g}"
        where = "for the rest of" if won else "at every accuracy that"
        tail = "its front" if won else "an SNN reaches"
        said.append(f"{where} {tail} a CNN at least as accurate costs {span} times less")
    return "; ".join(said)


def fronts_of_task(rows: Sequence[Row], task: str) -> Fronts:
    """Return the fronts of a task, a network being the mean of its seeds."""
    candidates = [
        Candidate(
            "ann" if group[0]["net"] == "cnn" else "snn", name, _share(group), {t: _cost(group, t) for t in UNITS}
        )
        for name, group in groups(rows, task)
    ]
    return fronts_of(candidates, UNITS)


def draw(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Draw both fronts of every task under both tables."""
    made = []
    for task in _tasks(rows):
        made.append(folder / f"pareto-{task}.png")
        plot_fronts(fronts_of_task(rows, task), made[-1], f"{task}: means over seeds")
    return made


def _tasks(rows: Sequence[Row]) -> list[str]:
    return [task for task in ("digits", "keywords") if any(groups(rows, task))]


def _right(group: Sequence[Row]) -> float:
    return float(np.mean([row["right"] / row["tested"] for row in group]))


def _share(group: Sequence[Row]) -> Share:
    """Return the mean over seeds as one network's share: its interval is that of one test part."""
    tested = group[0]["tested"]
    return Share(round(_right(group) * tested), tested)


def _mean(group: Sequence[Row], name: str) -> float:
    return float(np.mean([row[name] for row in group]))


def _cost(group: Sequence[Row], name: str) -> float:
    return float(np.mean([row["pj"][name] for row in group]))


def _thousands(value: float) -> str:
    return f"{value / 1e3:.3g}k"


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
