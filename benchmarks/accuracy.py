"""What bits cost on spoken digits: accuracy of trained networks in float, compiled at every width, and fine-tuned.

python benchmarks/accuracy.py --data fsdd/ runs/hardware-direct-0 runs/hardware-direct-1 ... -o benchmarks/results

Each run is a folder of `snn2hw train fsdd`, one per seed. Rows that are in the results already are not computed again,
so the benchmark can be stopped and taken up. Losses are against the same network in float64, in percentage points, on
the test split. A split of 300 recordings resolves no less than a third of a point, so methods are also compared on
variants of each test recording (other speeds, ends and noise), and by how near the readout
comes to the float network's.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from accuracy_table import plot, summary, table
from results import ended, into_page, of_runs, write

from sim.engines import run
from sim.errors import Snn2hwError
from sim.files import make_folder
from sim.program import Program
from snn2hw.codec.decode import Decoder, decode
from snn2hw.compiler.answers import float_answers, output_scale
from snn2hw.compiler.certify import Certificate
from snn2hw.compiler.checker import check_certificate
from snn2hw.compiler.compile import Compiled, compile_source
from snn2hw.compiler.explain import explain
from snn2hw.compiler.options import Options
from snn2hw.network.lowering import network_of
from snn2hw.sources import Source
from snn2hw.train.tuning.tune_recipe import MEASURED

SCHEMA = "snn2hw.benchmark.accuracy/1"
CALIBRATION = 256
CHUNK = 50
VARIANTS = 4
"""Of every test recording."""
BITS = (8, 6, 4, 3, 2, "ternary")
TUNED_ON = 6
"""Variants of every training clip that fine-tuning sees, the clip itself among them."""
LEVELS = (16, 8, 4)


@dataclass(frozen=True, eq=False)
class Task:
    """One trained network with the data it is judged on."""

    source: Source
    decoder: Decoder
    calibration: np.ndarray[Any, Any]
    test: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]
    held_out: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
    ideal: np.ndarray[Any, Any]
    """The float network's scores on the test split, (B, classes), in volts."""
    varied: np.ndarray[Any, Any]
    """Variants of the test split, one after the other."""
    train: Callable[[int], tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]
    """Gives k variants of every training clip, as rasters, and their labels."""


def main() -> int:
    arguments = _arguments()
    folder = Path(arguments.output)
    make_folder(folder)
    path = folder / "accuracy.json"
    results: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {"schema": SCHEMA, "runs": {}}
    for name in arguments.runs:
        known = results["runs"].setdefault(Path(name).name, {})
        task: Task | None = None
        for row, compute in _rows(arguments):
            if row in known:
                continue
            task = task or _task(Path(name), arguments.data)
            known[row] = compute(task)
            print(f"{Path(name).name:24} {row:28} {known[row]['accuracy']:.2%}", flush=True)
            write(path, json.dumps(results, indent=1) + "\n")
    text = table(results["runs"], [row for row, _ in _rows(arguments)], BITS)
    write(folder / "accuracy.md", text)
    plot(results["runs"], folder / "accuracy.png")
    print(text)
    if arguments.page:
        into_page("accuracy.py", summary(results["runs"], BITS, LEVELS))
    return 0


def _arguments() -> argparse.Namespace:
    parser = of_runs(__doc__, ", one per seed", "accuracy.json, .md and .png")
    parser.add_argument("--no-tune", action="store_true", help="leave out the fine-tuned rows")
    return parser.parse_args()


def _rows(arguments: argparse.Namespace) -> Iterator[tuple[str, Callable[[Task], dict[str, Any]]]]:
    """Yield every row's name and how it is computed."""
    yield "float", _float
    yield "16 bit fixed", _wide
    for bits in BITS:
        for method in ("max", "mse"):
            for per in ("layer", "channel"):
                options = Options(method=method, per=per)
                yield f"{bits} {method} {per}", partial(_compiled, bits=bits, options=options)
    for levels in LEVELS:
        historic = Options(method="max", per="layer", levels=levels)
        yield f"levels {levels}", partial(_compiled, bits=8, options=historic)
    for bits in () if arguments.no_tune else MEASURED:
        yield f"{bits} tuned", partial(_tuned, bits=bits)


