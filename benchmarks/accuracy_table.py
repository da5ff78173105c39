"""The accuracy benchmark's results as tables and a picture."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from snn2hw.drawing import QUIET, new_figure, save_figure


def _losses(runs: dict[str, Any], row: str) -> list[float]:
    """Return the loss of every run that has the row, in percentage points."""
    return [round(100 * (r["float"]["accuracy"] - r[row]["accuracy"]), 9) for r in runs.values() if row in r]


def table(runs: dict[str, Any], rows: Sequence[str], all_bits: Sequence[object]) -> str:
    """Return the table in Markdown: accuracy and loss, mean and standard deviation over the runs."""
    lines = [
        f"| weights | accuracy, mean of {len(runs)} seeds | loss, points (mean ± s.d.) | worst seed | answers as float "
        "| readout error | variants of the test split |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        found = [100 * r[row]["accuracy"] for r in runs.values() if row in r]
        if not found:
            continue
        cells = "-" if row == "float" else _spread(runs, row)
        worst = "-" if row == "float" else f"{max(_losses(runs, row)):+.2f}"
        rest = " | ".join(_mean(runs, row, key) for key in ("answers_as_float", "readout_error", "varied_accuracy"))
        lines.append(f"| {row} | {np.mean(found):.2f} % | {cells} | {worst} | {rest} |")
    wide = [r["16 bit fixed"] for r in runs.values() if "16 bit fixed" in r]
    if wide:
        lines += ["", _wide_text(wide)]
    return "\n".join([*lines, "", *_compared(runs, all_bits)]) + "\n"


def _spread(runs: dict[str, Any], row: str) -> str:
    """Return the loss, mean ± standard deviation over the runs."""
    loss = _losses(runs, row)
    if not loss:
        return "-"
    mean = round(float(np.mean(loss)), 9) + 0.0  # no minus before a zero
    return f"{mean:+.2f} ± {np.std(loss, ddof=min(1, len(loss) - 1)):.2f}"


def summary(runs: dict[str, Any], all_bits: Sequence[object], all_levels: Sequence[int]) -> str:
    """Return the table of docs/results.md: losses alone."""
    floats = [100 * r["float"]["accuracy"] for r in runs.values()]
    columns = {"mse channel": "compiled", "tuned": "tuned", "max layer": "scaled to the greatest weight of a layer"}
    lines = [f"| bits per weight | {' | '.join(columns.values())} |", "|---|" + "---|" * len(columns)]
    lines += [f"| {bits} | {' | '.join(_spread(runs, f'{bits} {name}') for name in columns)} |" for bits in all_bits]
    historic = ", ".join(f"{_spread(runs, f'levels {levels}')} at {levels} levels" for levels in all_levels)
    return "\n".join(
        [
            f"Points of accuracy lost against float on the test split of spoken digits, mean ± s.d. of {len(runs)} "
            f"trained networks (float: {np.mean(floats):.2f} %):",
            "",
            *lines,
            "",
            f"The historic L-level scheme loses {historic}. All rows: `benchmarks/results/accuracy.md`.",
            "",
        ]
    )


def _mean(runs: dict[str, Any], row: str, key: str) -> str:
    found = [r[row][key] for r in runs.values() if key in r.get(row, {})]
    return f"{100 * np.mean(found):.2f} %" if found else "-"


PAIRS = (
    ("mse channel", "mse layer"),
    ("mse channel", "max channel"),
    ("mse layer", "max layer"),
    ("max channel", "max layer"),
)


def _compared(runs: dict[str, Any], all_bits: Sequence[object]) -> list[str]:
    """Return a table of the methods in pairs: who alone is right how often, over all seeds and recordings."""
    lines = ["| weights | expected to be better | it alone is right : wrong | on variants | p on variants |"]
    lines += ["|---|---|---|---|---|"]
    behind, farther = [], []
    for bits in all_bits:
        for better, other in PAIRS:
            names = (f"{bits} {better}", f"{bits} {other}")
            both = [(r[names[0]], r[names[1]]) for r in runs.values() if names[0] in r and names[1] in r]
            test, varied = (_discordant(both, key) for key in ("wrong", "varied_wrong"))
            lines.append(
                f"| {bits} | {better} than {other} | {test[0]} : {test[1]} | {varied[0]} : {varied[1]} "
                f"| {_sign_test(*varied):.2g} |"
            )
            if test[0] < test[1]:
                behind.append(f"{names[0]} to {other} by {test[1] - test[0]} recordings (p = {_sign_test(*test):.2g})")
            if sum(x["readout_error"] for x, _ in both) > sum(y["readout_error"] for _, y in both):
                farther.append(f"{names[0]} than {other}")
    return [
        *lines,
        "",
        "p: of a ratio at least as uneven, either way, if both were equally good (sign test). On the test split these "
        f"lose: {'; '.join(behind) or 'none'}. By readout error these are worse: {'; '.join(farther) or 'none'}.",
    ]


def _discordant(pairs: list[tuple[dict[str, Any], dict[str, Any]]], key: str) -> tuple[int, int]:
    """Return how many answers the first alone has right, and how many it alone has wrong."""
    wrong = [(int(better[key], 16), int(other[key], 16)) for better, other in pairs]
    return sum((y & ~x).bit_count() for x, y in wrong), sum((x & ~y).bit_count() for x, y in wrong)


def _sign_test(won: int, lost: int) -> float:
    n, least = won + lost, min(won, lost)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(least + 1)) / 2**n)


def _wide_text(wide: list[dict[str, Any]]) -> str:
    steps, different = sum(w["neuron_steps"] for w in wide), sum(w["different"] for w in wide)
    return (
        f"With 16-bit weights {1 - different / steps:.4%} of {steps:,} neuron-steps on the test split have the float "
        f"network's spike. The {different:,} others begin at {sum(w['roots'] for w in wide)} roots, where the neuron "
        f"that stayed quiet stood at most {max(w['root_distance_of_threshold'] for w in wide):.3%} of the threshold "
        f"below it: at most {max(w['root_units'] for w in wide):.2f} of what one unit in each of its registers moves "
        f"(of {max(w['own_units'] for w in wide):.2f} for decisions that differ from the machine's own state)."
    )


def plot(runs: dict[str, Any], path: Path) -> None:
    """Draw accuracy against bits: every method's mean, with the spread over the seeds."""
    figure, (axes,) = new_figure(6.4, 3.8)
    widths = {"8": 8.0, "6": 6.0, "4": 4.0, "3": 3.0, "2": 2.0, "ternary": 1.58}
    series = {"max layer": "max, per layer", "max channel": "max, per channel", "mse channel": "mse, per channel"}
    for suffix, label in (*series.items(), ("tuned", "tuned")):
        points = [
            (w, [100 * r[f"{b} {suffix}"]["accuracy"] for r in runs.values() if f"{b} {suffix}" in r])
            for b, w in widths.items()
        ]
        points = [(w, values) for w, values in points if values]
        if points:
            x, y = [w for w, _ in points], [float(np.mean(v)) for _, v in points]
            axes.errorbar(x, y, [float(np.std(v)) for _, v in points], marker="o", capsize=3, label=label)
    floats = [100 * r["float"]["accuracy"] for r in runs.values() if "float" in r]
    axes.axhline(float(np.mean(floats)), color=QUIET, ls=":", label="float")
    axes.set(
        title="Spoken digits: accuracy of the integer program",
        xlabel="bits per weight",
        ylabel="accuracy, %",
        xticks=list(widths.values()),
        ylim=(0, 101),
    )
    axes.set_xticklabels(list(widths))
    axes.grid(alpha=0.3)
    axes.legend()
    save_figure(figure, path)
