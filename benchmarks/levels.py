"""Levels of the historic scheme beside as many of ours, on one trained network: the table of docs/results.md.

python benchmarks/levels.py --data fsdd/ runs/seed-48 [--page]

The run is a folder of `snn2hw train fsdd`. Its network is compiled for loihi1 in every way that
benchmarks/studies/levels.toml names, by `snn2hw sweep` in RUN/levels, and hears the run's test part. What is there is
not done again. Writes benchmarks/results/levels.{json,md}.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from results import ended, into_page, of_runs, write
from tabulate import tabulate

from sim.files import make_folder

RESULTS = Path(__file__).resolve().parent / "results"
STUDY = Path(__file__).resolve().parent / "studies" / "levels.toml"
CALIBRATION = 128
FILES = ("model.pt", "test.npz")
LEVELS = (128, 64, 32, 16, 8, 4)
OURS = {64: "6 bits", 16: "4 bits", 8: "3 bits", 4: "2 bits"}
"""Weights of ours with at most as many values as the historic scheme has levels; it has 2 L - 1 values, with signs."""


def main() -> int:
    given = of_runs(__doc__, "", "levels.json and .md").parse_args()
    run = Path(given.runs[0]).resolve()
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    make_folder(run / "levels")
    rows = _swept(run / "levels", run, given)
    found = {
        "schema": "snn2hw.benchmark.levels/1",
        "network": {name: summary["recipe"][name] for name in ("layout", "encoder", "steps", "seed", "epochs")},
        "float": summary["accuracy"]["test"],
        "rows": rows,
    }
    output = Path(given.output)
    write(output / "levels.json", json.dumps(found, indent=1) + "\n")
    text = table(found)
    write(output / "levels.md", text)
    print(text)
    if given.page:
        into_page("levels.py", text)
    return 0


def _swept(folder: Path, run: Path, given: argparse.Namespace) -> dict[str, float]:
    """Return the accuracy of every setting of the study."""
    for name in FILES:
        shutil.copy(run / name, folder)
    study = shutil.copy(STUDY, folder)
    front = ["--front", str(run / "front.json"), "--part", "train", "--limit", str(CALIBRATION)]
    _snn2hw(["encode", "fsdd", "--data", str(given.data), *front, "-o", str(folder / "calibration.npz")])
    _snn2hw(["sweep", str(study), "-o", str(folder / "out"), "--processes", "1", "--no-pictures"])
    rows = json.loads((folder / "out" / "sweep.json").read_text(encoding="utf-8"))["rows"]
    return {row["setting"]["weights"]: row["measured"]["accuracy"] for row in rows}


def _snn2hw(words: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "snn2hw", *words], check=True)


def table(found: dict[str, Any]) -> str:
    """Return accuracy and what is lost against floats, by the number of levels."""
    rows = []
    for levels in LEVELS:
        ours = OURS.get(levels, "")
        rows.append((levels, *_cells(found, f"{levels} levels"), ours, *(_cells(found, ours) if ours else ("", ""))))
    heads = ("levels L", "historic scheme", "points lost", "ours, at most L values", "accuracy", "points lost")
    body = tabulate(rows, heads, tablefmt="github", disable_numparse=True)
    plain, ternary = (f"{found['rows'][name]:.1%}" for name in ("8 bits", "ternary"))
    return f"Right in floats: {found['float']:.1%}; with weights of 8 bits {plain}, ternary {ternary}.\n\n{body}\n"


def _cells(found: dict[str, Any], name: str) -> tuple[str, str]:
    share = found["rows"][name]
    return f"{share:.1%}", f"{100 * (found['float'] - share):+.1f}"


if __name__ == "__main__":
    sys.exit(ended(main))
