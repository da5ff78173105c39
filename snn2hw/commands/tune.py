"""Fine-tune the integer program of a network on labelled samples, to win back what few bits cost.

snn2hw tune runs/digits/model.pt --data train.npz --weight-bits 4 --runs runs/digits-4bit -o P4.nir

The forward pass is the integer machine itself, so what is measured while tuning is what the program does. Started again
with the same options it goes on where it was.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn2hw.commands.compile import bits_option, told
from snn2hw.commands.device import configure_device, device_of
from snn2hw.commands.many import check_many, cluster_of, scheduler_option
from snn2hw.commands.model import attachments_of_model, certified_for, configure_model, rewrite_option, source_of
from snn2hw.commands.options import at_least
from snn2hw.commands.progress import StageBars
from snn2hw.commands.recipe_options import SHARED, configure_shared, given_of, recipe_option
from snn2hw.commands.reply import Reply
from snn2hw.commands.target import configure_target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snn2hw.codec.decode import Decoder
    from snn2hw.train.tuning.tune import Labelled
    from snn2hw.train.tuning.tune_fit import Tuned
    from snn2hw.train.tuning.tune_recipe import TuneRecipe

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from snn2hw.compiler.compile import compile as compiler

    configure_model(parser)
    parser.add_argument("--data", required=True, metavar="X.npz", help="arrays 'spikes' (B, T, *shape) and 'labels'")
    parser.add_argument(
        "--held-out", metavar="V.npz", help="choose the best epoch on these, not on a share of the data"
    )
    parser.add_argument("--test", metavar="Y.npz", help="judge the tuned program on these samples too")
    configure_target(parser, compiler, more=" of arithmetic loihi")
    parser.add_argument(
        "--weight-bits", type=bits_option, default=4, metavar="N", help="per weight, or 'ternary' (default: 4)"
    )
    rewrite_option(parser)
    parser.add_argument("--runs", type=Path, metavar="FOLDER", help="checkpoints and log; a run there is resumed")
    _configure_training(parser.add_argument_group("training"))
    scheduler_option(parser)
    parser.add_argument("-o", "--output", required=True, metavar="P.nir", help="where to write the program")


def _configure_training(group: Any) -> None:
    from snn2hw.codec.decode import DECODERS
    from snn2hw.train.tuning.tune_recipe import TuneRecipe, rate_of

    usual = TuneRecipe()
    rates = ", ".join(f"{rate_of(bits):g} at {bits}" for bits in ("ternary", 3, 4))
    recipe_option(group, usual, "epochs", "passes over the training samples")
    shown = f"{rates} bits and above"
    recipe_option(
        group, usual, "rate", "learning rate, in units of the greatest weight", "RATE", type=float, shown=shown
    )
    recipe_option(group, usual, "decoder", "how the output is read", choices=DECODERS)
    recipe_option(group, usual, "temperature", "logits per volt of the output")
    what = "of the float network's answers in the loss; 0: none; formerly --teacher"
    recipe_option(group, usual, "teacher_weight", what, "SHARE", flags=("--teacher-weight", "--teacher"))
    recipe_option(group, usual, "validation", "of the samples, to choose the best epoch", "SHARE")
    recipe_option(group, usual, "seed", "of the order of the samples, and of which are held out")
    configure_shared(group, usual)
    configure_device(group)


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Tune the model."""
    from sim.files import check_output

    check_many(args)
    check_output(args.output)
    at_least(0, "--more-epochs", args.more_epochs)
    if args.scheduler is not None:
        return _tune_there(args, reply)
    device = device_of(args)
    from snn2hw.train.tuning.tune import tune

    recipe = _recipe(args)
    source = source_of(args)
    shape = source.input_shape
    rasters, labels = _labelled(args.data, shape)
    held_out, test = (None if path is None else _labelled(path, shape) for path in (args.held_out, args.test))
    steps, messages = certified_for(args.model, rasters)
    with StageBars() as stage, _bar(recipe.epochs + args.more_epochs) as bar:
        _, tuned = tune(
            source,
            rasters,
            labels,
            args.target,
            weight_bits=args.weight_bits,
            recipe=recipe,
            held_out=held_out,
            steps=steps,
            messages=messages or (0, 1),
            rewrite=args.rewrite,
            folder=args.runs,
            more_epochs=args.more_epochs,
            device=device,
            progress=stage,
            on_epoch=lambda row: _show(bar, row),
        )
    _write(tuned, rasters, test, args, reply)
    return 0


