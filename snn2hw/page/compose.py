"""From the material to the dossier: every section, and the short answers on top."""

from collections.abc import Iterator

from snn2hw.page.dossier import Dossier, Section, ShortAnswer, Tone
from snn2hw.page.material import Material
from snn2hw.page.sections.accuracy import accuracy_section
from snn2hw.page.sections.activity import activity_section
from snn2hw.page.sections.energy import band_of, energy_section
from snn2hw.page.sections.examples import examples_section
from snn2hw.page.sections.graph import graph_section
from snn2hw.page.sections.latency import latency_section, steps_of
from snn2hw.page.sections.made import made_section, versions
from snn2hw.page.sections.quantisation import quantisation_section
from snn2hw.page.sections.resources import fit_said, resources_section
from snn2hw.page.sections.verdict import agreement, executors_by, verdict_section
from snn2hw.page.wording import listed, plural, written
from snn2hw.placement.timing import is_seen

__all__ = ["answers_of", "dossier_of"]

SECTIONS = (
    verdict_section,
    accuracy_section,
    resources_section,
    latency_section,
    energy_section,
    activity_section,
    quantisation_section,
    graph_section,
    examples_section,
    made_section,
)
"""In the order of the page."""


def dossier_of(material: Material) -> Dossier:
    """Return the whole report."""
    sections = tuple(section(material) for section in SECTIONS)
    answers = (*answers_of(material), _whole(sections))
    return Dossier(
        digest=material.program.digest,
        title=material.name,
        headline=_headline(material, answers),
        answers=answers,
        sections=sections,
        made=versions(),
    )


def _whole(sections: tuple[Section, ...]) -> ShortAnswer:
    """Return what was not run."""
    question = "What is missing?"
    missing = [(section, part) for section in sections for part in section.missing]
    if not missing:
        said = (
            "Every part that a report can hold is here. Times and energies in it are estimates: no chip was measured."
        )
        word = "Nothing"
        return ShortAnswer("answer.missing", question, word=word, tone="good", said=said, section="made")
    names = listed([f"{part.what[0].lower()}{part.what[1:]}" for _, part in missing], most=4)
    return ShortAnswer(
        id="answer.missing",
        question=question,
        word=plural(len(missing), "part"),
        tone="unknown",
        said=f"Not here, each with the command that adds it: {names}.",
        section=missing[0][0].id,
    )


def answers_of(material: Material) -> tuple[ShortAnswer, ...]:
    """Return what a reader asks first, answered."""
    return tuple(_answers(material))


def _answers(material: Material) -> Iterator[ShortAnswer]:
    yield ShortAnswer("answer.same", "Is it the same network?", *_same(material), "verdict")
    yield ShortAnswer("answer.right", "How often is it right?", *_right(material), "accuracy")
    yield ShortAnswer("answer.fits", "Does it fit the chip?", *_fits(material), "resources")
    yield ShortAnswer("answer.time", "How long does it take?", *_time(material), "latency")
    yield ShortAnswer("answer.energy", "What does it cost?", *_energy(material), "energy")


def _same(material: Material) -> tuple[str, Tone, str]:
    verdict = material.verdict
    if verdict is None:
        return "Not known", "unknown", "No executor has been compared with the definition yet."
    equal, differs = executors_by(verdict, "equal"), executors_by(verdict, "differs")
    silent = executors_by(verdict, "refused", "unavailable", "failed")
    beside = f" Nothing can be said of {listed(silent)}." if silent else ""
    if differs:
        return "No", "bad", f"{listed(differs)} do not compute what the definition says.{beside}"
    if not equal:
        return "Not known", "unknown", f"No executor could be compared.{beside}"
    values = max(int(row["values"]) for row in verdict["rows"] if row["status"] == "equal")
    tone: Tone = "mixed" if silent else "good"
    over = f"{plural(verdict['samples'], 'sample')} of {plural(verdict['steps'], 'step')}"
    share = agreement(material)
    floats = "" if share is None else f" Of all spike decisions {written(share, 'percent')} are the float network's."
    said = (
        f"{values:,} spikes and states of {over} are equal on {listed(equal)}, programs on this machine, no chip."
        f"{beside}{floats}"
    )
    return "Yes, bit for bit", tone, said


def _right(material: Material) -> tuple[str, Tone, str]:
    share = material.accuracy.get("integer")
    if share is None:
        return "Not known", "unknown", "No labelled input was given."
    low, high = (written(end, "percent") for end in share.interval)
    floats = material.accuracy.get("float")
    beside = f"; the float network {written(floats.accuracy, 'percent')}" if floats is not None else ""
    worse = floats is not None and share.interval[1] < floats.interval[0]
    said = f"Of {plural(share.count, 'sample')}, in integers (95 % interval {low} to {high}){beside}."
    return written(share.accuracy, "percent"), "bad" if worse else "good", said


