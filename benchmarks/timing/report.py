"""The results as a table in Markdown and as one picture."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from snn2hw.drawing import QUIET, SERIES, SNN, new_figure, save_figure
from timing.contestants import PEERS, best

__all__ = ["plot", "table"]

Parts = dict[str, dict[str, Any]]
OURS = {"auto": "snn2hw", "portable": "snn2hw, portable kernels", "general": "snn2hw, 64-bit kernels"}
TITLES = {"reference": "reference network", "small": "small network"}
CURVES = {
    "batch": ("batch", "samples_per_s", "samples in one call", "samples/s", "batch"),
    "rate": ("rate", "samples_per_s", "spikes per input and step", "samples/s", "rate of the input"),
    "size": ("synapses", "samples_per_s", "synapses", "samples/s", "two layers, all to all"),
    "steps": ("steps", "steps_per_s", "steps of a sample", "steps/s", "length"),
}
"""Part to the quantities of its axes, their labels, and the title."""
PEER_COLOURS = dict(zip(("norse", "snntorch", "sinabs", "spikingjelly"), SERIES[1:], strict=False))


def table(parts: Parts) -> str:
    """Return all simulators, their best forms and batches; then what the curves show, in sentences."""
    head = ["simulator", "form, batch", "arithmetic"]
    head += [column for title in TITLES.values() for column in (f"{title}, samples/s", "snn2hw is faster by")]
    rows = [
        *_our_rows(parts),
        *(row for peer in PEERS.values() if peer.name in parts for row in _peer_rows(peer.name, parts)),
    ]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join([*lines, "", *(f"- {line}" for line in _sentences(parts))]) + "\n"


def _our_rows(parts: Parts) -> list[list[str]]:
    rows = []
    for kind, title in (*OURS.items(), ("reference engine", "snn2hw, reference engine")):
        cells = [title, "64 samples" if kind in ("auto", "portable") else "8 samples", "integers"]
        for net in TITLES:
            found = parts.get(net, {}).get("found", {}).get("engines", {})
            if kind in found:
                ratio = found[kind]["seconds_per_sample"] / found["auto"]["seconds_per_sample"]
                cells += [_number(found[kind]["samples_per_s"]), "" if kind == "auto" else f"{_number(ratio)}x"]
            else:
                cells += ["-", "-"]
        rows.append(cells)
    return rows


def _peer_rows(name: str, parts: Parts) -> list[list[str]]:
    """Return a row for each form of a peer, or one with the reason why there is none."""
    found, title = parts[name]["found"], PEERS[name].title
    forms = list(dict.fromkeys(row["form"] for net in TITLES for row in found[net]["rows"]))
    if not forms:
        return [[title, f"not measured: {found['reference']['reason']}", "-", "-", "-", "-", "-"]]
    rows = []
    for form in forms:
        chosen = [best(found[net], form) for net in TITLES]
        first = next(row for row in chosen if row is not None)
        cells = [title, _form(first, chosen), _arithmetic(chosen)]
        for row in chosen:
            cells += (
                ["-", "-"] if row is None else [_number(1 / row["seconds_per_sample"]), f"{_number(row['ratio'])}x"]
            )
        rows.append(cells)
    return rows


def _form(first: dict[str, Any], chosen: list[dict[str, Any] | None]) -> str:
    batches = " and ".join(dict.fromkeys(str(row["batch"]) for row in chosen if row is not None))
    words = [first["form"], first.get("order", ""), f"batch {batches}", first.get("note", "")]
    return ", ".join(word for word in words if word)


def _arithmetic(chosen: list[dict[str, Any] | None]) -> str:
    """Say in what a form computes, and whether its readout was found to be ours in the end."""
    kinds = {row.get("arithmetic", "float32") for row in chosen if row is not None}
    equal = all(row.get("readout_is_ours", False) for row in chosen if row is not None)
    return ", ".join(sorted(kinds)) + (", equal to ours" if equal else "")


ENDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "threads": lambda last: f"{last['threads']} threads over a batch of 256: {last['speedup']:.2f}x one.",
    "size": lambda last: f"{last['synapses'] / 1e6:.0f} million synapses: {_number(last['samples_per_s'])} samples/s.",
    "steps": lambda last: f"Samples of {last['steps']:,} steps: {_number(last['steps_per_s'])} steps/s.",
    "memory": lambda last: (
        f"A batch of {last['batch']}: {last['peak_bytes'] / 1e6:.0f} MB at most, states not recorded."
    ),
}
"""What the largest of a curve is said to come to."""


def _sentences(parts: Parts) -> list[str]:
    lines = []
    if "reference" in parts:
        found = parts["reference"]["found"]
        ours, peak = found["engines"]["auto"], found["add_peak_per_s"]
        lines.append(
            f"{parts['reference']['machine']['cpu']} ({parts['reference']['machine']['cpu_name']}), one thread: "
            f"{ours['adds_per_s'] / 1e9:.1f} of {peak / 1e9:.1f} G additions/s that a loop of nothing but 16-bit "
            f"additions in the L1 cache reaches, {ours['adds_per_s'] / peak:.0%}."
        )
    if "norse" in parts:
        lines.append("Against Norse at its best batch: " + "; ".join(_against_norse(parts["norse"]["found"])) + ".")
    return lines + [text(parts[name]["found"][-1]) for name, text in ENDS.items() if name in parts]


def _against_norse(found: dict[str, Any]) -> list[str]:
    texts = []
    for net, form in (("reference", "trained"), ("reference", "folded"), ("small", "trained")):
        row = best(found[net], form)
        if row is not None:
            times = [
                row["seconds_per_sample"] / found[net][f"{kind}_seconds_per_sample"] for kind in ("ours", "portable")
            ]
            texts.append(f"{TITLES[net]}, {form}, {times[0]:.1f}x, portable kernels {times[1]:.1f}x")
    return texts or ["not measured"]


def _number(value: float) -> str:
    """Return three digits, or all of a larger integer."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def plot(parts: Parts, path: Path) -> None:
    """Draw what there is: simulators on the left, how the fast engine scales on the right."""
    figure, panels = new_figure(13.5, 7, rows=2, columns=3, widths=(1.5, 1, 1))
    places = dict(zip(("reference", "batch", "rate", "small", "size", "steps"), panels, strict=True))
    for net in TITLES:
        _bars(places[net], parts, net)
    found = {name: parts[name]["found"] for name in CURVES if name in parts}
    for name, (x, y, *labels) in CURVES.items():
        axes, points = places[name], found.get(name, [])
        axes.set(xlabel=labels[0], ylabel=labels[1], title=labels[2])
        axes.grid(alpha=0.3)
        if points:
            axes.set_xscale("log")
            axes.plot([p[x] for p in points], [p[y] for p in points], "o-", color=SNN, label="snn2hw")
            if name == "steps":
                axes.set_ylim(0, 1.15 * max(p[y] for p in points))
            else:
                axes.set_yscale("log")
    if "batch" in found:
        _peers_by_batch(places["batch"], parts)
    if "rate" in found:
        _beside(places["rate"], found["rate"], "rate", "adds_per_s", 1e9, "G additions/s")
    if "steps" in found:
        _beside(places["steps"], found["steps"], "steps", "peak_bytes", 1e6, "peak memory of two samples, MB")
    save_figure(figure, path)


