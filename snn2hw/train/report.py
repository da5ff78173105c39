"""What a finished run leaves beside its checkpoint: the test raster, the front end, a summary and two pictures."""

import json
from collections.abc import Iterator
from pathlib import Path

from sim.files import atomic_write
from snn2hw.audio.corpus import Corpus
from snn2hw.audio.features import Features
from snn2hw.audio.front import FrontEnd, to_json
from snn2hw.codec.encode import encode
from snn2hw.files.rasters import write_raster
from snn2hw.purpose import purpose_of_front
from snn2hw.train.checkpoint import load_trained
from snn2hw.train.few_bits import integer_accuracy, program_in_few_bits
from snn2hw.train.fit import Finished
from snn2hw.train.network_recipe import NetworkRecipe, encoder_of
from snn2hw.train.network_size import NetworkSize
from snn2hw.train.pictures import draw_confusion, draw_curves
from snn2hw.train.recipe import recipe_to

__all__ = ["write_report"]

SCHEMA = "snn2hw.training/1"


def write_report(
    finished: Finished, recipe: NetworkRecipe, data: Features, corpus: Corpus, folder: Path, size: NetworkSize
) -> Iterator[str]:
    """Write the files; yield the lines to print."""
    encoder = encoder_of(recipe)
    front = FrontEnd(recipe.mel, data.normaliser, encoder, recipe.decoder, corpus.classes)
    _write(folder / "front.json", to_json(front))
    if recipe.spiking:
        write_raster(
            folder / "test.npz",
            encode(data.test.images[:, None], encoder),
            data.test.labels,
            recipe.decoder,
            front=purpose_of_front(to_json(front)).identity,
            classes=corpus.classes,
        )
    accuracy = finished.accuracy | _of_program(finished.checkpoint, recipe, data)
    rows = finished.rows
    summary = {
        "schema": SCHEMA,
        "corpus": corpus.name,
        "corpus_digest": corpus.digest,
        "recipe": recipe_to(recipe),
        "epochs": len(rows),
        "seconds": round(sum(row["seconds"] for row in rows), 1),
        "accuracy": accuracy,
        "confusion": finished.confusion.tolist(),
        "neurons": size.neurons,
        "synapses": size.synapses,
    }
    _write(folder / "summary.json", json.dumps(summary, indent=1))
    draw_curves(rows, folder / "curves.png")
    draw_confusion(finished.confusion, corpus.classes, folder / "confusion.png")
    tested = f"{int(finished.confusion.trace())} of {int(finished.confusion.sum())}"
    yield f"test accuracy {finished.accuracy['test']:.2%} ({tested}), validation {finished.accuracy['validate']:.2%}"
    if recipe.weight_bits is not None:
        width = recipe.weight_bits if recipe.weight_bits == "ternary" else f"{recipe.weight_bits}-bit"
        yield f"as a program of {width} weights: test accuracy {accuracy['integer']:.2%}"
    yield f"{len(rows)} epochs, {summary['seconds']} s"
    yield f"wrote {finished.checkpoint}"


def _of_program(checkpoint: Path, recipe: NetworkRecipe, data: Features) -> dict[str, float]:
    """Return what the program of a network that was trained in few bits gets right; of others nothing."""
    if recipe.weight_bits is None:
        return {}
    trained = load_trained(checkpoint)
    program = program_in_few_bits(trained, data)
    return {"integer": integer_accuracy(program, trained, data.test.images, data.test.labels)}


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
