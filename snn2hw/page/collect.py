"""From files to the material of a report: read, held against the program's digest, and run where there is an input."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from exporters.program_file import ProgramFile, read_program_file
from sim.border import foreign_errors
from sim.errors import InputError
from snn2hw.codec.decode import decide
from snn2hw.codec.share import Share
from snn2hw.files.rasters import Raster, read_raster
from snn2hw.page.compose import answers_of
from snn2hw.page.dossier import Section
from snn2hw.page.lying import Lying, lying_in, recorded_in, sha256_of
from snn2hw.page.material import Material, Recorded, Sounding, UsedFile
from snn2hw.page.observed import MOST_SAMPLES, observe, see
from snn2hw.page.render import section_html
from snn2hw.page.sections.accuracy import NETWORKS, accuracy_section
from snn2hw.page.sections.energy import energy_section
from snn2hw.page.sections.latency import latency_section
from snn2hw.page.sections.made import made_section
from snn2hw.page.sections.quantisation import quantisation_section
from snn2hw.page.sections.resources import resources_section
from snn2hw.page.sections.verdict import verdict_section
from snn2hw.page.sounds import raster_of, read_sound
from snn2hw.purpose import fit_for, purpose_in, same_classes
from snn2hw.zoo import cards

if TYPE_CHECKING:
    from snn2hw.sources import Source

__all__ = ["EXAMPLES", "collect", "with_record"]

EXAMPLES = 4
"""Samples that are shown one by one."""

READ_BY: Mapping[str, tuple[Callable[[Material], Section], ...]] = {
    "verdict": (verdict_section, made_section),
    "energy": (energy_section, made_section),
    "placement": (resources_section, latency_section, made_section),
    "accuracy": (accuracy_section,),
    "attachments": (verdict_section, quantisation_section),
}
"""What is said of a file: what cannot be said of it, is no such file."""


@dataclass(frozen=True, eq=False)
class _Fed:
    """Samples to show: each with its raster, and what is known of it."""

    rasters: list[tuple[str, NDArray[np.integer]]]
    labels: list[str | None]
    sounds: list[Sounding | None]


def collect(
    given: Iterable[Path | str], *, samples: int = MOST_SAMPLES, engine: str = "auto", source: "Source | None" = None
) -> Material:
    """Return the material in these files and folders; at most ``samples`` of the input are run.

    With ``source``, the float network that the program was made of, its accuracy on the same input is known too.
    """
    named = tuple(map(str, given))
    lying = lying_in(named)
    place = next(found for found in lying if found.kind == "program")
    file = read_program_file(place.path)
    material = _of_program(file, place)
    for found in lying:
        material = with_record(material, found)
    raster = next((found for found in lying if found.kind == "input"), None)
    sounds = [found.path for found in lying if found.kind == "sound"]
    if raster is not None:
        material = _with_input(material, raster, samples, engine)
    material = _with_examples(material, sounds, engine)
    if source is not None:
        material = _with_float(material, source, samples)
    used = [UsedFile(found.said, found.kind, sha256_of(found.path)) for found in lying]
    return replace(material, files=tuple(used), given=named)


def _of_program(file: ProgramFile, place: Lying) -> Material:
    program, where = file.program, str(place.path)
    card = next((card for card in cards() if card["digest"] == program.digest), None)
    purpose = purpose_in(file.attachments, where)
    task = purpose.task if card is None else card["task"]
    material = Material(
        program,
        place.path.stem if task is None else f"{place.path.stem}: {task}",
        attachments=file.attachments,
        purpose=purpose,
        made_by="" if card is None else card["command"],
    )
    _check(material, "attachments", where)
    if card is None:
        return material
    known = {name: _share(found["right"], found["clips"]) for name, found in card["accuracy"]["test"].items()}
    return replace(material, accuracy=known, judged_on=f"as its card says of the test part of {card['data']['name']}")


def with_record(material: Material, found: Lying) -> Material:
    """Add what a JSON file says of this program; a file of another kind adds nothing."""
    if found.kind not in ("verdict", "energy", "placement", "accuracy"):
        return material
    recorded = recorded_in(found.path)
    if recorded.get("digest") != material.program.digest:
        what = f"{found.path}: is of program {str(recorded.get('digest'))[:12]}, not of {material.program.digest[:12]}"
        if found.named:
            raise InputError(what, "make it again of this program, or leave it out")
        return replace(material, left_out=(*material.left_out, what))
    with foreign_errors(found.path, f"is no file of the kind {found.kind!r}", "make it again"):
        more = _of_record(material, found.kind, recorded)
    _check(more, found.kind, str(found.path))
    return more


def _of_record(material: Material, kind: str, recorded: Recorded) -> Material:
    match kind:
        case "accuracy":
            networks = recorded["networks"]
            known = {n: _share(networks[n]["right"], networks[n]["samples"]) for n in NETWORKS if n in networks}
            return replace(material, accuracy=known, judged_on="")
        case "energy":
            task = recorded["task"]
            share = None if task is None else task["ann_accuracy"]
            if share is None or not task["samples"] or material.judged_on:
                return replace(material, energy=recorded)
            ann = {"ann": _share(round(share * task["samples"]), task["samples"])}
            return replace(material, energy=recorded, accuracy={**ann, **material.accuracy})
        case "verdict":
            return replace(material, verdict=recorded)
        case _:
            return replace(material, placement=recorded)


def _share(right: Any, count: Any) -> Share:
    if not (type(right) is int and type(count) is int and 0 <= right <= count and count):
        raise ValueError(f"{right!r} of {count!r} is no share")
    return Share(right, count)


def _check(material: Material, kind: str, where: str) -> None:
    """Refuse a file of which not everything can be said that the report says of such a file."""
    with foreign_errors(where, f"is no file of the kind {kind!r}", "make it again"):
        for section in READ_BY[kind]:
            section_html(section(material))
        answers_of(material)


def _with_input(material: Material, found: Lying, samples: int, engine: str) -> Material:
    raster = read_raster(found.path, material.program.input.shape)
    notes = fit_for(material.purpose, raster, material.name, str(found.path))
    kept = Raster(
        raster.spikes[:samples],
        None if raster.labels is None else raster.labels[:samples],
        raster.decoder,
        raster.front,
        raster.classes,
    )
    more = replace(material, raster=kept, observed=observe(material.program, kept.spikes, engine))
    right = _right_answers(more)
    accuracy = material.accuracy
    if right is not None and (accuracy.get("integer") is None or material.judged_on):
        others = {} if material.judged_on else accuracy
        accuracy, more = {**others, "integer": right}, replace(more, judged_on="")
    return replace(more, accuracy=accuracy, left_out=(*material.left_out, *notes))


def _right_answers(material: Material) -> Share | None:
    """Return how often the program was right on its input; None where that cannot be judged."""
    raster, observed = material.raster, material.observed
    if raster is None or observed is None or raster.labels is None or not same_classes(material.purpose, raster):
        return None
    if material.program.output.size < 2:
        return None
    answers = decide(observed.output, material.decoder)
    return Share(int((answers == raster.labels).sum()), len(answers))


def _with_examples(material: Material, paths: Sequence[Path], engine: str) -> Material:
    fed = _of_sounds(material, paths) if paths else None
    if fed is None:
        fed = _of_raster(material)
    elif material.observed is None:
        material = _with_sounds_counted(material, [raster for _, raster in fed.rasters], engine)
    seen = see(material.program, fed.rasters, engine)
    return replace(material, seen=seen, labels=tuple(fed.labels), sounds=tuple(fed.sounds))


def _with_sounds_counted(material: Material, rasters: list[NDArray[np.integer]], engine: str) -> Material:
    """Count activity over the sounds, where there is no other input: over as many steps as the shortest has."""
    steps = min(map(len, rasters))
    counted = observe(material.program, np.stack([raster[:steps] for raster in rasters]), engine)
    longer = sum(len(raster) > steps for raster in rasters)
    notes = (f"what {longer} longer sounds hold after step {steps}, in counts of activity",) if longer else ()
    return replace(material, observed=counted, left_out=(*material.left_out, *notes))


def _of_raster(material: Material) -> _Fed:
    raster = material.raster
    if raster is None:
        return _Fed([], [], [])
    chosen = range(min(EXAMPLES, len(raster.spikes)))
    labels = [None if raster.labels is None else _class_name(material, int(raster.labels[i])) for i in chosen]
    rasters = [(f"sample {i}" if labels[i] is None else f"sample {i}: {labels[i]}", raster.spikes[i]) for i in chosen]
    return _Fed(rasters, labels, [None for _ in chosen])


def _class_name(material: Material, label: int) -> str:
    return material.classes[label] if 0 <= label < len(material.classes) else f"output {label}"


def _of_sounds(material: Material, paths: Sequence[Path]) -> _Fed | None:
    """Return what the program's front end makes of the sounds, or None where it has none."""
    front = material.purpose.front
    if front is None:
        return None
    sounds = [read_sound(path, front, material.classes) for path in paths[:EXAMPLES]]
    rasters = [(sound.name, raster_of(sound, front, material.program.input.shape)) for sound in sounds]
    return _Fed(rasters, [sound.label for sound in sounds], list(sounds))


def _with_float(material: Material, source: "Source", samples: int) -> Material:
    """Add how often the float network is right on the same samples."""
    from snn2hw.compiler.answers import float_answers
    from snn2hw.network.registers import machine_of

    raster = material.raster
    if raster is None or raster.labels is None:
        raise InputError("the float network has no labelled input to be judged on", "add X.npz with labels")
    shaped = raster.spikes.reshape(*raster.spikes.shape[:2], *source.input_shape)
    answers = float_answers(machine_of(source).network, shaped, material.decoder).argmax(axis=1)
    share = Share(int((answers == raster.labels).sum()), len(answers))
    return replace(material, accuracy={**material.accuracy, "float": share})
