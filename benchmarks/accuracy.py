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
import math
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sim.engines import run
from sim.errors import Snn2hwError
from sim.files import atomic_write
from sim.program import Program
from snn2hw.compiler.answers import float_answers, output_scale
from snn2hw.compiler.certify import Certificate
from snn2hw.compiler.checker import check_certificate
from snn2hw.compiler.compile import Compiled, compile_source
from snn2hw.compiler.explain import explain
from snn2hw.compiler.options import Options
from snn2hw.sources import Source
from snn2hw.spikes.decode import Decoder, decode

SCHEMA = "snn2hw.benchmark.accuracy/1"
README = Path(__file__).resolve().parents[1] / "README.md"
MARKS = ("<!-- table of benchmarks/accuracy.py -->", "<!-- end of benchmarks/accuracy.py -->")
CALIBRATION = 256
CHUNK = 50
VARIANTS = 4
"""Of every test recording."""
BITS = (8, 6, 4, 3, 2, "ternary")
TUNED: dict[Any, tuple[int, float]] = {4: (4, 1e-3), 3: (4, 2e-3), "ternary": (6, 5e-3)}
"""Epochs and rate of fine-tuning: the rate is told in the greatest weight, and a step of the grid shrinks with bits."""
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
    folder.mkdir(parents=True, exist_ok=True)
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
            _write(path, json.dumps(results, indent=1) + "\n")
    table = _table(results["runs"], [row for row, _ in _rows(arguments)])
    _write(folder / "accuracy.md", table)
    _plot(results["runs"], folder / "accuracy.png")
    print(table)
    if arguments.readme:
        _into_readme(table)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="folders of `snn2hw train fsdd`, one per seed")
    parser.add_argument("--data", type=Path, required=True, help="the FSDD folder")
    parser.add_argument("-o", "--output", default="benchmarks/results", help="folder of accuracy.json, .md and .png")
    parser.add_argument("--no-tune", action="store_true", help="leave out the fine-tuned rows")
    parser.add_argument("--readme", action="store_true", help="put the table into the README")
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
    for bits in () if arguments.no_tune else TUNED:
        yield f"{bits} tuned", partial(_tuned, bits=bits)


def _task(folder: Path, data: Path) -> Task:
    from snn2hw.audio.augment import variant
    from snn2hw.audio.fsdd import read_fsdd
    from snn2hw.audio.logmel import quantised
    from snn2hw.sources.from_norse import from_norse
    from snn2hw.spikes.encode import encode
    from snn2hw.train.checkpoint import deployable, load_trained
    from snn2hw.train.feed import encoder_of
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
    test = rasters(features.test)
    return Task(
        source=source,
        decoder=trained.recipe.decoder,
        calibration=rasters(features.pool[0][chosen]),
        test=test,
        labels=features.test_labels,
        held_out=(
            np.concatenate([rasters(features.validate), *(varied(split.validate, k) for k in range(VARIANTS))]),
            np.tile(features.validate_labels, 1 + VARIANTS),
        ),
        ideal=float_answers(source, test, trained.recipe.decoder),
        varied=np.concatenate([varied(split.test, k) for k in range(VARIANTS)]),
        train=train,
    )


def _float(task: Task) -> dict[str, Any]:
    varied = float_answers(task.source, task.varied, task.decoder).argmax(axis=1)
    return _answers(task, task.ideal.argmax(axis=1), varied) | {"samples": len(task.test)}


def _answers(task: Task, answers: np.ndarray[Any, Any], varied: np.ndarray[Any, Any]) -> dict[str, Any]:
    wrong = np.flatnonzero(varied != np.tile(task.labels, VARIANTS))
    return {
        "accuracy": float((answers == task.labels).mean()),
        "wrong": np.flatnonzero(answers != task.labels).tolist(),
        "varied_accuracy": 1 - len(wrong) / len(varied),
        "varied_wrong": wrong.tolist(),
    }


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
    rows = explain(task.source, compiled, task.test)
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

    from snn2hw.tuning.fit import Recipe
    from snn2hw.tuning.tune import tune

    torch.set_num_threads(1)
    epochs, rate = TUNED[bits]
    recipe = Recipe(epochs=epochs, rate=rate, decoder=task.decoder)
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


