"""Who agrees with whom: the same programs on every other simulator, value by value, each difference with its cause.

python benchmarks/agreement.py                          all tools, into benchmarks/results/agreement.{json,md,png}
python benchmarks/agreement.py --only lava-dense,norse  these; the others stay as they are
python benchmarks/agreement.py --page                   the tables into docs/agreement.md as well

Programs that show a difference go, as small as they could be made, to benchmarks/results/agreement. Environments:
`snn2hw install lava|xylosim|sanafe`, `python benchmarks/speed.py --install nengo_loihi,brian2_loihi`.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the modules beside this one, however it is imported

from agreeing.matrix import compared, smallest_of
from agreeing.programs import COUNT, SAMPLES, drawn
from agreeing.report import plot, table
from agreeing.tools import TOOLS, Running, python_for, running
from results import ended, into_page, write

from exporters.program_file import read_program
from sim.errors import InputError, Snn2hwError
from snn2hw.zoo import located, zoo_names

RESULTS = Path(__file__).resolve().parent / "results"
PAGE = Path(__file__).resolve().parents[1] / "docs" / "agreement.md"
ZOO_SAMPLES, ZOO_STEPS = 1, 16
SCHEMA = "snn2hw.benchmark.agreement/1"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(TOOLS), help="tools, separated by commas (default: all)")
    parser.add_argument("--programs", type=int, default=COUNT, help=f"random programs (default: {COUNT})")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--page", action="store_true", help="put the tables between their marks in docs/agreement.md")
    parser.add_argument("--tables", action="store_true", help="run nothing: tables and picture anew")
    arguments = parser.parse_args()
    path = arguments.output / "agreement.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"tools": {}}
    results = {"schema": SCHEMA, "programs": arguments.programs, "samples": SAMPLES, "tools": found["tools"]}
    results |= {"zoo_samples": ZOO_SAMPLES, "zoo_steps": ZOO_STEPS}
    for name in [] if arguments.tables else arguments.only.split(","):
        if name not in TOOLS:
            raise InputError(f"tool {name!r} is unknown", f"use any of: {', '.join(TOOLS)}")
        results["tools"][name] = measured(name, arguments.programs, arguments.output / "agreement")
        results["tools"] = {key: results["tools"][key] for key in TOOLS if key in results["tools"]}
        write(path, json.dumps(results, indent=1) + "\n")
    text = table(results)
    write(arguments.output / "agreement.md", text)
    plot(results, arguments.output / "agreement.png")
    if arguments.page:
        into_page("agreement.py", text, PAGE)
    return 0


def measured(name: str, programs: int, folder: Path) -> dict[str, Any]:
    """Return everything of one tool; its smallest programs go into the folder."""
    with running(name) as tool:
        try:
            python_for(tool.tool)
        except Snn2hwError as error:
            return {"reason": str(error), "programs": {}, "zoo": {}, "smallest": {}}

        def progress(number: int) -> None:
            if number % 20 == 0:
                print(f"{name}: {number}", flush=True)

        tally = compared(tool, drawn(programs), progress)
        zoo = {zoo_name: _of_zoo(tool, zoo_name) for zoo_name in zoo_names()}
        smallest = {}
        folder.mkdir(parents=True, exist_ok=True)
        for number, (deviation, small) in enumerate(smallest_of(tool, tally).items(), 1):
            file = f"{name}-{number}.json"
            write(folder / file, json.dumps(small) + "\n")
            smallest[deviation] = {**small, "file": file}
    return {"reason": None, "programs": tally.to_json(), "zoo": zoo, "smallest": smallest}


def _of_zoo(tool: Running, name: str) -> dict[str, Any]:
    """Compare on random messages over the program's whole range, three of ten of them."""
    program, rng = read_program(located(f"zoo:{name}")), np.random.default_rng(0)
    size = (ZOO_SAMPLES, ZOO_STEPS, *program.input.shape)
    raster = rng.integers(program.input.lo, program.input.hi + 1, size) * (rng.random(size) < 0.3)
    return compared(tool, [(program, raster.astype(np.int32))], lambda number: None).to_json()


if __name__ == "__main__":
    sys.exit(ended(main))
