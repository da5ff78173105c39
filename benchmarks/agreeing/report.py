"""The tables and the picture of who agrees with whom."""

from pathlib import Path
from typing import Any

from agreeing.tools import TOOLS
from snn2hw.drawing import new_figure, save_figure

__all__ = ["plot", "share", "table"]

COLOURS = {"equal": "#2a7f62", "differing": "#d1495b", "unsaid": "#c9ced6"}
WORDS = {"equal": "equal in every value", "differing": "differs", "unsaid": "not expressible"}


def share(count: list[int]) -> str:
    """Return equal of all, never rounded up to all: "100 %" means every one."""
    equal, every = count
    if not every:
        return "-"
    if equal == every:
        return "100 %"
    return f"{min(100 * equal / every, 99.99):.2f} %"


def table(results: dict[str, Any]) -> str:
    """Return all tables as Markdown."""
    tools = results["tools"]
    lines = [
        f"{results['programs']} random programs, {results['samples']} samples each; of the zoo "
        f"{results['zoo_samples']} of {results['zoo_steps']} steps.",
        "",
        "| tool | can say | all equal | spikes equal | u and v equal | what it does otherwise (programs) |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in tools.items():
        title = TOOLS[name].title
        if row["reason"]:
            lines.append(f"| {title} | - | - | - | - | not run: {row['reason']} |")
            continue
        found = row["programs"]
        said = found["equal"] + found["differing"]
        causes = "; ".join(f"{' and '.join(c['deviations'])} ({c['programs']})" for c in found["causes"]) or "nothing"
        failed = "".join(f"; failed: {what} ({n})" for what, n in found["failed"].items())
        equal = f"{found['equal']} of {said}"
        spikes, registers = (share(found["values"][kind]) for kind in ("spikes", "registers"))
        lines.append(f"| {title} | {said} | {equal} | {spikes} | {registers} | {causes}{failed} |")
    lines += ["", "What keeps a program from being said (a program may have several):", ""]
    lines += [
        f"- {TOOLS[name].title}: " + ", ".join(f"{what} ({n})" for what, n in row["programs"]["lacking"].items()) + "."
        for name, row in tools.items()
        if not row["reason"] and row["programs"]["lacking"]
    ]
    return "\n".join([*lines, "", *_zoo(results), "", *_causes(results)]) + "\n"


def _zoo(results: dict[str, Any]) -> list[str]:
    names = sorted({name for row in results["tools"].values() for name in row["zoo"]})
    lines = [f"| the zoo: spikes equal, u and v equal | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for tool, row in results["tools"].items():
        cells = []
        for name in names:
            found = row["zoo"].get(name)
            if found is None or found["failed"]:
                cells.append("not run")
            elif found["unsaid"]:
                cells.append("not expressible")
            else:
                why = "; ".join(" and ".join(c["deviations"]) for c in found["causes"])
                both = f"{share(found['values']['spikes'])}, {share(found['values']['registers'])}"
                cells.append(f"{both}: {why}" if why else both)
        lines.append(f"| {TOOLS[tool].title} | {' | '.join(cells)} |")
    return lines


def _causes(results: dict[str, Any]) -> list[str]:
    lines = ["| otherwise | tool | the smallest program that shows it | first difference |", "|---|---|---|---|"]
    for tool, row in results["tools"].items():
        for name, small in row["smallest"].items():
            first = small["first"]
            where = f"step {first['step']}: {first['register']} is {first['got']:.9g}, here {first['expected']}"
            link = f"[{_told(small)}](../benchmarks/results/agreement/{small['file']})"
            lines.append(f"| {name} | {TOOLS[tool].title} | {link} | {where} |")
    return lines


def _told(small: dict[str, Any]) -> str:
    """Return a program in a few words."""
    neurons = sum(len(p["vth"]) for p in small["populations"])
    weights = [w for p in small["populations"] for c in p["inputs"] for row in c["weight"] for w in row]
    exponents = sorted({c["exponent"] for p in small["populations"] for c in p["inputs"]})
    some = ", ".join(map(str, weights[:6])) + (" ..." if len(weights) > 6 else "")
    shifts = ", ".join(map(str, exponents)) or "none"
    return f"{neurons} neuron{'s' * (neurons > 1)}, weights {some or 'none'}, exponents {shifts}"


def plot(results: dict[str, Any], path: Path) -> None:
    """Draw, per tool, how many programs it runs as here, otherwise, and not at all."""
    rows = [(TOOLS[n].title, row["programs"]) for n, row in results["tools"].items() if not row["reason"]][::-1]
    figure, (axes,) = new_figure(8, 0.4 * len(rows) + 1.2)
    left = [0] * len(rows)
    for kind, colour in COLOURS.items():
        counts = [row[kind] for _, row in rows]
        axes.barh([title for title, _ in rows], counts, left=left, color=colour, label=WORDS[kind])
        left = [a + b for a, b in zip(left, counts, strict=True)]
    axes.set_xlabel("programs")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, 1.14), ncols=3, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    save_figure(figure, path)
