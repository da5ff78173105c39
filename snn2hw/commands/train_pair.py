"""The part of `snn2hw train` for published pairs: clips in, checkpoint and accuracies out."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn2hw.commands.recipe_options import OF_CLIPS, given_of
from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    from sim.program import Program
    from snn2hw.train.pair_recipe import PairRecipe

__all__ = ["PAIR_MODELS", "is_pair", "train_pair"]

SPIKING, TWIN = "-snn", "-ann"
PAIR_MODELS = (
    *(name + end for name in ("m5", "piczak", "hjh", "tcy") for end in ("", SPIKING, TWIN)),
    "hjh-hybrid",
    *(name + end for name in ("esc-vgg", "extractor") for end in (SPIKING, TWIN)),
)
"""What ``--model`` calls them: the spiking network, its twin of ReLUs, and what is both.

``esc-vgg`` and ``extractor`` alone are classifiers of whole sounds (`snn2hw.train.sound_networks`).
"""

GIVEN = (*OF_CLIPS, "width", "steps", "seconds")
OBEYED = frozenset(
    {*GIVEN, "dataset", "data", "label", "skip_damaged", "output", "fold", "model", "leave_out", "start"}
    | {"learnt_decay", "learnt_threshold", "more_epochs", "threads", "json", "rate_hz", "teacher"}
)


def is_pair(args: argparse.Namespace) -> bool:
    """Return whether one of the published pairs is meant."""
    return args.model in PAIR_MODELS


def recipe_for(args: argparse.Namespace) -> "PairRecipe":
    """Return the usual recipe of a network, with what the options change."""
    from snn2hw.audio.spectra import at_rate
    from snn2hw.commands.identity import identity_of
    from snn2hw.commands.options import refuse_ignored, refuse_unwanted_shares
    from snn2hw.train.memory import refuse_clips
    from snn2hw.train.pair_recipe import PairRecipe

    refuse_ignored(args, OBEYED, "means nothing to a published pair", "leave it out")
    refuse_unwanted_shares(args)
    given = given_of(args, GIVEN)
    twin = args.model.endswith(TWIN)
    if twin:
        given.setdefault("steps", 1)
    if args.rate_hz is not None:
        given["spectra"] = at_rate(PairRecipe().spectra, args.rate_hz)
    recipe = PairRecipe(
        task=args.dataset,
        network=args.model.removesuffix(TWIN).removesuffix(SPIKING),
        model="ann" if twin else "snn",
        learnt=args.learnt_decay,
        learnt_threshold=args.learnt_threshold,
        start=identity_of(args.start),
        teacher=identity_of(args.teacher),
        **given,
    )
    refuse_clips(1, max(recipe.samples, recipe.values))
    return recipe


def train_pair(args: argparse.Namespace, reply: Reply) -> int:
    """Train, judge, and write everything down."""
    recipe = recipe_for(args)
    from sim.files import make_folder
    from snn2hw.audio.corpus import holdout, parted
    from snn2hw.commands.options import corpus_named, tell_corpus
    from snn2hw.files.json_file import write_json
    from snn2hw.train.pair_fit import fit_pair, pair_clips
    from snn2hw.train.pairs import PAIRS
    from snn2hw.train.pictures import draw_confusion, draw_curves
    from snn2hw.train.processor import compute_with
    from snn2hw.train.run_model import RunModel, write_run_model

    if PAIRS[recipe.network].hybrid:
        reply.line(f"{recipe.network}: only the neurons at the input go onto a chip; the ReLUs behind them do not")
    make_folder(args.output)
    compute_with(args.threads)
    corpus = corpus_named(args, recipe.spectra.rate_hz)
    tell_corpus(corpus, reply)
    whole = parted(corpus, args.leave_out or "", args.fold or "")
    split = holdout(corpus, whole, recipe.validation, recipe.seed)
    inputs, labels = pair_clips(corpus, recipe)
    parts = {name: (inputs[chosen], labels[chosen]) for name, chosen in split._asdict().items() if len(chosen)}
    classes = len(corpus.classes)
    model, state = fit_pair(
        recipe,
        parts["train"],
        parts.get("validate"),
        classes,
        args.output,
        **_learnt_from(args, recipe, inputs.shape[1:], corpus.classes),
        names=corpus.classes,
        more_epochs=args.more_epochs,
        on_epoch=lambda row: reply.line(" ".join(f"{k} {v:.4g}" for k, v in row.items())),
    )
    write_run_model(RunModel("published pair", model, recipe, corpus.classes, inputs.shape[1:]), args.output)
    known = {"task": recipe.task, "epochs": state.epoch, "classes": list(corpus.classes)}
    program, facts = _deployed(model, recipe, parts, corpus.classes, args.output)
    accuracy = _judged(model, recipe, parts, program, reply)
    said = {"schema": "snn2hw.stream-training/1"} | known | {"accuracy": accuracy} | facts
    if "refused" in facts:
        reply.line(f"no program: {facts['refused']}")
    draw_curves(state.rows, args.output / "curves.png")
    confusion = _confusion(model, recipe, *parts["test"], classes)
    draw_confusion(confusion, corpus.classes, args.output / "confusion.png")
    said["confusion"] = confusion.tolist()
    write_json(args.output / "summary.json", said)
    reply.fact(**said)
    reply.wrote(args.output)
    return 0


def _learnt_from(
    args: argparse.Namespace, recipe: "PairRecipe", shape: tuple[int, ...], classes: tuple[str, ...]
) -> dict[str, Any]:
    """Return the weights that a network begins with, and its teacher, as far as they are named."""
    from snn2hw.train.pair_fit import taken_over
    from snn2hw.train.pair_teacher import read_pair_teacher

    start = None if args.start is None else taken_over(args.start, recipe, shape, len(classes))
    teacher = None if args.teacher is None else read_pair_teacher(Path(args.teacher), recipe, shape, classes)
    return {"start": start, "teacher": teacher}


def _confusion(model: Any, recipe: "PairRecipe", inputs: Any, labels: Any, classes: int) -> Any:
    """Return counts of what was said (rows) against what the network understood."""
    from snn2hw.train.judge import confused
    from snn2hw.train.pair_fit import pair_answers

    return confused(labels, pair_answers(model, recipe, inputs).argmax(1), classes)


def _deployed(
    model: Any, recipe: "PairRecipe", parts: dict[str, Any], classes: tuple[str, ...], folder: Path
) -> "tuple[Program | None, dict[str, Any]]":
    """Compile and write the program of a spiking network and what it is fed, or say what the compiler refused."""
    from exporters.program_file import write_program
    from sim.errors import Snn2hwError
    from snn2hw.purpose import purpose_attachment
    from snn2hw.train.pair_program import compiled_pair, pair_purpose

    _write_fed(recipe, parts, classes, folder)
    if recipe.model == "ann":
        return None, {}
    try:
        compiled = compiled_pair(model, recipe, parts["train"])
    except Snn2hwError as error:
        return None, {"refused": str(error)}
    purpose = purpose_attachment(pair_purpose(recipe, classes))
    attachments: dict[str, Any] = {"certificate": compiled.certificate.to_json(), **purpose}
    write_program(compiled.program, folder / "program.nir", attachments=attachments)
    return compiled.program, {"digest": compiled.program.digest}


def _write_fed(recipe: "PairRecipe", parts: dict[str, Any], classes: tuple[str, ...], folder: Path) -> None:
    """Write the clips for calibration and the test part: rasters of a program, samples of what is converted."""
    from snn2hw.files.archives import write_npz
    from snn2hw.files.rasters import write_raster
    from snn2hw.train.pair_program import calibration_of_pair, pair_integers, pair_raster

    for name, clips in {"calibration": calibration_of_pair(parts["train"]), "test": parts.get("test")}.items():
        if clips is None:
            continue
        if recipe.model == "ann":
            write_npz(folder / f"{name}.npz", {"features": pair_integers(clips[0], recipe), "labels": clips[1]})
        else:
            write_raster(folder / f"{name}.npz", pair_raster(clips[0], recipe), clips[1], "mean", classes=classes)


def _judged(
    model: Any, recipe: "PairRecipe", parts: dict[str, Any], program: "Program | None", reply: Reply
) -> dict[str, Any]:
    """Return how many clips of the other parts the network gets right, and its program where there is one."""
    from snn2hw.codec.share import Share
    from snn2hw.train.pair_fit import pair_answers
    from snn2hw.train.pair_program import judged_pair

    said = {}
    for name in [name for name in parts if name != "train"]:
        inputs, labels = parts[name]
        right = int((pair_answers(model, recipe, inputs).argmax(1) == labels).sum())
        kinds = {"float": Share(right, len(labels))}
        if program is not None:
            kinds["integer"] = judged_pair(program, recipe, parts[name])
        said[name] = {kind: share.to_json() for kind, share in kinds.items()}
        for kind, share in said[name].items():
            reply.line(f"{name}, {kind}: {share['accuracy']:.2%} of {share['clips']} clips")
    return said
