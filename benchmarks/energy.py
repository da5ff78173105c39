"""SNN against ANN: counts, energy proxies and break-even of trained networks, as JSON, a table and pictures.

python benchmarks/energy.py --case "hardware SCNN" P.nir X.npz cnn.onnx ann-input.npz -o benchmarks/results

Each case is a label and four files: a program, its test raster, the CNN beside it, that CNN's samples. Every sample is
run; the synops of the engine are counted again from its recorded spikes, and a difference ends the benchmark.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from results import ended, into_page, write

from exporters.program_file import read_program
from sim.engines import run
from sim.program import Program
from snn2hw.costs.energy import TaskLabels, energy
from snn2hw.costs.plots import plot_band, plot_break_even
from snn2hw.costs.recount import recount_synops
from snn2hw.costs.report import EnergyReport
from snn2hw.costs.text import amount
from snn2hw.files.rasters import read_npz, read_raster

SCHEMA = "snn2hw.benchmark.energy/1"
CHUNK = 20
"""Samples whose spikes are held at once while they are counted again."""


def main() -> int:
    arguments = _arguments()
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for label, program_file, raster_file, onnx, samples_file in arguments.case:
        program, given, theirs = read_program(program_file), read_raster(raster_file), read_npz(samples_file)
        raster, task = given.spikes, TaskLabels(given.labels, theirs.get("labels"), given.decoder)
        report = energy(program, raster, ann=onnx, ann_inputs=theirs["features"], task=task, engine=arguments.engine)
        recounted = _recount(program, raster, report, arguments.engine)
        print(f"== {label}\n\n{report}\n\nsynops counted again from {recounted} samples' spikes: equal\n")
        name = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
        plot_band(report, folder / f"energy-{name}.png")
        plot_break_even(report, folder / f"break-even-{name}.png")
        cases.append({"label": label, "recounted_samples": recounted, "report": report.to_json()})
    write(folder / "energy.json", json.dumps({"schema": SCHEMA, "cases": cases}, indent=1) + "\n")
    table = _table(cases)
    write(folder / "energy.md", table)
    if arguments.page:
        into_page("energy.py", table)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    files = ("LABEL", "P.nir", "X.npz", "CNN.onnx", "F.npz")
    parser.add_argument("--case", nargs=5, action="append", required=True, metavar=files)
    parser.add_argument("--engine", default="fast")
    parser.add_argument("--page", action="store_true", help="put the table between its marks in docs/results.md")
    parser.add_argument("-o", "--output", default="benchmarks/results", metavar="FOLDER")
    return parser.parse_args()


def _recount(program: Program, raster: np.ndarray, report: EnergyReport, engine: str) -> int:
    """Count every synop again; return the number of samples."""
    total = 0
    for start in range(0, len(raster), CHUNK):
        part = raster[start : start + CHUNK]
        trace = run(program, part, engine=engine, record=("spikes",))
        for name, again in recount_synops(program, part, trace.spikes).items():
            np.testing.assert_array_equal(again, trace.counts.synops_by_connection[name], err_msg=name)
            total += int(again.sum())
    mean = report.totals["synops"].mean
    if round(mean * len(raster)) != total:
        raise AssertionError(f"{total} synops counted again, the report says {mean * len(raster)}")
    return len(raster)


def _table(cases: list[dict[str, Any]]) -> str:
    head = [
        "network",
        "synops",
        "spikes / synapse",
        "ANN MACs",
        "SNN, Loihi 1",
        "int8 + memory: SNN",
        "ANN",
        "both count x != 0 and w != 0",
        "accuracy: SNN",
        "ANN",
    ]
    lines = [" | ".join(head), " | ".join(["---"] * len(head))]
    for case in cases:
        report = case["report"]
        ann = {c["table"]: c for c in report["ann"]["cost"]}
        snn = {c["table"]: c for c in report["snn"]}
        outcome = _outcome(report)
        cells = [
            case["label"],
            f"{report['per_inference']['synops']['mean']:,.0f}",
            f"{report['spikes_per_synapse']['mean']:.2f}",
            f"{report['ann']['macs']:,}",
            _span(snn["loihi1_davies2018"], snn["loihi1_sanafe2025"]),
            _span(snn["cmos45_int8_memory"]),
            _span(ann["cmos45_int8_memory"]),
            outcome,
            *(_accuracy(report, side) for side in ("snn", "ann")),
        ]
        lines.append(" | ".join(cells))
    rows = "\n".join(f"| {line} |" for line in lines)
    return (
        f"{rows}\n\nEnergies per inference are proxies (counted and priced, nothing measured), from low to high end.\n"
    )


def _outcome(report: dict[str, Any]) -> str:
    """Say who is cheaper with 8-bit products and memory, both counted by one rule, or why that is not known."""
    if report["task"]["unknown"] is not None:
        return f"no verdict: {report['task']['unknown']}"
    found = {(c["rule"], c["table"]): c for c in report["equal_rule"]["costs"]}
    cost = found["skipping", "cmos45_int8_memory"]
    return f"the SNN {cost['outcome']}, {cost['ratio']['mean']:.2g}x"


def _accuracy(report: dict[str, Any], side: str) -> str:
    right = report["task"][f"{side}_accuracy"]
    return "-" if right is None else f"{right:.2%}"


def _span(*costs: dict[str, Any]) -> str:
    low = min(c["total"]["low"]["mean"] for c in costs)
    high = max(c["total"]["high"]["mean"] for c in costs)
    return f"{amount(low, 'pJ')} .. {amount(high, 'pJ')}"


if __name__ == "__main__":
    sys.exit(ended(main))
