"""Bits of a weight beside as many levels of the historic scheme, on one trained network of spoken digits.

python benchmarks/levels.py --data fsdd/ runs/seed [--page]

A run is a folder of `snn2hw train fsdd`: its network in floats, as programs of 8, 6, 4, 3 and 2 bits a weight, and with
the historic scheme at 256 to 4 levels a layer, all on the run's own test part. Rows that are in the results already are
not computed again. Writes benchmarks/results/levels.{json,md}.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the modules beside this one, however it is imported

from results import ended, into_page, of_runs, write
from tabulate import tabulate

from sim.engines import run
from snn2hw.codec.decode import decide
from snn2hw.codec.share import Share
from snn2hw.compiler.compile import compile_source
from snn2hw.compiler.options import Options

SCHEMA = "snn2hw.benchmark.levels/1"
BITS = (8, 6, 4, 3, 2)
LEVELS = (256, 64, 32, 16, 8, 4)
CALIBRATION, CHUNK = 256, 50


def main() -> int:
    arguments = of_runs(__doc__, "", "levels.json and .md").parse_args()
    folder = Path(arguments.output)
    path = folder / "levels.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {"schema": SCHEMA, "runs": {}}
    for home in map(Path, arguments.runs):
        digest = sha256((home / "model.pt").read_bytes()).hexdigest()
        known = results["runs"].get(home.name, {})
        if known.get("checkpoint") != digest:
            known = results["runs"][home.name] = {"checkpoint": digest, "rows": {}}
        _judge(home, arguments.data, known, lambda: write(path, json.dumps(results, indent=1) + "\n"))
    text = tables(results["runs"])
    write(folder / "levels.md", text)
    print(text)
    if arguments.page:
        into_page("levels.py", text)
    return 0


def _judge(home: Path, data: Path, known: dict[str, Any], keep: Any) -> None:
    """Fill in the rows that are missing."""
    from snn2hw.audio.fsdd import read_fsdd
    from snn2hw.codec.encode import encode
    from snn2hw.sources.from_norse import from_norse
    from snn2hw.train.checkpoint import deployable, load_trained
    from snn2hw.train.network_recipe import encoder_of
    from snn2hw.train.prepare import prepare

    wanted = {f"{bits} bits": (bits, Options()) for bits in BITS}
    wanted |= {f"{n} levels": (8, Options(method="max", per="layer", levels=n)) for n in LEVELS}
    if wanted.keys() <= known["rows"].keys():
        return
    trained = load_trained(home / "model.pt")
    recipe = trained.recipe
    features = prepare(read_fsdd(data), recipe)
    chosen = np.sort(np.random.default_rng(0).permutation(len(features.train_labels))[:CALIBRATION])
    labels = features.test.labels
    rasters = [
        encode(images[:, None], encoder_of(recipe)) for images in (features.pool[0][chosen], features.test.images)
    ]
    known |= {"steps": recipe.steps, "input": recipe.encoder}
    known["rows"]["float"] = Share(round(trained.accuracy["test"] * len(labels)), len(labels)).to_json()
    source = from_norse(deployable(trained), (1, recipe.mel.bands, recipe.mel.frames))
    for name, (bits, options) in wanted.items():
        if name in known["rows"]:
            continue
        program = compile_source(source, "loihi1", rasters[0], weight_bits=bits, options=options).program
        right = 0
        for start in range(0, len(labels), CHUNK):
            output = run(program, rasters[1][start : start + CHUNK], engine="fast", record=()).output
            answers = decide(output.reshape(*output.shape[:2], -1), recipe.decoder)
            right += int((answers == labels[start : start + CHUNK]).sum())
        known["rows"][name] = Share(right, len(labels)).to_json()
        print(home.name, name, known["rows"][name], flush=True)
        keep()


def tables(runs: dict[str, Any]) -> str:
    """Return one row per number of levels: ours with so many bits, the historic scheme, and what each loses."""
    rows = []
    for name, found in runs.items():
        of = found["rows"]
        for levels in LEVELS:
            bits = f"{levels.bit_length() - 1} bits"
            cells = [_lost(of, bits), _lost(of, f"{levels} levels")]
            rows.append((name, f"{of['float']['accuracy']:.1%}", levels, *cells))
    heads = ("network", "float", "levels of a weight", "as so many bits (points lost)", "historic scheme (points lost)")
    return tabulate(rows, heads, tablefmt="github", disable_numparse=True) + "\n"


def _lost(rows: dict[str, Any], name: str) -> str:
    if name not in rows:
        return ""
    found = rows[name]["accuracy"]
    return f"{found:.1%} ({100 * (rows['float']['accuracy'] - found):+.1f})"


if __name__ == "__main__":
    sys.exit(ended(main))
