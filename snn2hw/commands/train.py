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
from typing import TYPE_CHECKING, get_args

from snn2hw.commands.device import configure_device, device_of
from snn2hw.commands.options import corpus_options, recipe_option
from snn2hw.commands.progress import epoch_bar, progress_bar

if TYPE_CHECKING:
    from snn2hw.train.recipe import Recipe

__all__ = ["configure", "execute"]

SPIKING_STEPS = 24
"""Steps when the input is spikes: the 8 that do for graded input would leave a pixel with five values."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from snn2hw.codec.encode import Kind
    from snn2hw.models.layout import LAYOUTS
    from snn2hw.train.recipe import Recipe

    corpus_options(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where the run lives")
    usual = Recipe()
    network = parser.add_argument_group("network")
    recipe_option(network, "--model", usual, "spiking, or ReLU", choices=("scnn", "cnn"))
    size = "small, or wide (default: hardware)"
    network.add_argument("--size", choices=tuple(LAYOUTS), default="hardware", help=size)
    synapse = "dt/tau of the synaptic current, in (0, 1]; 1: none"
    recipe_option(network, "--synapse", usual.layout, synapse, metavar="A")
    recipe_option(network, "--encoder", usual, "how the images are fed", choices=get_args(Kind))
    steps = f"steps of a sample; with spikes as input {SPIKING_STEPS}"
    recipe_option(network, "--steps", usual, steps, metavar="T")
    recipe_option(network, "--levels", usual, "largest integer of the input images")
    recipe_option(network, "--gain", usual, "current of the lif encoder at full level, in thresholds")
    recipe_option(network, "--decoder", usual, "how the readout is read", choices=("max", "mean", "last"))
    training = parser.add_argument_group("training")
    training.add_argument("--leave-out", metavar="SPEAKER", help="test on one speaker, not the official part")
    recipe_option(training, "--seed", usual, "of weights, order and augmentation")
    training.add_argument("--start", type=Path, metavar="model.pt", help="begin with the weights of another run")
    recipe_option(training, "--epochs", usual, "passes over the training part, at most")
    recipe_option(training, "--patience", usual, "epochs of worse validation before it stops")
    recipe_option(training, "--batch", usual, "samples of one step of the optimiser")
    recipe_option(training, "--rate", usual, "peak learning rate")
    recipe_option(training, "--quiet", usual, "of one spike per synapse, in the loss", metavar="PRICE")
    recipe_option(training, "--variants", usual, "augmented variants of every training clip; 0: none")
    recipe_option(training, "--validation", usual, "of the training part, for early stopping", metavar="SHARE")
    configure_device(training)


def execute(args: argparse.Namespace) -> int:
    """Train, judge, and write everything down."""
    name = device_of(args)  # first: what follows needs torch
    import torch

    from sim.files import make_folder
    from snn2hw.audio.corpora import read_corpus
    from snn2hw.train.checkpoint import read_checkpoint
    from snn2hw.train.fit import fit
    from snn2hw.train.prepare import prepare
    from snn2hw.train.report import write_report

    device = torch.device(name)
    recipe = recipe_of(args)
    start = read_checkpoint(args.start)["weights"] if args.start else None
    make_folder(args.output)
    corpus = read_corpus(args.dataset, args.data)
    print(f"{corpus.name}: {len(corpus)} clips, {len(set(corpus.speakers))} speakers, {len(corpus.classes)} classes")
    for note in corpus.notes[:8]:
        print(f"  converted {note}")
    if len(corpus.notes) > 8:
        print(f"  and {len(corpus.notes) - 8} more files converted")
    with progress_bar(recipe.variants, "features", "variant") as advance:
        reached = 0

        def prepared(done: int, _: int) -> None:
            nonlocal reached
            advance(done - reached)
            reached = done

        data = prepare(corpus, recipe, prepared)
    with epoch_bar(recipe.epochs, f"{recipe.model} {args.size}", "validation") as show:
        finished = fit(recipe, data, corpus.classes, args.output, device=device, start=start, on_epoch=show)
    for line in write_report(finished, recipe, data, corpus, args.output):
        print(line)
    return 0


def recipe_of(args: argparse.Namespace) -> "Recipe":
    """Return the recipe the options ask for; what is not given keeps the recipe's default."""
    from dataclasses import replace
    from hashlib import sha256

    from snn2hw.models.layout import layout_of
    from snn2hw.train.recipe import Recipe

    names = (
        "model",
        "encoder",
        "steps",
        "levels",
        "gain",
        "decoder",
        "seed",
        "epochs",
        "patience",
        "batch",
        "rate",
        "quiet",
    )
    given = {n: value for n in (*names, "variants", "validation") if (value := getattr(args, n)) is not None}
    if given.get("encoder", "direct") != "direct":
        given.setdefault("steps", SPIKING_STEPS)
    layout = layout_of(args.size)
    if args.synapse is not None:
        layout = replace(layout, synapse=args.synapse)
    start = sha256(args.start.read_bytes()).hexdigest() if args.start and args.start.is_file() else ""
    return replace(Recipe(layout=layout, test_speaker=args.leave_out or "", start=start), **given)
