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

from snn2hw.commands.options import at_least, option, shape_option
from snn2hw.commands.progress import progress_bar
from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snn2hw.conversion import ReluNetwork
    from snn2hw.conversion.judge import StepAccuracy

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from typing import get_args

    from snn2hw.conversion import Spiking, convert
    from snn2hw.conversion.judge import judge
    from snn2hw.files.samples import SAMPLES

    held = f"samples to balance thresholds on, as array {' or '.join(map(repr, SAMPLES))}"
    parser.add_argument("model", metavar="MODEL", help="cnn.onnx, model.pt of a CNN, or package.module:function")
    parser.add_argument("--data", type=Path, required=True, metavar="X.npz", help=held)
    parser.add_argument("--test", type=Path, metavar="Y.npz", help="samples to judge on, with labels")
    shape = "one sample, for package.module:function"
    parser.add_argument("--input-shape", type=shape_option, metavar="1,32,32", help=shape)
    option(parser, "--neuron", convert, "what stands for a ReLU", choices=get_args(Spiking))
    option(parser, "--leak-steps", convert, "time constant of lif, in steps", metavar="N")
    option(parser, "--reset", convert, "zero: what Loihi 1 can do", choices=("subtract", "zero"))
    option(parser, "--percentile", convert, "of the activations: the threshold")
    parser.add_argument(
        "--per", choices=("channel", "layer"), help="what has its own threshold (channel; layer for --reset zero)"
    )
    option(parser, "--dt", convert, "seconds per step", metavar="S")
    option(parser, "--steps", judge, "steps per sample", metavar="T")
    parser.add_argument("--raster", type=Path, metavar="OUT.npz", help="write the test samples as a raster of T steps")
    written = "answer with one JSON document: thresholds and accuracies, written here where a name is given"
    parser.add_argument("--json", nargs="?", const=True, type=Path, metavar="OUT.json", help=written)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="NET.nir", help="where to write it")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Read, balance, judge, write."""
    from sim.errors import InputError
    from sim.files import check_output
    from snn2hw.conversion import convert
    from snn2hw.conversion.judge import judge
    from snn2hw.files.json_file import write_json
    from snn2hw.files.samples import read_samples
    from snn2hw.network.to_nir import write_nir

    at_least(1, "--steps", args.steps)
    if not 0 < args.dt < float("inf"):
        raise InputError(f"--dt {args.dt:g}", "give the seconds of a step, such as 0.001")
    if args.raster and not args.test:
        raise InputError("--raster writes the test samples, and there are none", "give --test")
    to_file = args.json if isinstance(args.json, Path) else None
    for path in filter(None, (args.output, args.raster, to_file)):
        check_output(path)
    ann = _ann(args.model, args.input_shape)
    samples, _ = read_samples(args.data, shape=ann.input_shape)
    made = convert(
        ann,
        samples,
        percentile=args.percentile,
        per=args.per,
        neuron=args.neuron,
        reset=args.reset,
        leak_steps=args.leak_steps,
        dt=args.dt,
    )
    judgement = None
    if args.test:
        tested, labels = read_samples(args.test, shape=ann.input_shape)
        if labels is not None:
            judgement = judge(made, tested, labels, args.steps, progress_bar(len(tested), "judging", "sample"))
        if args.raster:
            _write_raster(args.raster, tested, labels, args.steps)
            reply.wrote(args.raster, f": {len(tested)} samples, {args.steps} steps")
    unsaid = write_nir(made.source, args.output)
    reply.line(_report(made, judgement))
    reply.line("\n".join(made.source.notes))
    reply.fact(**_document(made, judgement))
    reply.wrote(args.output, f"; in its metadata, since NIR has no word for it: {'; '.join(unsaid)}")
    if to_file is not None:
        write_json(to_file, _document(made, judgement))
        reply.wrote(to_file)
    return 0


def _ann(model: str, input_shape: tuple[int, ...] | None) -> "ReluNetwork":
    from sim.errors import InputError
    from snn2hw.conversion import read_ann

    if input_shape is not None and ":" not in model:
        raise InputError(f"{model}: says its input shape itself", "leave --input-shape out")
    if Path(model).suffix == ".onnx":
        return read_ann(model)
    if Path(model).suffix == ".pt":
        from snn2hw.train.relu_twin import relu_twin

        return read_ann(*relu_twin(Path(model)))
    if ":" not in model:
        what = f"{model}: unknown kind of file" if Path(model).exists() else f"{model!r} is no model"
        raise InputError(what, "name a cnn.onnx, a checkpoint model.pt of a CNN, or package.module:function")
    from snn2hw.sources.named_module import named_module

    return read_ann(*named_module(model, input_shape))


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


def _report(made: Any, judgement: "StepAccuracy | None") -> str:
    from tabulate import tabulate

    rows = [
        (b.name, b.threshold.size, b.threshold.min(), b.threshold.max(), f"{b.saturated:.2%}") for b in made.balances
    ]
    balanced = tabulate(rows, ("layer", "neurons", "lowest threshold", "highest", "activations above"), floatfmt=".4g")
    if judgement is None:
        return balanced
    table = [(t, f"{right:.2%}", f"{same:.2%}") for t, right, same in judgement.rows]
    judged = tabulate(table, ("steps", "right", "as the ReLUs"), colalign=("right", "right", "right"))
    return f"{balanced}\n\nnetwork of ReLUs: {judgement.ann:.2%} of {judgement.samples} right\n{judged}\n"


def _document(made: Any, judgement: "StepAccuracy | None") -> dict[str, Any]:
    layers = [
        {"name": b.name, "lowest": float(b.threshold.min()), "highest": float(b.threshold.max()), "above": b.saturated}
        for b in made.balances
    ]
    values: dict[str, Any] = {"schema": "snn2hw.conversion/1", "origin": made.source.origin, "layers": layers}
    if judgement is not None:
        values["ann_accuracy"] = judgement.ann
        values["steps"] = [{"steps": t, "accuracy": right, "agreement": same} for t, right, same in judgement.rows]
    return values
