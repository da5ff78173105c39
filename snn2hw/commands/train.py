"""Train a spiking network, or its ReLU twin, on spoken words, other sounds, or noisy speech.

snn2hw train fsdd --data fsdd/ --model scnn -o runs/digits
snn2hw train folder --data words/ --model cnn --size seed --seed 1 -o runs/words-cnn
snn2hw train folder --data words/ --model mynet:build -o runs/mine     a Norse module of your own, see docs/training.md
snn2hw train digits -o runs/digits-en            synthesised digits, no download
snn2hw train denoise --data noisy/ -o runs/denoise

Started again with the same options it goes on where it was. The folder holds last.pt (where it goes on), log.jsonl,
summary.json, curves.png, model.pt (a checkpoint that the other commands read) and, of classifiers, confusion.png.
Beside them lie

    of a network of images                                   front.json, test.npz
    of a spiking stream, one for Xylo, a published pair      program.nir, calibration.npz, test.npz
    of a spiking denoiser                                    program.nir, calibration.npz

test.npz is the test part as the network is fed it, with labels, calibration.npz what its program was measured on; a CNN
of images and streams that do not spike leave neither.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from snn2hw.commands.device import configure_device, device_of
from snn2hw.commands.identity import identity_of
from snn2hw.commands.options import (
    FUNCTION,
    NamesOrFunction,
    at_least,
    corpus_named,
    corpus_options,
    range_option,
    refuse_ignored,
    refuse_unwanted_shares,
    tell_corpus,
)
from snn2hw.commands.recipe_options import SHARED, configure_shared, given_of, recipe_option, weight_bits_of_training
from snn2hw.commands.reply import Reply
from snn2hw.commands.train_denoise import PUBLISHED
from snn2hw.commands.train_pair import PAIR_MODELS, is_pair
from snn2hw.commands.train_stream import SOUND_MODELS

if TYPE_CHECKING:
    import torch

    from snn2hw.audio.corpus import Corpus
    from snn2hw.audio.features import Features
    from snn2hw.train.network_recipe import NetworkRecipe
    from snn2hw.train.network_size import NetworkSize
    from snn2hw.train.teacher import Teacher

__all__ = ["configure", "execute"]

GIVEN = (
    "model",
    "encoder",
    "steps",
    "levels",
    "gain",
    "patience",
    "quiet",
    "prune",
    "prune_scope",
    "weight_bits",
    "variants",
)
"""Fields of a recipe that have options here alone."""

OWN_OBEYS = frozenset(
    {*SHARED, *GIVEN, "dataset", "data", "label", "skip_damaged", "output", "also", "mean", "ends_db", "leave_out"}
    | {"fold", "start", "teacher", "more_epochs", "threads", "device", "json", "debug"}
)
"""What a module of the user's own obeys; `NetworkRecipe` refuses what it cannot of these."""

CLASSES_TRIED = 2
"""For how many classes a module is made to see whether it can be."""