def _task(folder: Path, data: Path) -> Task:
    from snn2hw.audio.augment import variant
    from snn2hw.audio.fsdd import read_fsdd
    from snn2hw.audio.logmel import quantised
    from snn2hw.codec.encode import encode
    from snn2hw.sources.from_norse import from_norse
    from snn2hw.train.checkpoint import deployable, load_trained
    from snn2hw.train.network_recipe import encoder_of
    from snn2hw.train.prepare import prepare, split_of

    trained = load_trained(folder / "model.pt")
    corpus = read_fsdd(data)
    features = prepare(corpus, trained.recipe)
    encoder = encoder_of(trained.recipe)
    chosen = np.sort(np.random.default_rng(0).permutation(len(features.train_labels))[:CALIBRATION])

    def rasters(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.asarray(encode(images[:, None], encoder))

    def train(count: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        pool = features.pool[:count]
        return np.concatenate([rasters(images) for images in pool]), np.tile(features.train_labels, len(pool))

    split = split_of(corpus, trained.recipe)

    def varied(which: np.ndarray[Any, Any], number: int) -> np.ndarray[Any, Any]:
        random = np.random.default_rng((number, len(corpus.samples)))
        clips = [corpus.samples[i] for i in which]
        loudness = [variant(clip, trained.recipe.mel, trained.recipe.augmentation, random) for clip in clips]
        return rasters(quantised(np.stack(loudness), features.normaliser))

    source = from_norse(deployable(trained), (1, trained.recipe.mel.bands, trained.recipe.mel.frames))
    test = rasters(features.test.images)
    return Task(
        source=source,
        decoder=trained.recipe.decoder,
        calibration=rasters(features.pool[0][chosen]),
        test=test,
        labels=features.test.labels,
        held_out=(
            np.concatenate([rasters(features.validate.images), *(varied(split.validate, k) for k in range(VARIANTS))]),
            np.tile(features.validate.labels, 1 + VARIANTS),
        ),
        ideal=float_answers(network_of(source), test, trained.recipe.decoder),
        varied=np.concatenate([varied(split.test, k) for k in range(VARIANTS)]),
        train=train,
    )


def _float(task: Task) -> dict[str, Any]:
    varied = float_answers(network_of(task.source), task.varied, task.decoder).argmax(axis=1)
    return _answers(task, task.ideal.argmax(axis=1), varied) | {"samples": len(task.test)}


def _answers(task: Task, answers: np.ndarray[Any, Any], varied: np.ndarray[Any, Any]) -> dict[str, Any]:
    wrong, varied_wrong = answers != task.labels, varied != np.tile(task.labels, VARIANTS)
    return {
        "accuracy": float(1 - wrong.mean()),
        "wrong": _as_hex(wrong),
        "varied_accuracy": float(1 - varied_wrong.mean()),
        "varied_wrong": _as_hex(varied_wrong),
    }


def _as_hex(wrong: np.ndarray[Any, Any]) -> str:
    """Return a number in hexadecimal whose bit i says whether answer i is wrong."""
    return f"{sum(1 << int(i) for i in np.flatnonzero(wrong)):x}"


def _judged(compiled: Compiled, program: Program, certificate: Certificate, task: Task) -> dict[str, Any]:
    """Run a program on the test split: accuracy, and how near its readout is to the float network's."""
    faults = check_certificate(program, certificate.to_json())
    if faults:
        raise Snn2hwError(f"certificate: {faults[0]}")
    factor, origin = output_scale(compiled)

    def scores(rasters: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        output = run(program, rasters, engine="fast", clip_free=certificate.clip_free).output
        return decode(output.reshape(*output.shape[:2], -1) * factor + origin, task.decoder)

    found = scores(task.test)
    answers = found.argmax(axis=1)
    return _answers(task, answers, scores(task.varied).argmax(axis=1)) | {
        "answers_as_float": float((answers == task.ideal.argmax(axis=1)).mean()),
        "readout_error": float(np.sqrt(np.square(found - task.ideal).mean()) / task.ideal.std()),
        "digest": program.digest,
    }


def _compiled(task: Task, bits: Any, options: Options) -> dict[str, Any]:
    compiled = compile_source(task.source, "loihi1", task.calibration, weight_bits=bits, options=options)
    return _judged(compiled, compiled.program, compiled.certificate, task)


def _wide(task: Task) -> dict[str, Any]:
    """Compile with 16-bit weights and account for every spike that differs from the float network's."""
    compiled = compile_source(task.source, "fixed", task.calibration, weight_bits=16)
    rows = explain(compiled, task.test)
    steps, different = sum(r.neuron_steps for r in rows), sum(r.different for r in rows)
    thresholds = {m.population.name: int(m.population.vth.min()) for m in compiled.layers}
    return _judged(compiled, compiled.program, compiled.certificate, task) | {
        "agreement": 1 - different / steps,
        "neuron_steps": steps,
        "different": different,
        "roots": sum(r.roots for r in rows),
        "root_distance": max(r.root_distance for r in rows),
        "root_distance_of_threshold": max(r.root_distance / thresholds[r.name] for r in rows),
        "root_units": max(r.root_units for r in rows),
        "own": sum(r.own for r in rows),
        "own_distance": max(r.own_distance for r in rows),
        "own_units": max(r.own_units for r in rows),
    }


def _tuned(task: Task, bits: Any) -> dict[str, Any]:
    """Fine-tune, and check that the torch forward and the engine agree in every spike of every test sample."""
    import torch

    from snn2hw.train.tuning.tune import tune
    from snn2hw.train.tuning.tune_recipe import TuneRecipe

    torch.set_num_threads(1)
    epochs, rate = MEASURED[bits]
    recipe = TuneRecipe(epochs=epochs, rate=rate, decoder=task.decoder)
    samples, labels = task.train(TUNED_ON)
    started = time.process_time()
    compiled, tuned = tune(
        task.source, samples, labels, "loihi1", weight_bits=bits, recipe=recipe, held_out=task.held_out
    )
    seconds = time.process_time() - started
    trace = run(tuned.program, task.test, engine="fast", record=("spikes", "v"))
    with torch.no_grad():
        for i in range(0, len(task.test), CHUNK):
            ours = tuned.machine(torch.from_numpy(task.test[i : i + CHUNK]))
            for p in tuned.program.populations:
                wanted = (trace.spikes if p.fires else trace.v)[p.name][i : i + CHUNK]
                if not np.array_equal(ours[p.name].numpy().swapaxes(0, 1), wanted):
                    raise Snn2hwError(f"population {p.name!r}: the torch forward is not the machine")
    return _judged(compiled, tuned.program, tuned.certificate, task) | {
        "epoch": tuned.best_row["epoch"],
        "cpu_s": round(seconds, 1),
        "forward_equal_on": len(task.test),
    }


if __name__ == "__main__":
    sys.exit(ended(main))
