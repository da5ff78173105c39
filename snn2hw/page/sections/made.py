"""How was it made? Versions, digests, files, and the commands that make it again."""

import json
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from shlex import quote

from snn2hw.page.dossier import Cell, Column, Section, Table
from snn2hw.page.material import Material

__all__ = ["made_section", "versions"]

PACKAGES = ("snn2hw", "numpy", "numba", "nir", "onnxruntime")
LONGEST = 400
"""Characters of a value of the record; longer ones are cut."""


def versions() -> dict[str, str]:
    """Return the versions of what made the report."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def made_section(material: Material) -> Section:
    """Return what is needed to make all of it again."""
    facts = (Column("what", "What"), Column("value", "Value"))
    file_columns = (Column("file", "File"), Column("kind", "Holds"), Column("sha256", "SHA-256"))
    files = tuple((f.name, f.kind, f.sha256) for f in material.files)
    commands = tuple((command,) for command in _commands(material))
    said = ["One digest goes through everything here: what was made of another program was left out or refused."]
    said += [f"Left out: {text}." for text in material.left_out]
    return Section(
        "made",
        "How it was made",
        "How was it made?",
        said=tuple(said),
        tables=(
            Table("made.commands", "Commands to repeat it", (Column("command", "Command", "command"),), commands),
            Table("made.facts", "Program and versions", facts, tuple(_facts(material))),
            *([Table("made.files", "Files", file_columns, files)] if files else []),
        ),
    )


def _facts(material: Material) -> Iterator[tuple[Cell, ...]]:
    program = material.program
    yield "Program", material.name
    yield "Digest of the program", program.digest
    yield "Arithmetic", program.arithmetic
    if material.target is not None:
        yield "Chip", f"{material.target.title} ({material.target.name})"
    if material.purpose.task:
        yield "Task", material.purpose.task
    if material.purpose.identity:
        yield "Front end", material.purpose.identity
    for name, value in program.record.items():
        if name not in ("scales", "notes"):
            text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
            yield f"Record: {name}", text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    if material.verdict is not None:
        yield "Input of the verdict (SHA-256)", str(material.verdict["input_sha256"])
    for name, found in versions().items():
        yield f"Version of {name}", found


def _commands(material: Material) -> Iterator[str]:
    """Yield what to type, with what is known filled in."""
    program, given = material.program_file, material.input_file
    target = material.target.name if material.target else "T"
    yield material.made_by or f"snn2hw compile MODEL --target {target} --data calibration.npz -o {program}"
    if material.observed is not None:
        yield f"snn2hw run {program} --input {given} --record spikes,u,v -o trace.npz"
    if (verdict := material.verdict) is not None:
        names = ",".join(str(row["executor"]) for row in verdict["rows"])
        fed = f"{program} --input {given} --samples {verdict['samples']}"
        yield f"snn2hw verify {fed} --against {names} -o verdict.json"
    if (placement := material.placement) is not None:
        how = f"--target {quote(placement['target'])} --placer {quote(placement['placer'])}"
        yield f"snn2hw place {program} {how} -o place.json"
    if (energy := material.energy) is not None:
        ann = f" --ann {quote(energy['ann']['file'])}" if energy["ann"] else ""
        yield f"snn2hw energy {program} --input {given} --samples {energy['samples']}{ann} -o energy.json"
    yield f"snn2hw report {' '.join(map(quote, material.given)) or program} -o report.html"
