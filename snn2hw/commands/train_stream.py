"""The part of `snn2hw train` for the streaming network: clips in, checkpoint, integer program and accuracies out."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn2hw.commands.recipe_options import OF_CLIPS, given_of
from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from snn2hw.audio.mel_stream import MelFront
    from snn2hw.train.stream_data import Spoken
    from snn2hw.train.stream_recipe import StreamRecipe

    Parts = Mapping[str, Spoken]

__all__ = ["SOUND_MODELS", "streams", "train_stream"]

SCHEMA = "snn2hw.stream-training/1"

GIVEN = (*OF_CLIPS, "mixup", "delays", "prune", "prune_scope", "learnt_decay", "learnt_threshold")
OBEYED = frozenset(
    {*GIVEN, "target", "dataset", "data", "label", "skip_damaged", "output", "stream", "fold", "model", "size"}
    | {"leave_out", "teacher", "weights", "start", "more_epochs", "threads", "json", "mean", "also", "features"}
    | {"pitch", "background", "background_db", "rate_hz", "seconds", "synapse"}
)
KINDS = {"scnn": "snn", "cnn": "ann"}
SOUND_MODELS = ("vgg", "baseline", "esc-vgg", "lstm", "crnn-a", "extractor", "efficientnet-b0", "vgg-19")
"""Networks that hear a whole sound, as `snn2hw.train.stream_recipe` has them."""
BEHIND = 0.5
"""Share of the clips that are mixed with a background, where one is given."""
BACKGROUND_S = 1200.0
"""More than that is refused: its spectra are held in memory."""
XYLO = "xylo2"
"""The chip whose networks are others: the command trains for it by ``--target``."""


def streams(args: argparse.Namespace) -> bool:
    """Return whether the streaming network is meant."""
    from snn2hw.train.stream_data import STREAMED

    return bool(args.stream) or args.target == XYLO or args.dataset in STREAMED or args.model in SOUND_MODELS


def recipe_for(args: argparse.Namespace) -> "StreamRecipe":
    """Return the usual recipe of the corpus, with what the options change."""
    from dataclasses import replace

    from sim.errors import InputError
    from snn2hw.commands.identity import identity_of
    from snn2hw.commands.options import refuse_ignored, refuse_unwanted_shares
    from snn2hw.train.stream_data import frames_in, stream_recipe_for

    refuse_ignored(args, OBEYED, "means nothing to a streaming network", "leave it out")
    refuse_unwanted_shares(args)
    _check_start(args)
    given = given_of(args, GIVEN)
    kind = KINDS.get(args.model or "scnn", args.model)
    if args.target == XYLO:
        if kind != "snn":
            raise InputError(f"--model {args.model}: does not run on a Xylo chip", "leave it out, or --target")
        kind = "xylo"
    usual = stream_recipe_for(args.dataset, kind)
    given |= _layout_of(args, usual)
    given["front"] = _front_of(args, usual.front)
    if args.seconds is not None:
        given["frames"] = frames_in(given["front"].spectra, args.seconds)
    if args.background_db is not None and args.background is None:
        raise InputError("--background-db: there is no background", "name a folder with --background")
    behind: dict[str, Any] = {} if args.background is None else {"background": BEHIND}
    behind |= {} if args.background_db is None else {"background_db": args.background_db}
    given["how"] = replace(usual.how, pitch=args.pitch or 0.0, **behind)
    return replace(
        usual,
        **given,
        also=args.also or "",
        teacher=identity_of(args.teacher),
        start=identity_of(args.start or args.weights),
    )


def _layout_of(args: argparse.Namespace, usual: "StreamRecipe") -> dict[str, Any]:
    """Return the layout of the recipe under its name, where the options change it."""
    from dataclasses import replace

    from sim.errors import InputError
    from snn2hw.models.stream import STREAMS
    from snn2hw.models.xylo import XYLOS
    from snn2hw.train.stream_recipe import WHOLE

    field, sizes = ("xylo", dict[str, Any](XYLOS)) if usual.model == "xylo" else ("layout", dict[str, Any](STREAMS))
    layout = getattr(usual, field)
    if args.size is not None:
        if usual.model in WHOLE:
            raise InputError(f"--size {args.size}: {usual.model} has a size of its own", "leave it out")
        if args.size not in sizes:
            raise InputError(f"--size {args.size}: is no size of a streaming network", f"choose {', '.join(sizes)}")
        layout = sizes[args.size]
    if args.synapse is not None:
        if usual.model != "snn":
            what = f"--synapse {args.synapse}: of {usual.model}, which has no current that a layer's neurons keep alike"
            raise InputError(what, "leave it out, or train the spiking stream: --model scnn")
        if not 0 < args.synapse <= 1:
            raise InputError(f"--synapse {args.synapse}: must lie in (0, 1]", "give dt/tau; 1 forgets at once")
        layout = replace(layout, synapse_kept=1 - args.synapse)
    return {field: layout}


def _front_of(args: argparse.Namespace, usual: "MelFront") -> "MelFront":
    """Return the front end of the recipe, with what the options change."""
    from dataclasses import replace

    from sim.errors import InputError
    from snn2hw.audio.spectra import at_rate
    from snn2hw.train.stream_data import RATED

    heard: dict[str, Any] = {} if args.mean is None else {"mean": args.mean}
    if args.features is not None:
        heard["features"] = {"mel": "log-mel"}.get(args.features, args.features)
    if args.rate_hz is not None:
        if args.dataset not in RATED:
            what = f"--rate-hz {args.rate_hz}: {args.dataset} is heard at {usual.spectra.rate_hz} Hz"
            raise InputError(what, f"leave it out; it is of {', '.join(RATED)}")
        heard["spectra"] = at_rate(usual.spectra, args.rate_hz)
    return replace(usual, **heard)


def _check_start(args: argparse.Namespace) -> None:
    """Refuse files to begin with that are none, and weights of torchvision's for a network that is not."""
    from sim.errors import InputError
    from snn2hw.train.stream_recipe import PRETRAINED

    if args.weights is not None and args.model not in PRETRAINED:
        named = f"only {' and '.join(PRETRAINED)} begin with a file's"
        raise InputError(
            f"--weights {args.weights}: for a network of torchvision", f"{named}; a run is named by --start"
        )
    if args.weights is not None and args.start is not None:
        raise InputError("--start and --weights: a network begins with one of them", "leave the other out")
    for path in (args.weights, args.start):
        if path is not None and not path.is_file():
            raise InputError(f"{path}: no such file", "give a file of weights")