SPIKING_STEPS = 24
"""Steps when the input is spikes: the 8 that do for graded input would leave a pixel with five values."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    corpus_options(parser, denoise="speech in noise; without --data, synthetic voices")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="where the run lives")
    parser.add_argument(
        "--stream", action="store_true", help="the streaming network (always, but for fsdd, digits, folder and csv)"
    )
    parser.add_argument("--target", choices=("loihi1", "xylo2"), help="xylo2: a stream's network in that chip's terms")
    parser.add_argument("--fold", metavar="N", help="test on one fold of data that have some")
    _configure_network(parser.add_argument_group("network"))
    _configure_training(parser.add_argument_group("training"))


def _configure_network(group: Any) -> None:
    from snn2hw.codec.encode import Kind
    from snn2hw.models.layout import LAYOUTS
    from snn2hw.models.stream import STREAMS
    from snn2hw.models.xylo import XYLOS
    from snn2hw.train.network_recipe import NetworkRecipe

    usual = NetworkRecipe()
    what = "spiking, or ReLU; vgg to vgg-19 beside streams; cr-ced and crnn denoise, X-snn: spiking; "
    what += "m5, .. as published, X-ann: twins"
    names = NamesOrFunction(("scnn", "cnn", *SOUND_MODELS, *PUBLISHED, *PAIR_MODELS))
    recipe_option(group, usual, "model", f"{what}; or {FUNCTION}, a Norse module of your own", choices=names)
    sizes = (*LAYOUTS, *STREAMS, *XYLOS)
    group.add_argument(
        "--size", choices=sizes, help="hardware or seed; else of a stream (default: hardware, or its own)"
    )
    group.add_argument(
        "--synapse",
        type=float,
        metavar="A",
        help=f"dt/tau of the synaptic current, in (0, 1]; 1: none (default: {usual.layout.synapse:g}; of a stream 0.5)",
    )
    group.add_argument("--weights", type=Path, metavar="FILE", help="what a network of torchvision begins with")
    group.add_argument(
        "--width", type=float, metavar="SHARE", help="of the widths of a published network (default: 1/16)"
    )
    what = "a published network or a stream learns its neurons' decay too"
    group.add_argument("--learnt-decay", action="store_true", help=what)
    group.add_argument("--learnt-threshold", action="store_true", help="and their threshold, one for every layer")
    recipe_option(group, usual, "encoder", "how the images are fed", choices=get_args(Kind))
    recipe_option(group, usual, "steps", f"steps of a sample; with spikes as input {SPIKING_STEPS}", "T")
    recipe_option(group, usual, "levels", "largest integer of the input images")
    recipe_option(group, usual, "gain", "current of the lif encoder at full level, in thresholds")
    what = "of each band, taken off: of an image or a whole utterance, or as it runs (a stream; its default)"
    group.add_argument("--mean", choices=("running", "utterance", "none"), help=what)
    kinds = ("mel", "mfcc", "pcen", "stft")
    group.add_argument("--features", choices=kinds, help="what a stream hears of a frame (default: mel, in decibels)")
    what = "samples a second of a published network, or a stream of a folder, CSV or ESC (default: 8000; ESC's: 22050)"
    group.add_argument("--rate-hz", type=int, metavar="N", help=what)
    what = "of a clip that a stream or a published network hears, where it is loudest (default: its recipe's)"
    group.add_argument("--seconds", type=float, metavar="S", help=what)
    what = "cut a clip's ends that are so far below its loudest 10 ms, before its image is made (default: 0, nothing)"
    group.add_argument("--ends-db", type=float, metavar="DB", help=what)
    recipe_option(group, usual, "decoder", "how the readout is read", choices=("max", "mean", "last"))


def _configure_training(group: Any) -> None:
    from snn2hw.audio.corpora import SYNTHESISED
    from snn2hw.train.denoising.recipe import DenoiseRecipe
    from snn2hw.train.network_recipe import NetworkRecipe
    from snn2hw.train.recipe import PruneScope

    usual = NetworkRecipe()
    what = "test on one speaker, or on one value of a column of the data, COLUMN=VALUE, not on the official part"
    group.add_argument("--leave-out", metavar="SPEAKER", help=what)
    recipe_option(group, usual, "seed", "of weights, order and augmentation")
    what = "learn the clips of a synthesised corpus too; all of them are for training"
    group.add_argument("--also", choices=SYNTHESISED, help=what)
    group.add_argument("--start", type=Path, metavar="model.pt", help="begin with the weights of another run")
    group.add_argument("--teacher", metavar="MODEL", help="learn the answers of this model too (distillation)")
    recipe_option(group, usual, "teacher_weight", "of the teacher's answers in the loss", "SHARE")
    what = "of a denoiser's loss that is unlike envelopes, as STOI compares them, beside the error"
    recipe_option(group, DenoiseRecipe(), "stoi_weight", what, "WEIGHT")
    what = "of a denoiser's mixtures, drawn between the two (default: -5,45)"
    group.add_argument("--snr-db", type=range_option, metavar="LOW,HIGH", help=what)
    what = "of the decibels by which a denoiser makes a sound worse than it was"
    recipe_option(group, DenoiseRecipe(), "harm_weight", what, "WEIGHT")
    group.add_argument("--mixup", type=float, metavar="A", help="clips of a stream mixed, by shares of Beta(A, A)")
    group.add_argument("--pitch", type=float, metavar="N", help="semitones a stream's clips are moved by at most")
    what = "mix half of a stream's training clips with stretches of the sounds in this folder"
    group.add_argument("--background", type=Path, metavar="FOLDER", help=what)
    what = "a clip over its background, drawn between the two (default: 0,20)"
    group.add_argument("--background-db", type=range_option, metavar="LOW,HIGH", help=what)
    what = "longest lag that a stream's dense layer learns for each channel it hears (default: 0, none)"
    group.add_argument("--delays", type=int, metavar="N", help=what)
    recipe_option(group, usual, "epochs", "passes over the training part, at most")
    recipe_option(group, usual, "patience", "epochs of worse validation before it stops")
    recipe_option(group, usual, "rate", "peak learning rate")
    recipe_option(group, usual, "quiet", "of one spike, or product of a CNN, per synapse, in the loss", "PRICE")
    recipe_option(group, usual, "prune", "of the weights that end as zeros, the least, more every epoch", "SHARE")
    recipe_option(group, usual, "prune_scope", "where the least are sought", choices=get_args(PruneScope))
    weight_bits_of_training(group, usual)
    recipe_option(group, usual, "variants", "augmented variants of every training clip; 0: none")
    recipe_option(group, usual, "validation", "of the training part, for early stopping", "SHARE")
    configure_shared(group, usual)
    configure_device(group)


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Train, judge, and write everything down."""
    at_least(0, "--more-epochs", args.more_epochs)
    other = _other(args)
    if other is not None:
        at_least(1, "--threads", args.threads)
        return other(args, reply)
    name = device_of(args)  # first: what follows needs torch
    import torch

    from sim.files import check_folder
    from snn2hw.files.lock import refuse_locked
    from snn2hw.train.checkpoint import read_checkpoint
    from snn2hw.train.fit import fit
    from snn2hw.train.prepare import split_of
    from snn2hw.train.report import write_report
    from snn2hw.train.summary import read_summary

    device = torch.device(name)
    recipe = recipe_of(args)
    _refuse_early(recipe, name)
    start = read_checkpoint(args.start)["weights"] if args.start else None
    if check_folder(args.output).exists():
        refuse_locked(args.output)
    teacher = _teacher(args.teacher)
    corpus = corpus_named(args, recipe.mel.rate_hz)
    recipe = _told(corpus, recipe, reply)
    split = split_of(corpus, recipe)
    recipe, size = _sized(recipe, name, len(corpus.classes), (len(split.train), len(split.test)))
    taught = None if teacher is None else teacher(recipe, corpus.classes, device)
    data = _images(corpus, recipe)
    with _bar(recipe.epochs + args.more_epochs, _title(recipe, args.size), "epoch") as bar:
        finished = fit(
            recipe,
            data,
            corpus.classes,
            args.output,
            device=device,
            start=start,
            teacher=taught,
            task=f"{corpus.name} {corpus.digest[:12]}, {len(split.train)} clips for training",
            more_epochs=args.more_epochs,
            on_epoch=lambda row: _show(bar, row),
        )
    for line in write_report(finished, recipe, data, corpus, args.output, size):
        reply.line(line)
    reply.fact(**read_summary(args.output))
    reply.wrote(args.output)
    return 0