def _bars(axes: Any, parts: Parts, net: str) -> None:
    """Draw the samples per second of every simulator, best form and batch, fastest on top."""
    bars = []
    found = parts.get(net, {}).get("found", {}).get("engines", {})
    bars += [(OURS[kind], row["samples_per_s"], True) for kind, row in found.items() if kind in ("auto", "portable")]
    for peer in PEERS.values():
        row = best(parts[peer.name]["found"][net]) if peer.name in parts else None
        if row is not None:
            bars.append((peer.title, 1 / row["seconds_per_sample"], False))
    axes.set(xlabel="samples/s, one thread", title=f"{TITLES[net]}, best form and batch of each")
    if not bars:
        return
    bars.sort(key=lambda bar: bar[1])
    axes.barh([b[0] for b in bars], [b[1] for b in bars], color=[SNN if b[2] else QUIET for b in bars])
    for i, bar in enumerate(bars):
        axes.text(bar[1] * 1.15, i, _number(bar[1]), va="center", fontsize=8)
    axes.set(xscale="log")
    axes.tick_params(axis="y", labelsize=8)
    axes.margins(x=0.25)


def _peers_by_batch(axes: Any, parts: Parts) -> None:
    for name in PEER_COLOURS:
        rows = parts[name]["found"]["reference"]["rows"] if name in parts else []
        points: dict[int, float] = {}
        for row in rows:
            points[row["batch"]] = max(points.get(row["batch"], 0.0), 1 / row["seconds_per_sample"])
        if points:
            axes.plot(list(points), list(points.values()), ".--", color=PEER_COLOURS[name], label=name)
    axes.set_ylim(bottom=axes.get_ylim()[0] / 6)  # room for the legend under every line
    axes.legend(fontsize=8, loc="lower center", ncols=2)


def _beside(axes: Any, points: list[dict[str, Any]], x: str, y: str, unit: float, label: str) -> None:
    """Draw a second quantity over the same axis, dashed."""
    right = axes.twinx()
    right.plot([p[x] for p in points], [p[y] / unit for p in points], ".--", color=QUIET)
    right.set(ylabel=f"{label} (dashed)")
    right.set_ylim(bottom=0)