def train_stream(args: argparse.Namespace, reply: Reply) -> int:
    """Train, compile, judge, and write everything down."""
    from sim.files import make_folder
    from snn2hw.commands.options import corpus_named, tell_corpus
    from snn2hw.files.json_file import write_json
    from snn2hw.train.pictures import draw_confusion, draw_curves
    from snn2hw.train.processor import compute_with
    from snn2hw.train.run_model import RunModel, write_run_model
    from snn2hw.train.stream_data import centred, spoken, stream_split
    from snn2hw.train.stream_fit import fit_stream, read_teacher

    recipe = recipe_for(args)
    make_folder(args.output)
    compute_with(args.threads)
    corpus = corpus_named(args, recipe.front.spectra.rate_hz)
    tell_corpus(corpus, reply)
    split = stream_split(corpus, recipe, speaker=args.leave_out or "", fold=args.fold or "")
    clips = spoken(corpus, recipe)
    learnt, judged = clips.part(split.train), clips.part(split.validate)
    recipe = centred(recipe, learnt)
    recipe, backgrounds = _backgrounds(recipe, args, reply)
    teacher = None if args.teacher is None else read_teacher(Path(args.teacher), recipe, len(corpus.classes))
    model, state = fit_stream(
        recipe,
        learnt,
        judged if len(judged.labels) else None,
        len(corpus.classes),
        args.output,
        teacher=teacher,
        start=_start(args),
        backgrounds=backgrounds,
        names=corpus.classes,
        more_epochs=args.more_epochs,
        on_epoch=lambda row: reply.line(" ".join(f"{k} {v:.4g}" for k, v in row.items())),
    )
    write_run_model(RunModel("stream", model, recipe, corpus.classes), args.output)
    parts = {name: clips.part(chosen) for name, chosen in split._asdict().items() if name != "train" and len(chosen)}
    facts = _judged_snn if recipe.spiking else _judged_ann
    said = facts(model, recipe, learnt, parts, corpus.classes, args.output)
    known = {"schema": SCHEMA, "task": recipe.task, "epochs": state.epoch, "classes": list(corpus.classes)}
    confusion = _confusion(model, recipe, parts["test"], len(corpus.classes))
    draw_curves(state.rows, args.output / "curves.png")
    draw_confusion(confusion, corpus.classes, args.output / "confusion.png")
    summary = known | said | {"confusion": confusion.tolist()}
    write_json(args.output / "summary.json", summary)
    _tell_accuracy(said["accuracy"], reply)
    reply.fact(**summary)
    reply.wrote(args.output)
    return 0


