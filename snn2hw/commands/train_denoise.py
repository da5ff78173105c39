"""The part of `snn2hw train` for denoisers: noisy speech in, checkpoint, integer program and gains out."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snn2hw.commands.recipe_options import given_of
from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from snn2hw.denoise.mixing import NoisySpeech, Pair
    from snn2hw.train.denoising.recipe import DenoiseRecipe

    Cleaner = Callable[[Sequence[Pair]], list[Any]]

__all__ = ["PUBLISHED", "train_denoise"]

SCHEMA = "snn2hw.denoise-training/1"

GIVEN = ("epochs", "rate", "seed", "batch", "stoi_weight", "harm_weight")
OBEYED = frozenset(
    {*GIVEN, "dataset", "data", "skip_damaged", "output", "model", "threads", "stream", "json", "more_epochs"}
    | {"snr_db"}
)
PUBLISHED = ("cr-ced", "cr-ced-snn", "crnn", "crnn-snn")
"""Networks of the literature, as ``--model`` calls them."""
KINDS = {"scnn": "snn", "cnn": "ann"}


def recipe_for(args: argparse.Namespace) -> "DenoiseRecipe":
    """Return the usual recipe, with what the options change."""
    from snn2hw.commands.options import refuse_ignored
    from snn2hw.denoise.mixing import Mixing
    from snn2hw.train.denoising.recipe import DenoiseRecipe

    refuse_ignored(args, OBEYED, "means nothing to a denoiser", "leave it out")
    given = given_of(args, GIVEN)
    if args.model is not None:
        given["model"] = KINDS.get(args.model, args.model)
    if args.snr_db is not None:
        given["mixing"] = Mixing(snr_db=args.snr_db)
    return DenoiseRecipe(**given)


def train_denoise(args: argparse.Namespace, reply: Reply) -> int:
    """Train, compile, judge, and write everything down."""
    recipe = recipe_for(args)
    from sim.files import make_folder
    from snn2hw.denoise.layouts import read_noisy
    from snn2hw.files.json_file import write_json
    from snn2hw.train.denoising.fit import cleaned, fit_denoiser, gains
    from snn2hw.train.pictures import draw_curves
    from snn2hw.train.processor import compute_with
    from snn2hw.train.run_model import RunModel, write_run_model

    make_folder(args.output)
    compute_with(args.threads)
    speech = read_noisy(args.data, recipe.front.spectra.rate_hz, skip_damaged=args.skip_damaged)
    _tell(speech, reply)
    model, state = fit_denoiser(
        recipe,
        speech,
        args.output,
        more_epochs=args.more_epochs,
        on_epoch=lambda row: reply.line(" ".join(f"{k} {v:.4g}" for k, v in row.items())),
    )
    write_run_model(RunModel("denoiser", model, recipe), args.output)
    kinds: dict[str, Cleaner] = {"float": lambda pairs: cleaned(model, recipe, pairs)}
    said: dict[str, Any] = {"schema": SCHEMA, "task": "denoise", "model": recipe.model, "epochs": state.epoch}
    if recipe.spiking:
        said["digest"], kinds["integer"] = _deployed(model, recipe, speech, args.output)
    for name, pairs in (("validate_gain_db", speech.validate), ("gain_db", speech.test)):
        said[name] = {}
        for kind, clean in kinds.items() if pairs else ():
            gained = gains(pairs, clean(pairs))
            said[name][kind] = {_ratio(snr_db): round(gain, 3) for snr_db, gain in gained.items()}
            part = "validation, " if name == "validate_gain_db" else ""
            reply.line(f"{part}{kind}: gain in SI-SNR " + ", ".join(_at(g, s) for s, g in gained.items()))
    draw_curves(state.rows, args.output / "curves.png")
    write_json(args.output / "summary.json", said)
    reply.fact(**said)
    reply.wrote(args.output)
    return 0


def _ratio(snr_db: float) -> str:
    return "unknown" if snr_db != snr_db else f"{snr_db:g}"


def _at(gain: float, snr_db: float) -> str:
    return f"{gain:+.2f} dB" if snr_db != snr_db else f"{gain:+.2f} at {snr_db:g} dB"


def _tell(speech: "NoisySpeech", reply: Reply) -> None:
    from snn2hw.commands.options import tell_notes

    seconds = [sum(map(len, sounds)) / speech.rate_hz for sounds in (speech.train.clean, speech.train.noise)]
    reply.line(
        f"{speech.name}: {seconds[0]:.0f} s of speech and {seconds[1]:.0f} s of noise to train with, "
        f"{len(speech.validate)} pairs to validate, {len(speech.test)} to test"
    )
    tell_notes(speech.notes, reply)


def _deployed(model: Any, recipe: "DenoiseRecipe", speech: "NoisySpeech", folder: Path) -> "tuple[str, Cleaner]":
    """Compile and write the program; return its digest, and what it makes of pairs as they stream."""
    from exporters.program_file import read_program_file
    from snn2hw.denoise.stream import denoised, hearing_of
    from snn2hw.files.rasters import write_raster
    from snn2hw.train.denoising.program import (
        calibration_of_denoiser,
        compiled_denoiser,
        output_of_one,
        write_denoiser,
    )

    compiled = compiled_denoiser(model, recipe, speech.train)
    messages = calibration_of_denoiser(recipe, speech.train)
    write_raster(folder / "calibration.npz", messages)
    path = folder / "program.nir"
    write_denoiser(compiled, recipe, output_of_one(model, compiled.program, recipe, messages), path)
    found = read_program_file(path)
    hearing = hearing_of(found, str(path))
    return compiled.program.digest, lambda pairs: [denoised(pair.noisy, found, hearing) for pair in pairs]
