"""Turn a trained network of ReLUs into a spiking one, balanced on data, and write it as NIR.

snn2hw convert cnn.onnx --data train.npz --test test.npz -o net.nir
snn2hw convert runs/digits-cnn/model.pt --data train.npz --neuron lif --steps 32 -o net.nir --raster input.npz
snn2hw convert package.module:function --input-shape 1,32,32 --data train.npz --reset zero -o net.nir

Data files hold samples (n, *shape) as array 'features', 'inputs' or 'x', and for a judgement their 'labels'. The same
sample is fed in every step; --raster writes --test that way, as the input of compile, run, verify and energy.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snn2hw.sources.from_ann import ReluNetwork
    from snn2hw.verification.conversion import Judgement

__all__ = ["configure", "execute"]

SAMPLES = ("features", "inputs", "x")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("model", metavar="MODEL", help="cnn.onnx, model.pt of a CNN, or package.module:function")
    parser.add_argument("--data", type=Path, required=True, metavar="X.npz", help="samples to balance thresholds on")
    parser.add_argument("--test", type=Path, metavar="Y.npz", help="samples to judge on, with labels")
    parser.add_argument("--input-shape", type=_shape, metavar="1,32,32", help="one sample, for package.module:function")
    parser.add_argument("--neuron", choices=("if", "lif"), default="if")
    parser.add_argument("--leak-steps", type=float, default=100.0, metavar="N", help="time constant of lif, in steps")
    parser.add_argument("--reset", choices=("subtract", "zero"), default="subtract", help="zero: what Loihi 1 can do")
    parser.add_argument("--percentile", type=float, default=99.9, help="of the activations: the threshold")
    parser.add_argument(
        "--per", choices=("channel", "layer"), help="what has its own threshold (channel; layer for --reset zero)"
    )
    parser.add_argument("--dt", type=float, default=1e-3, metavar="S", help="seconds per step (0.001)")
    parser.add_argument("--steps", type=int, default=64, metavar="T", help="steps per sample (64)")
    parser.add_argument("--raster", type=Path, metavar="OUT.npz", help="write the test samples as a raster of T steps")
    parser.add_argument("--json", type=Path, metavar="OUT.json", help="write thresholds and accuracies")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="NET.nir", help="where to write it")


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(n) for n in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no shape; write 1,32,32") from None
    if min(shape) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: every side is at least 1")
    return shape


def execute(args: argparse.Namespace) -> int:
    """Read, balance, judge, write."""
    from sim.errors import InputError
    from sim.files import check_output
    from snn2hw.network.to_nir import write_nir
    from snn2hw.sources.from_ann import convert
    from snn2hw.verification.conversion import judge

    if args.steps < 1:
        raise InputError(f"--steps {args.steps}", "give at least one step")
    if not 0 < args.dt < float("inf"):
        raise InputError(f"--dt {args.dt:g}", "give the seconds of a step, such as 0.001")
    if args.raster and not args.test:
        raise InputError("--raster writes the test samples, and there are none", "give --test")
    for path in filter(None, (args.output, args.raster, args.json)):
        check_output(path)
    samples, _ = _read(args.data)
    made = convert(
        _ann(args.model, args.input_shape),
        samples,
        percentile=args.percentile,
        per=args.per,
        neuron=args.neuron,
        reset="value" if args.reset == "zero" else "subtract",
        leak_steps=args.leak_steps,
        dt=args.dt,
    )
    judgement = None
    if args.test:
        tested, labels = _read(args.test)
        if labels is not None:
            judgement = judge(made, tested, labels, args.steps, _bar(len(tested)))
        if args.raster:
            _write_raster(args.raster, tested, labels, args.steps)
    unsaid = write_nir(made.source, args.output)
    _report(made, judgement)
    print("\n".join(made.source.notes))
    print(f"wrote {args.output}; in its metadata, since NIR has no word for it: {'; '.join(unsaid)}")
    if args.json:
        _write_json(args.json, made, judgement)
    return 0


def _ann(model: str, input_shape: tuple[int, ...] | None) -> "ReluNetwork":
    from sim.errors import InputError
    from snn2hw.sources.from_ann import read_ann

    if Path(model).suffix == ".onnx":
        return read_ann(model)
    if Path(model).suffix == ".pt":
        from snn2hw.train.checkpoint import deployable, load_trained

        trained = load_trained(Path(model))
        if trained.recipe.model != "cnn":
            raise InputError(f"{model}: is a spiking network already", "use it with check and compile")
        return read_ann(deployable(trained), (1, trained.recipe.mel.bands, trained.recipe.mel.frames))
    if ":" not in model:
        what = f"{model}: unknown kind of file" if Path(model).exists() else f"{model!r} is no model"
        raise InputError(what, "name a cnn.onnx, a checkpoint model.pt of a CNN, or package.module:function")
    from snn2hw.commands.model_argument import named_module

    return read_ann(*named_module(model, input_shape))


def _read(path: Path) -> "tuple[NDArray[Any], NDArray[Any] | None]":
    from sim.errors import InputError
    from snn2hw.files.rasters import read_npz

    arrays = read_npz(path)
    name = next((n for n in SAMPLES if n in arrays), None)
    if name is None:
        held = ", ".join(sorted(arrays)) or "nothing"
        raise InputError(f"{path}: holds {held}", f"save samples (n, *shape) as one of: {', '.join(SAMPLES)}")
    samples, labels = arrays[name], arrays.get("labels")
    if samples.dtype.kind not in "fiub":
        raise InputError(f"{path}: {name} holds {samples.dtype}", "save numbers")
    if labels is not None and (labels.shape != samples.shape[:1] or labels.dtype.kind not in "iu"):
        raise InputError(
            f"{path}: {len(samples)} samples, labels of shape {labels.shape} {labels.dtype}", "save one each"
        )
    return samples, labels


def _bar(total: int) -> Any:
    from snn2hw.commands.progress import progress_bar

    return progress_bar(total, "judging", "sample")


def _write_raster(path: Path, samples: "NDArray[Any]", labels: "NDArray[Any] | None", steps: int) -> None:
    import numpy as np

    from sim.errors import InputError
    from snn2hw.files.rasters import write_raster

    whole = np.rint(samples)
    if not np.array_equal(whole, samples):
        fix = "train on integers (for example 0..31), or write no raster and quantise the input yourself"
        raise InputError(f"{path}: the samples are not whole numbers, which is what a chip is fed", fix)
    narrow = np.int16 if np.abs(whole).max(initial=0) < 2**15 else np.int32
    raster = np.repeat(whole.astype(narrow)[:, None], steps, axis=1)
    write_raster(path, raster, labels, "last")  # the readout has added everything up
    print(f"wrote {path}: {len(raster)} samples, {steps} steps")


def _report(made: Any, judgement: "Judgement | None") -> None:
    from tabulate import tabulate

    rows = [
        (b.name, b.threshold.size, b.threshold.min(), b.threshold.max(), f"{b.saturated:.2%}") for b in made.balances
    ]
    print(tabulate(rows, ("layer", "neurons", "lowest threshold", "highest", "activations above"), floatfmt=".4g"))
    if judgement is None:
        return
    table = [(t, f"{right:.2%}", f"{same:.2%}") for t, right, same in judgement.rows]
    print(f"\nnetwork of ReLUs: {judgement.ann:.2%} of {judgement.samples} right")
    print(tabulate(table, ("steps", "right", "as the ReLUs"), colalign=("right", "right", "right")))
    print()


def _write_json(path: Path, made: Any, judgement: "Judgement | None") -> None:
    import json

    from sim.files import atomic_write

    layers = [
        {"name": b.name, "lowest": float(b.threshold.min()), "highest": float(b.threshold.max()), "above": b.saturated}
        for b in made.balances
    ]
    values: dict[str, Any] = {"schema": "snn2hw.conversion/1", "origin": made.source.origin, "layers": layers}
    if judgement is not None:
        values["ann_accuracy"] = judgement.ann
        values["steps"] = [{"steps": t, "accuracy": right, "agreement": same} for t, right, same in judgement.rows]
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {path}")
