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
    """Say who wins at which accuracy under one table; cheaper and worse than all that the other kind has is no win."""
    if not front.snn or not front.ann:
        return "one of the kinds has not been trained"
    factors = {c.name: front.factor(c) for c in front.snn}
    lost = [f[0] for f in factors.values() if f is not None and f[0] >= 1]
    cheaper = [c for c in front.snn if (f := factors[c.name]) is None or f[0] < 1]
    floor = min(front.ann, key=lambda c: c.accuracy)
    said = [f"an SNN wins: {_won(c, factors[c.name])}" for c in cheaper if c.accuracy >= floor.accuracy]
    below = [c for c in cheaper if c.accuracy < floor.accuracy]
    if below:
        saved = [floor.costs[front.table] / c.costs[front.table] for c in below]
        names = ", ".join(
            f"{c.name} ({c.accuracy:.1%}, {times:.2g} times)" for c, times in zip(below, saved, strict=True)
        )
        said.append(
            f"cheaper than the cheapest CNN ({floor.accuracy:.1%}), but less accurate than every CNN here: {names}"
        )
    if lost:
        least, most = f"{min(lost):.2g}", f"{max(lost):.2g}"
        span = least if least == most else f"{least} to {most}"
        which = "each other SNN of the front" if said else "every SNN of the front"
        said.append(f"{which} costs {span} times what a CNN at least as accurate does")
    return "; ".join(said)


def _won(one: Candidate, factor: tuple[float, Candidate] | None) -> str:
    if factor is None:
        return f"{one.name} ({one.accuracy:.1%}) is more accurate than every CNN here"
    times, other = 1 / factor[0], factor[1]
    return f"{one.name} ({one.accuracy:.1%}) costs {times:.2g} times less than {other.name} ({other.accuracy:.1%})"


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