def _losses(runs: dict[str, Any], row: str) -> list[float]:
    """Return the loss of every run that has the row, in percentage points."""
    return [100 * (r["float"]["accuracy"] - r[row]["accuracy"]) for r in runs.values() if row in r]


def _table(runs: dict[str, Any], rows: list[str]) -> str:
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
        loss = _losses(runs, row)
        cells = "-" if row == "float" else f"{np.mean(loss):+.2f} ± {np.std(loss, ddof=min(1, len(loss) - 1)):.2f}"
        worst = "-" if row == "float" else f"{max(loss):+.2f}"
        rest = " | ".join(_mean(runs, row, key) for key in ("answers_as_float", "readout_error", "varied_accuracy"))
        lines.append(f"| {row} | {np.mean(found):.2f} % | {cells} | {worst} | {rest} |")
    wide = [r["16 bit fixed"] for r in runs.values() if "16 bit fixed" in r]
    if wide:
        lines += ["", _wide_text(wide)]
    return "\n".join([*lines, "", *_compared(runs)]) + "\n"


def _mean(runs: dict[str, Any], row: str, key: str) -> str:
    found = [r[row][key] for r in runs.values() if key in r.get(row, {})]
    return f"{100 * np.mean(found):.2f} %" if found else "-"


def _compared(runs: dict[str, Any]) -> list[str]:
    """Return a table of the methods in pairs: who alone is right how often, over all seeds and recordings."""
    lines = [
        "| weights | better expected | recordings it alone gets right : wrong | and variants | p of the variants |"
    ]
    lines += ["|---|---|---|---|---|"]
    pairs = (("mse channel", "mse layer"), ("mse channel", "max channel"), ("mse layer", "max layer"))
    for bits in BITS:
        for better, other in (*pairs, ("max channel", "max layer")):
            both = [(r[f"{bits} {better}"], r[f"{bits} {other}"]) for r in runs.values() if f"{bits} {better}" in r]
            counts = [_discordant(both, key) for key in ("wrong", "varied_wrong")]
            told = " | ".join(f"{won} : {lost}" for won, lost in counts)
            lines.append(f"| {bits} | {better} than {other} | {told} | {_sign_test(*counts[1]):.2g} |")
    return [*lines, "", "p: of a ratio at least as uneven (either way) if both were equally good, by the sign test."]


def _discordant(pairs: list[tuple[dict[str, Any], dict[str, Any]]], key: str) -> tuple[int, int]:
    won = sum(len(set(other[key]) - set(better[key])) for better, other in pairs)
    return won, sum(len(set(better[key]) - set(other[key])) for better, other in pairs)


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


def _plot(runs: dict[str, Any], path: Path) -> None:
    """Draw accuracy against bits: every method's mean, with the spread over the seeds."""
    from matplotlib.figure import Figure

    figure = Figure((6.4, 3.8), layout="constrained")
    axes = figure.subplots()
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
    axes.axhline(float(np.mean(floats)), color="grey", ls=":", label="float")
    axes.set(xlabel="bits per weight", ylabel="accuracy, %", xticks=list(widths.values()), ylim=(0, 101))
    axes.set_xticklabels(["1.6" if w == 1.58 else f"{w:.0f}" for w in widths.values()])
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _into_readme(table: str) -> None:
    start, end = MARKS
    text = README.read_text(encoding="utf-8")
    if start not in text:
        raise Snn2hwError(f"{README}: has no line {start}", "put both marks where the table belongs")
    found = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    _write(README, found.sub(lambda _: f"{start}\n{table}{end}", text))


if __name__ == "__main__":
    sys.exit(main())