def _other(args: argparse.Namespace) -> "Callable[[argparse.Namespace, Reply], int] | None":
    """Return the training of what is no network of images, as one of the user's own always is."""
    from snn2hw.sources.named_module import is_named

    if args.dataset == "denoise":
        from snn2hw.commands.train_denoise import train_denoise

        return train_denoise
    if args.model is not None and is_named(args.model):
        return None
    if is_pair(args):
        from snn2hw.commands.train_pair import train_pair

        return train_pair
    from snn2hw.commands.train_stream import streams, train_stream

    return train_stream if streams(args) else None


def _refuse_early(recipe: "NetworkRecipe", device: str) -> None:
    """Refuse, before any sound is read, what is too large whatever is read, and a function that makes no module."""
    from snn2hw.train.checkpoint import build
    from snn2hw.train.memory import refuse_too_large

    refuse_too_large(recipe, device)
    if recipe.own:
        build(recipe, CLASSES_TRIED)


def _sized(
    recipe: "NetworkRecipe", device: str, classes: int, clips: tuple[int, int]
) -> "tuple[NetworkRecipe, NetworkSize]":
    """Return the recipe and the size of its network, which fits into memory with so many clips to learn and to test.

    One of the user's own is read, or refused, before all work.
    """
    from dataclasses import replace

    from snn2hw.train.checkpoint import build
    from snn2hw.train.memory import refuse_too_large
    from snn2hw.train.network_size import size_of
    from snn2hw.train.own_network import read_own

    size = size_of(recipe, classes)
    if recipe.own:
        shape = (1, recipe.mel.bands, recipe.mel.frames)
        read = read_own(build(recipe, classes), recipe.model, shape, recipe.steps, classes)
        recipe, size = replace(recipe, called=read.called), read.size
    refuse_too_large(recipe, device, classes=classes, clips=clips[0], tested=clips[1], size=size)
    return recipe, size