def _fits(material: Material) -> tuple[str, Tone, str]:
    placement = material.placement
    if placement is not None:
        chips = int(placement["chips"])
        said = f"{fit_said(placement)}."
        return ("Yes" if chips == 1 else f"On {chips} chips"), ("good" if chips == 1 else "mixed"), said
    target = material.target
    if target is None or target.core.neurons is None:
        return "Not known", "unknown", "It was not placed, and its record names no chip with known limits."
    room = target.core.neurons * (target.cores or 1)
    share = written(material.neurons / room, "percent")
    said = f"{material.neurons:,} of {room:,} neurons of {target.title} ({share}); "
    if material.program.arithmetic != "loihi":
        fits = material.neurons <= room
        return ("Yes" if fits else "No"), ("good" if fits else "bad"), f"{said}compiled within its limits."
    return "Not placed", "unknown", f"{said}it was not placed on cores."


def _time(material: Material) -> tuple[str, Tone, str]:
    placement, steps = material.placement, steps_of(material)
    seconds = None if placement is None else placement["latency_s_per_step"]
    if seconds is None:
        places = placement is None and material.program.arithmetic == "loihi"
        why = "It was not placed." if places else f"No time of an operation of {material.chip} is published."
        return "Not known", "unknown", f"{why} A sample has {plural(steps, 'step')}." if steps else why
    assert placement is not None
    if not is_seen(str(placement["traffic"]["basis"])):
        said = f"A step in which every neuron fires takes at least {written(seconds, 'seconds')}; no run was counted."
        return "Not counted", "unknown", said
    if steps is None:
        return f"At least {written(seconds, 'seconds')}", "mixed", "Per step: a lower bound from published times."
    said = (
        f"Per sample of {plural(steps, 'step')} of {written(seconds, 'seconds')}: a lower bound from published times."
    )
    return f"At least {written(seconds * steps, 'seconds')}", "mixed", said


def _energy(material: Material) -> tuple[str, Tone, str]:
    """Return the band over the chip's own tables where there are some, else over all; it is an estimate either way."""
    report = material.energy
    band = None if report is None else band_of(report, "snn")
    if report is None or band is None:
        return "Not known", "unknown", "Nothing was counted and priced yet."
    chip = "" if material.target is None else material.target.name
    own = band_of(report, "snn", chip) if chip else None
    low, high = (written(end, "energy") for end in own or band)
    whole = f" ({written(band[0], 'energy')} to {written(band[1], 'energy')} over all tables)" if own else ""
    tables = f"the price tables of {material.chip}" if own else "all price tables"
    judged = [cost["outcome"] for cost in report["equal_rule"]["costs"] if cost["rule"] == "skipping"]
    beside = ""
    if judged and report["task"] is not None and report["task"]["unknown"] is None:
        wins, loses = judged.count("wins"), judged.count("loses")
        less = f" Counted by one rule, the ANN costs less under {loses} of {len(judged)} tables"
        beside = f"{less}, and more under {wins}." if wins else f"{less}."
    how = "not measured, without static power"
    return f"{low} to {high}", "mixed", f"Estimate per inference, over {tables}{whole}; {how}.{beside}"


def _headline(material: Material, answers: tuple[ShortAnswer, ...]) -> str:
    """Return the report in one sentence."""
    by_id = {answer.id: answer for answer in answers}
    same, fits, cost = (by_id[f"answer.{name}"] for name in ("same", "fits", "energy"))
    equal = [] if material.verdict is None else executors_by(material.verdict, "equal")
    said = {
        "Yes, bit for bit": f"runs bit for bit alike on {listed(equal)}",
        "No": "is NOT equal to its definition on every executor",
    }.get(same.word, "has not been compared with its definition")
    parts = [f"{plural(material.neurons, 'neuron')} for {material.chip}: the integer program {said}"]
    if (share := material.accuracy.get("integer")) is not None:
        parts.append(f"is right on {written(share.accuracy, 'percent')} of {plural(share.count, 'sample')}")
    if material.placement is not None:
        parts.append(f"takes {plural(material.placement['cores'], 'core')}")
    elif fits.word == "Yes":
        parts.append("fits the chip")
    if cost.tone != "unknown":
        parts.append(f"is estimated at {cost.word} an inference")
    return f"{listed(parts)}."