def _backgrounds(
    recipe: "StreamRecipe", args: argparse.Namespace, reply: Reply
) -> "tuple[StreamRecipe, NDArray[np.float32] | None]":
    """Return the recipe with which sounds its clips are mixed with, and their power."""
    folder: Path | None = args.background
    if folder is None:
        return recipe, None
    from dataclasses import replace
    from hashlib import sha256

    from snn2hw.audio.folder import read_sounds
    from snn2hw.commands.options import tell_notes
    from snn2hw.train.stream_data import background_power

    spec = recipe.front.spectra
    sounds, notes = read_sounds(folder, spec.rate_hz, BACKGROUND_S, skip_damaged=args.skip_damaged)
    tell_notes(notes, reply)
    power = background_power(sounds, spec)
    return replace(recipe, background=sha256(power.tobytes()).hexdigest()), power


def _tell_accuracy(accuracy: "Mapping[str, Any]", reply: Reply) -> None:
    for name, kinds in accuracy.items():
        for kind, share in kinds.items():
            low, high = share["interval_95"]
            reply.line(f"{name}, {kind}: {share['accuracy']:.2%} of {share['clips']} clips ({low:.1%} to {high:.1%})")


def _start(args: argparse.Namespace) -> "Callable[[Any], None] | None":
    """Return what fills a network with what it begins with: another run's weights, or torchvision's."""
    from functools import partial

    from snn2hw.files.tensor_file import read_tensors
    from snn2hw.train.sound_networks import begin_with
    from snn2hw.train.stream_fit import begun_by

    if args.start is not None:
        return begun_by(args.start)
    if args.weights is None:
        return None
    fix = "give the state_dict of torchvision's network, as torch.save writes it"
    weights = read_tensors(args.weights, "file of weights", fix)
    return partial(begin_with, weights=weights, where="weights to begin with")


def _confusion(model: Any, recipe: "StreamRecipe", part: "Spoken", classes: int) -> Any:
    """Return counts of what was said (rows) against what the network understood."""
    from snn2hw.train.judge import confused
    from snn2hw.train.stream_fit import answers_to, plain_messages

    return confused(part.labels, answers_to(model, recipe, plain_messages(part, recipe)).argmax(1), classes)


def _judged_ann(
    model: Any, recipe: "StreamRecipe", learnt: "Spoken", parts: "Parts", classes: tuple[str, ...], folder: Path
) -> dict[str, Any]:
    from snn2hw.train.stream_fit import answers_to, plain_messages
    from snn2hw.train.stream_program import Share

    said = {}
    for name, part in parts.items():
        found = answers_to(model, recipe, plain_messages(part, recipe)).argmax(1)
        said[name] = {"float": Share(int((found == part.labels).sum()), len(found)).to_json()}
    return {"accuracy": said}


def _judged_snn(
    model: Any, recipe: "StreamRecipe", learnt: "Spoken", parts: "Parts", classes: tuple[str, ...], folder: Path
) -> dict[str, Any]:
    """Judge the network and its program, which is written."""
    import numpy as np

    from snn2hw.train.stream_fit import plain_messages
    from snn2hw.train.stream_program import (
        CALIBRATION,
        calibration_of,
        compiled_stream,
        judged_stream,
        output_unit,
        write_raster_of,
        write_stream,
    )

    compiled = compiled_stream(model, recipe, learnt)
    said = {
        name: {kind: share.to_json() for kind, share in judged_stream(model, compiled, recipe, part).items()}
        for name, part in parts.items()
    }
    first = learnt.part(np.arange(min(CALIBRATION, len(learnt.labels))))
    unit = output_unit(model, compiled.program, recipe, plain_messages(first, recipe))
    write_stream(compiled, recipe, classes, unit, folder / "program.nir")
    for name, part in {"calibration": calibration_of(learnt), **parts}.items():
        if name in ("calibration", "test"):
            write_raster_of(part, recipe, classes, folder / f"{name}.npz")
    return {"accuracy": said, "digest": compiled.program.digest}
