"""Every network trained on spoken digits: its accuracy in floats, as an 8-bit program, and that of its ReLU twin.

python benchmarks/spoken_digits.py --data fsdd/ runs/* -o benchmarks/results --page

A run is a folder of `snn2hw train fsdd` that has finished; its network is compiled for loihi1 with 8-bit weights, the
twin quantised to 8 bit by ONNX Runtime, and both are judged on the run's own test part: the official one, or a speaker
left out. Runs of one network that differ in the seed only, or in the speaker only, make one row of the table. Results
of a checkpoint that has not changed are not computed again.
"""

import json
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from results import ended, into_page, of_runs, write

from sim.engines import run
from sim.errors import InputError, Snn2hwError
from snn2hw.codec.decode import decide
from snn2hw.compiler.checker import check_certificate
from snn2hw.compiler.compile import compile_source
from snn2hw.train.checkpoint import Trained, deployable, load_trained
from snn2hw.train.network_recipe import NetworkRecipe

SCHEMA = "snn2hw.benchmark.spoken-digits/1"
CALIBRATION = 256
INPUTS = {"direct": "graded", "lif": "constant-current LIF", "latency": "latency", "poisson": "Poisson"}


@dataclass(frozen=True, eq=False)
class Heard:
    """Images a network is calibrated and judged on."""

    calibration: np.ndarray[Any, Any]
    test: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]


def main() -> int:
    arguments = of_runs(__doc__, "", "spoken_digits.json and .md").parse_args()
    folder = Path(arguments.output)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "spoken_digits.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {"schema": SCHEMA, "runs": {}}
    for home in map(Path, arguments.runs):
        checkpoint = home / "model.pt"
        digest = sha256(checkpoint.read_bytes()).hexdigest() if checkpoint.is_file() else ""
        if results["runs"].get(home.name, {}).get("checkpoint") == digest:
            continue
        found = _judged(load_trained(checkpoint), home, arguments.data)
        results["runs"][home.name] = {"checkpoint": digest} | found
        print(f"{home.name:40} float {found['float']:.2%}  8 bit {found['int8']:.2%}", flush=True)
        write(path, json.dumps(results, indent=1) + "\n")
    table = _table(results["runs"])
    write(folder / "spoken_digits.md", table)
    print(table)
    if arguments.page:
        into_page("spoken_digits.py", table)
    return 0


def _judged(trained: Trained, home: Path, data: Path) -> dict[str, Any]:
    """Return what a run is and how often it is right."""
    from snn2hw.audio.corpora import read_corpus
    from snn2hw.audio.corpus import joined
    from snn2hw.audio.fsdd import read_fsdd
    from snn2hw.models.layout import LAYOUTS
    from snn2hw.train.prepare import prepare

    recipe = trained.recipe
    sizes = [name for name, layout in LAYOUTS.items() if layout.stages == recipe.layout.stages]
    if not sizes:
        raise InputError(f"{home}: a network of no named size", f"train with --size {' or '.join(LAYOUTS)}")
    corpus = read_fsdd(data)
    if recipe.also:
        corpus = joined(corpus, read_corpus(recipe.also))
    features = prepare(corpus, recipe)
    chosen = np.sort(np.random.default_rng(0).permutation(len(features.train_labels))[:CALIBRATION])
    judge = _program if recipe.model == "scnn" else _twin
    what = {
        "model": recipe.model,
        "size": sizes[0],
        "input": recipe.encoder if recipe.model == "scnn" else "",
        "image": _image_of(recipe),
        "steps": recipe.steps if recipe.model == "scnn" else 1,
        "speaker": recipe.test_speaker,
        "seed": recipe.seed,
        "samples": len(features.test.labels),
    }
    heard = Heard(features.pool[0][chosen], features.test.images, features.test.labels)
    return what | judge(trained, heard, home)


def _image_of(recipe: NetworkRecipe) -> str:
    """Return what differs from the usual image, and what else was learnt."""
    said = ["ends cut"] if recipe.mel.ends_db else []
    said += ["less its mean"] if recipe.mel.mean == "utterance" else []
    return ", ".join([*said, f"and {recipe.also}"] if recipe.also else said)


def _program(trained: Trained, heard: Heard, home: Path) -> dict[str, Any]:
    """Compile the spiking network, check its certificate, and let it hear the test part."""
    from snn2hw.codec.encode import encode
    from snn2hw.sources.from_norse import from_norse
    from snn2hw.train.network_recipe import encoder_of

    mel, encoder = trained.recipe.mel, encoder_of(trained.recipe)
    source = from_norse(deployable(trained), (1, mel.bands, mel.frames))
    compiled = compile_source(source, "loihi1", encode(heard.calibration[:, None], encoder), weight_bits=8)
    faults = check_certificate(compiled.program, compiled.certificate.to_json())
    if faults:
        raise Snn2hwError(f"{home}: certificate: {faults[0]}")
    trace = run(compiled.program, encode(heard.test[:, None], encoder), engine="fast", record=())
    answers = decide(trace.output.reshape(*trace.output.shape[:2], -1), trained.recipe.decoder)
    return {
        "float": trained.accuracy["test"],
        "int8": float((answers == heard.labels).mean()),
        "digest": compiled.program.digest,
        "synops": sum(float(rows.mean()) for rows in trace.counts.synops.values()),
    }


def _twin(trained: Trained, heard: Heard, home: Path) -> dict[str, Any]:
    """Write the ANN as ONNX in floats and in 8 bit, and run both in ONNX Runtime."""
    from snn2hw.ann.twin import write_twin

    twin = write_twin(deployable(trained), heard.test[:, None], heard.labels, heard.calibration[:, None], home)
    return {"float": twin.accuracy, "int8": twin.accuracy_int8}


def _table(runs: dict[str, Any]) -> str:
    """Return the table in Markdown, one row per network and way of testing it."""
    lines = [
        "| network | input | steps | tested on | runs | float | 8 bit | worst run, 8 bit |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for found in runs.values():
        key: tuple[Any, ...] = (bool(found["speaker"]), found["model"] == "cnn", found["input"])
        key += (found["size"] != "hardware", found.get("image", ""))
        rows.setdefault((*key, found["steps"]), []).append(found)
    for (left_out, is_twin, *_), group in sorted(rows.items()):
        first = group[0]
        name = f"{first['size']} {'CNN' if is_twin else 'SCNN'}"
        fed = ", ".join(filter(None, (INPUTS.get(first["input"], "one pass"), first.get("image", ""))))
        where = "the speaker left out" if left_out else f"official split, {first['samples']}"
        cells = [name, fed, first["steps"], where, len(group)]
        cells += [_spread(group, "float"), _spread(group, "int8"), f"{100 * min(g['int8'] for g in group):.2f} %"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def _spread(group: list[dict[str, Any]], key: str) -> str:
    values = [100 * found[key] for found in group]
    deviation = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{deviation} %"


if __name__ == "__main__":
    sys.exit(ended(main))
