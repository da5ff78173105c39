"""One row of the Pareto study: a trained network as it is deployed, how often it is right, and what it costs.

A spiking network is compiled for loihi1 with 8-bit weights and run; a CNN is quantised to 8 bit by ONNX Runtime. Both
hear the whole test part, and are counted and priced by one rule.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from pareto_plan import Run, summary_of
from pareto_train import features_of

from sim.engines import run as run_program
from sim.files import atomic_write
from sim.program import Program
from snn2hw.ann.graph import load
from snn2hw.ann.macs import effective_macs, macs
from snn2hw.ann.runtime import run as run_ann
from snn2hw.ann.twin import write_twin
from snn2hw.codec.decode import decide
from snn2hw.codec.encode import encode
from snn2hw.compiler.compile import compile_source
from snn2hw.costs.equal_rule import ann_side, spiking_side
from snn2hw.costs.price_files import get_table
from snn2hw.costs.pricing import price
from snn2hw.costs.recount import recount_synops
from snn2hw.costs.report_sides import AnnSide
from snn2hw.costs.workload import Workload
from snn2hw.sources.from_norse import from_norse
from snn2hw.train.checkpoint import Trained, deployable, load_trained
from snn2hw.train.network_recipe import encoder_of

__all__ = ["TABLES", "judged"]

RULE = 2
"""Of counting and pricing: a row of another one is made again."""
TABLES = ("cmos45_int8", "cmos45_int8_memory")
CALIBRATION = 128
AGAIN = 20
"""Samples whose synops are counted again."""


def judged(run: Run, data: Path, work: Path) -> dict[str, Any]:
    """Return the row of a run, from its file where the checkpoint and the rule have not changed."""
    checkpoint = run.folder(work) / "model.pt"
    path = run.folder(work) / "row.json"
    known = {"rule": RULE, "checkpoint": sha256(checkpoint.read_bytes()).hexdigest()}
    if path.is_file():
        row: dict[str, Any] = json.loads(path.read_text())
        if {name: row.get(name) for name in known} == known:
            return row
    trained = load_trained(checkpoint)
    features = features_of(run.task, run.seed, data, work)
    chosen = np.sort(np.random.default_rng(0).permutation(len(features.train_labels))[:CALIBRATION])
    calibration, test = features.pool[0][chosen], features.test
    judge = _snn if trained.recipe.model == "scnn" else _ann
    what = {"task": run.task, "net": run.net, "kind": run.kind, "strength": run.strength, "seed": run.seed}
    summary = summary_of(run, work)
    what |= {"float": summary["accuracy"]["test"], "validate": summary["accuracy"]["validate"]}
    row = (
        known | what | {"tested": len(test.labels)} | judge(trained, calibration, test.images, test.labels, path.parent)
    )
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")
    return row


def _snn(trained: Trained, calibration: Any, images: Any, labels: Any, _: Path) -> dict[str, Any]:
    mel, encoder = trained.recipe.mel, encoder_of(trained.recipe)
    source = from_norse(deployable(trained), (1, mel.bands, mel.frames))
    program = compile_source(source, "loihi1", encode(calibration[:, None], encoder), weight_bits=8).program
    raster = encode(images[:, None], encoder)
    trace = run_program(program, raster, engine="fast", record=())
    every = sum(trace.counts.synops.values(), np.zeros(len(raster), np.int64))
    _count_again(program, raster, every)
    answers = decide(trace.output.reshape(*trace.output.shape[:2], -1), trained.recipe.decoder)
    held = trained.recipe.steps > 1  # a graded image stands at the input in every step
    work = spiking_side(program, trace.counts, trained.recipe.steps, "skipping", held=held)
    weights = [c.wiring.weight for p in program.populations for c in p.inputs]
    return {
        "digest": program.digest,
        "right": int((answers == labels).sum()),
        "products": float(every.mean()),
        "products_held": float((work.events["accumulate"] + work.events["multiply_accumulate"]).mean()),
        "zeros": 1 - sum(int(np.count_nonzero(w)) for w in weights) / sum(w.size for w in weights),
        "pj": _priced(work, work),
    }


def _count_again(program: Program, raster: Any, expected: Any) -> None:
    """Count every synop of the first samples again from recorded spikes; a difference ends the study."""
    few = raster[:AGAIN]
    spikes = run_program(program, few, engine="fast", record=("spikes",)).spikes
    found = sum(rows.sum(axis=0) for rows in recount_synops(program, few, spikes).values())
    np.testing.assert_array_equal(found, expected[:AGAIN])


def _ann(trained: Trained, calibration: Any, images: Any, labels: Any, folder: Path) -> dict[str, Any]:
    twin = write_twin(deployable(trained), images[:, None], labels, calibration[:, None], folder)
    samples = images[:, None].astype(np.float32)
    effective = effective_macs(twin.int8, samples)
    side = AnnSide(str(twin.int8), macs(load(twin.int8)), effective)
    answers = run_ann(twin.int8, samples).reshape(len(labels), -1).argmax(axis=1)
    kept = effective.weights.values()
    work = ann_side(side, "skipping", 8)
    return {
        "right": int((answers == labels).sum()),
        "products": float(effective.total.mean()),
        "products_held": float(effective.total.mean()),
        "zeros": 1 - sum(c.nonzero for c in kept) / sum(c.weights for c in kept),
        "pj": _priced(work, work),
    }


def _priced(*works: Workload) -> dict[str, float]:
    return {
        name: float(price(work, get_table(name)).total.counted.mean()) for name, work in zip(TABLES, works, strict=True)
    }