def _tune_there(args: argparse.Namespace, reply: Reply) -> int:
    """Have a worker tune, from the same files; its program is written here."""
    from sim.errors import InputError
    from sim.files import write_bytes
    from snn2hw.commands.elsewhere import done_there

    if args.runs is not None:
        raise InputError("--runs with --scheduler: a worker keeps no checkpoints", "leave one of them out")
    if ":" in args.model and not Path(args.model).is_file():
        fix = "write it as NIR first (sw.lower), or tune without --scheduler"
        raise InputError(f"{args.model} with --scheduler: code of yours is not sent to workers", fix)
    with cluster_of(args) as cluster:
        assert cluster is not None
        said, program = done_there(cluster, "tune", args, "tuned.nir")
    write_bytes(args.output, program)
    reply.fact(**{name: value for name, value in said.items() if name not in ("schema", "wrote")})
    reply.line(f"tuned by a worker of {args.scheduler}, {len(said['epochs'])} epochs noted")
    reply.wrote(args.output, f", program {said['digest'][:12]}")
    return 0


def _labelled(path: str, shape: tuple[int, ...]) -> "Labelled":
    from sim.errors import InputError
    from snn2hw.files.rasters import read_raster

    found = read_raster(path, shape)
    if found.labels is None:
        raise InputError(f"{path}: has no array 'labels'", "save one integer label per sample")
    return found.spikes, found.labels


def _recipe(args: argparse.Namespace) -> "TuneRecipe":
    """Return the recipe the options ask for; what is not given keeps its default."""
    from snn2hw.train.tuning.tune_recipe import TuneRecipe

    return TuneRecipe(**given_of(args, (*SHARED, "temperature")))


def _bar(epochs: int) -> Any:
    from tqdm import tqdm

    return tqdm(total=epochs, desc="tune", unit="epoch", disable=None)


def _show(bar: Any, row: Any) -> None:
    if not row["epoch"]:
        return
    bar.update(int(row["epoch"]) - bar.n)
    bar.set_postfix_str(
        f"loss {row['loss']:.3f}, accuracy {row['accuracy']:.1%}, held out {row['validate_accuracy']:.1%}"
    )


def _write(
    tuned: "Tuned", rasters: "NDArray[Any]", test: "Labelled | None", args: argparse.Namespace, reply: Reply
) -> None:
    from exporters.program_file import write_program

    said = attachments_of_model(args.model, tuned.program, rasters)
    attachments = {"certificate": tuned.certificate.to_json(), **said}
    write_program(tuned.program, args.output, attachments=attachments)
    best, first = tuned.best_row, tuned.rows[0]
    what = f"{best['validate_accuracy']:.2%} after epoch {best['epoch']:.0f} of {tuned.rows[-1]['epoch']:.0f}"
    if first["epoch"]:
        reply.line(f"right on the training samples (none are held out): {what}")
    else:
        reply.line(f"right on held-out samples: {first['validate_accuracy']:.2%} as compiled, {what}")
    if test is not None:
        right = _accuracy(tuned, test, _recipe(args).decoder)
        reply.fact(test_accuracy=right)
        reply.line(f"{args.test}: {right:.2%} right")
    reply.fact(epochs=tuned.rows)
    told(tuned.program, args.output, reply)


def _accuracy(tuned: "Tuned", test: "Labelled", decoder: "Decoder") -> float:
    from sim.engines import run
    from snn2hw.codec.decode import decide

    rasters, labels = test
    shaped = rasters.reshape(*rasters.shape[:2], *tuned.program.input.shape)
    output = run(tuned.program, shaped).output
    answers = decide(output.reshape(*output.shape[:2], -1), decoder)
    return float((answers == labels).mean())
