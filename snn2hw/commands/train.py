"""Train a spiking network, or its ReLU twin, on spoken words.

snn2hw train fsdd --data fsdd/ --model scnn -o runs/digits
snn2hw train folder --data words/ --model cnn --size seed --seed 1 -o runs/words-cnn
snn2hw train digits -o runs/digits-en            synthesised digits, no download

Started again with the same options it goes on where it was. The folder then holds model.pt (a checkpoint the other
commands read), test.npz (the test part as the network is fed it, with labels), front.json, log.jsonl, summary.json,
curves.png and confusion.png.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from snn2hw.commands.device import configure_device, device_of
from snn2hw.commands.options import corpus_options

if TYPE_CHECKING:
    from snn2hw.train.recipe import Recipe

__all__ = ["configure", "execute"]

SPIKING_STEPS = 24
"""Steps when the input is spikes: the 8 that do for graded input would leave a pixel with five values."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    corpus_options(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where the run lives")
    from snn2hw.codec.encode import Kind
    from snn2hw.train.recipe import Recipe

    usual = Recipe()
    network = parser.add_argument_group("network")
    network.add_argument("--model", choices=("scnn", "cnn"), default="scnn", help="spiking, or ReLU (default: scnn)")
    network.add_argument(
        "--size", choices=("hardware", "seed"), default="hardware", help="small, or wide (default: hardware)"
    )
    _option(network, "--synapse", usual.layout.synapse, "dt/tau of the synaptic current, in (0, 1]; 1: none", "A")
    _option(network, "--encoder", usual.encoder, "how the images are fed", choices=get_args(Kind))
    _option(network, "--steps", usual.steps, f"steps of a sample; with spikes as input {SPIKING_STEPS}", "T")
    _option(network, "--levels", usual.levels, "largest integer of the input images")
    _option(network, "--gain", usual.gain, "current of the lif encoder at full level, in thresholds")
    _option(network, "--decoder", usual.decoder, "how the readout is read", choices=("max", "mean", "last"))
    training = parser.add_argument_group("training")
    training.add_argument("--leave-out", metavar="SPEAKER", help="test on one speaker, not the official part")
    _option(training, "--seed", usual.seed, "of weights, order and augmentation")
    training.add_argument("--start", type=Path, metavar="model.pt", help="begin with the weights of another run")
    _option(training, "--epochs", usual.epochs, "passes over the training part, at most")
    _option(training, "--patience", usual.patience, "epochs of worse validation before it stops")
    _option(training, "--batch", usual.batch, "samples of one step of the optimiser")
    _option(training, "--rate", usual.rate, "peak learning rate")
    _option(training, "--quiet", usual.quiet, "of one spike per synapse, in the loss", "PRICE")
    _option(training, "--variants", usual.variants, "augmented variants of every training clip; 0: none")
    _option(training, "--validation", usual.validation, "of the training part, for early stopping", "SHARE")
    configure_device(training)


def _option(group: Any, name: str, usual: float | str, what: str, metavar: str | None = None, **more: Any) -> None:
    """Declare an option that, not given, leaves the recipe's value; its kind is that of the value."""
    shown = f"{what} (default: {usual:g})" if isinstance(usual, float) else f"{what} (default: {usual})"
    if "choices" not in more:
        more["metavar"] = metavar
    group.add_argument(name, type=type(usual), help=shown, **more)


def execute(args: argparse.Namespace) -> int:
    """Train, judge, and write everything down."""
    name = device_of(args)  # first: what follows needs torch
    import torch

    from sim.files import make_folder
    from snn2hw.train.checkpoint import read_checkpoint
    from snn2hw.train.fit import fit
    from snn2hw.train.prepare import prepare
    from snn2hw.train.report import write_report

    device = torch.device(name)
    recipe = recipe_of(args)
    start = read_checkpoint(args.start)["weights"] if args.start else None
    make_folder(args.output)
    from snn2hw.audio.corpora import read_corpus

    corpus = read_corpus(args.dataset, args.data)
    print(f"{corpus.name}: {len(corpus)} clips, {len(set(corpus.speakers))} speakers, {len(corpus.classes)} classes")
    for note in corpus.notes[:8]:
        print(f"  converted {note}")
    if len(corpus.notes) > 8:
        print(f"  and {len(corpus.notes) - 8} more files converted")
    with _bar(recipe.variants, "features", "variant") as bar:
        data = prepare(corpus, recipe, lambda done, _: bar.update(done - bar.n))
    with _bar(recipe.epochs, f"{recipe.model} {args.size}", "epoch") as bar:
        finished = fit(
            recipe,
            data,
            corpus.classes,
            args.output,
            device=device,
            start=start,
            on_epoch=lambda row: _show(bar, row),
        )
    for line in write_report(finished, recipe, data, corpus, args.output):
        print(line)
    return 0


def recipe_of(args: argparse.Namespace) -> "Recipe":
    """Return the recipe the options ask for; what is not given keeps the recipe's default."""
    from dataclasses import replace
    from hashlib import sha256

    from snn2hw.models.layout import layout_of
    from snn2hw.train.recipe import Recipe

    names = ("encoder", "steps", "levels", "gain", "decoder", "seed", "epochs", "patience", "batch", "rate", "quiet")
    given = {n: value for n in (*names, "variants", "validation") if (value := getattr(args, n)) is not None}
    if given.get("encoder", "direct") != "direct":
        given.setdefault("steps", SPIKING_STEPS)
    layout = layout_of(args.size)
    if args.synapse is not None:
        layout = replace(layout, synapse=args.synapse)
    start = sha256(args.start.read_bytes()).hexdigest() if args.start and args.start.is_file() else ""
    return replace(Recipe(model=args.model, layout=layout, test_speaker=args.leave_out or "", start=start), **given)


def _bar(total: int, what: str, unit: str) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, desc=what, unit=unit, disable=None)


def _show(bar: Any, row: dict[str, Any]) -> None:
    bar.n = row["epoch"]
    bar.set_postfix_str(
        f"loss {row['loss']:.3f}, accuracy {row['accuracy']:.1%}, validation {row['validate_accuracy']:.1%}"
    )