def _told(corpus: "Corpus", recipe: "NetworkRecipe", reply: Reply) -> "NetworkRecipe":
    """Say what the corpus is, and return the recipe for what it holds."""
    from snn2hw.train.prepare import made_for

    recipe = made_for(recipe, corpus)
    tell_corpus(corpus, reply)
    return recipe


def _images(corpus: "Corpus", recipe: "NetworkRecipe") -> "Features":
    from snn2hw.train.prepare import prepare

    with _bar(recipe.variants, "features", "variant") as bar:
        return prepare(corpus, recipe, lambda done, _: bar.update(done - bar.n))


def _teacher(model: str | None) -> "Callable[[NetworkRecipe, tuple[str, ...], torch.device], Teacher] | None":
    """Read the model whose answers are learnt too; a checkpoint answers fast, others by the float reference."""
    if model is None:
        return None
    from snn2hw.train.teacher import source_teacher, trained_teacher

    if Path(model).suffix == ".pt":
        from snn2hw.train.checkpoint import load_trained

        return partial(trained_teacher, load_trained(Path(model)))
    from snn2hw.commands.model import load_source

    source = load_source(model)
    return lambda recipe, classes, device: source_teacher(source, recipe, len(classes), device)


def recipe_of(args: argparse.Namespace) -> "NetworkRecipe":
    """Return the recipe the options ask for; what is not given keeps the recipe's default."""
    from dataclasses import replace

    from sim.errors import InputError
    from snn2hw.models.layout import layout_of
    from snn2hw.sources.named_module import is_named
    from snn2hw.train.network_recipe import NetworkRecipe

    if args.model is not None and is_named(args.model):
        refuse_ignored(args, OWN_OBEYS, f"means nothing to {args.model}, a module of images", "leave it out")
    refuse_unwanted_shares(args)
    _refuse_of_others(args)
    given = given_of(args, (*SHARED, *GIVEN))
    if given.get("encoder", "direct") != "direct":
        given.setdefault("steps", SPIKING_STEPS)
    if args.mean == "running":
        raise InputError("--mean running: an image is of a whole word", "add --stream, or choose utterance")
    usual = NetworkRecipe()
    mel = replace(usual.mel, mean=args.mean or usual.mel.mean, ends_db=args.ends_db or 0.0)
    layout = layout_of(args.size or "hardware")
    if args.synapse is not None:
        layout = replace(layout, synapse=args.synapse)
    return NetworkRecipe(
        layout=layout,
        mel=mel,
        also=args.also or "",
        test_speaker=args.leave_out or "",
        test_fold=args.fold or "",
        start=identity_of(args.start),
        teacher=identity_of(args.teacher),
        **given,
    )


def _refuse_of_others(args: argparse.Namespace) -> None:
    """Refuse what only streams, published networks or denoisers obey."""
    from sim.errors import InputError

    if args.delays is not None:
        raise InputError(f"--delays {args.delays}: images have no lags", "add --stream, or leave it out")
    if args.mixup is not None:
        raise InputError(f"--mixup {args.mixup}: images are not mixed", "add --stream, or leave it out")
    for name in ("features", "pitch", "background", "background_db", "rate_hz", "seconds"):
        if (value := getattr(args, name)) is not None:
            raise InputError(f"--{name.replace('_', '-')} {value}: is of a stream", "add --stream, or leave it out")
    for name in ("stoi_weight", "harm_weight", "snr_db"):
        if (value := getattr(args, name)) is not None:
            raise InputError(f"--{name.replace('_', '-')} {value}: is of a denoiser", "train denoise, or leave it out")
    if args.weights is not None:
        raise InputError(
            f"--weights {args.weights}: for a network of torchvision", "choose --model vgg-19, with --stream"
        )
    if args.width is not None or args.learnt_decay or args.learnt_threshold:
        what = "--width, --learnt-decay and --learnt-threshold are of published networks, and the last two of streams"
        raise InputError(what, "choose one, such as --model m5, or add --stream")


def _bar(total: int, what: str, unit: str) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, desc=what, unit=unit, disable=None)


def _title(recipe: "NetworkRecipe", size: str | None) -> str:
    return recipe.model if recipe.own else f"{recipe.model} {size or 'hardware'}"


def _show(bar: Any, row: dict[str, Any]) -> None:
    bar.n = row["epoch"]
    bar.set_postfix_str(
        f"loss {row['loss']:.3f}, accuracy {row['accuracy']:.1%}, validation {row['validate_accuracy']:.1%}"
    )
