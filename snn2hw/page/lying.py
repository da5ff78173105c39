"""Which files there are to report on: by name, or whatever lies in a folder, each told by its content."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from exporters.program_file import is_program_file
from sim.border import JSON_BYTES, open_plain, parse_json, read_bytes
from sim.errors import InputError
from snn2hw.costs.report import SCHEMA as ENERGY
from snn2hw.page.material import Recorded
from snn2hw.placement.placement import SCHEMA as PLACEMENT
from snn2hw.verification.verdict import SCHEMA as VERDICT
from snn2hw.zoo import located

__all__ = ["ACCURACY", "Kind", "Lying", "kind_of", "lying_in", "recorded_in", "sha256_of"]

ACCURACY = "snn2hw.accuracy/1"
"""``{"schema", "digest", "networks": {"float": {"right", "samples"}}}``: shares of right answers."""

Kind = Literal["program", "input", "sound", "verdict", "energy", "placement", "accuracy", "ann"]

SCHEMAS: dict[str, Kind] = {VERDICT: "verdict", ENERGY: "energy", PLACEMENT: "placement", ACCURACY: "accuracy"}
SUFFIXES: dict[str, Kind] = {
    ".npz": "input",
    ".onnx": "ann",
    ".wav": "sound",
    ".flac": "sound",
    ".ogg": "sound",
}
MOST_FILES = 2000
"""Files of a folder that are looked at."""
FIX = "name a program, an input (.npz), sounds, or JSON files of verify, energy and place"


@dataclass(frozen=True)
class Lying:
    """One file, and what it holds."""

    path: Path
    kind: Kind
    said: str
    """How commands are told it."""
    named: bool
    """Whether it was named itself, not found in a folder: then nothing in it is passed over."""


def lying_in(given: Iterable[Path | str]) -> list[Lying]:
    """Return the files that were named, and of every folder that was those that are ours, by content."""
    found: list[Lying] = []
    for name in given:
        path = Path(located(str(name)))
        if path.is_dir():
            inside = [Lying(place, kind, str(place), named=False) for place, kind in _inside(path)]
            if not inside:
                raise InputError(f"{path}: a folder without anything that a report is made of", FIX)
            found += inside
        else:
            kind = kind_of(path)
            if kind is None:
                open_plain(path, FIX).close()
                raise InputError(f"{path}: is nothing that a report is made of", FIX)
            found.append(Lying(path, kind, str(name), named=True))
    return _unambiguous(list({lying.path.resolve(): lying for lying in found}.values()))


def _inside(folder: Path) -> Iterator[tuple[Path, Kind]]:
    for path in sorted(p for p in folder.iterdir() if p.is_file())[:MOST_FILES]:
        kind = kind_of(path)
        if kind is not None:
            yield path, kind


def kind_of(path: Path) -> Kind | None:
    """Return what a file holds, None where it is nothing of ours."""
    match path.suffix.lower():
        case ".nir":
            return "program" if is_program_file(path) else None
        case ".json":
            try:
                found = recorded_in(path)
            except InputError:
                return None
            return SCHEMAS.get(str(found.get("schema")))
        case suffix:
            return SUFFIXES.get(suffix)


def recorded_in(path: Path) -> Recorded:
    """Return the object that a JSON file holds."""
    fix = "write it again with snn2hw verify, energy or place"
    found: Any = parse_json(read_bytes(path, JSON_BYTES, fix), str(path), fix)
    if not isinstance(found, dict):
        raise InputError(f"{path}: holds no object", fix)
    return found


def sha256_of(path: Path) -> str:
    """Return the digest of a file's bytes."""
    found = hashlib.sha256()
    with open_plain(path) as handle:
        while piece := handle.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


def _unambiguous(found: list[Lying]) -> list[Lying]:
    """Refuse two of what there can be one of; of inputs in a folder the one called test goes before."""
    programs = [lying for lying in found if lying.kind == "program"]
    if len(programs) != 1:
        names = ", ".join(str(lying.path) for lying in programs) or "none"
        raise InputError(f"a report is of one program, here are: {names}", "name the program file itself, P.nir")
    for kind in ("input", "verdict", "energy", "placement", "accuracy"):
        of_kind = [lying for lying in found if lying.kind == kind]
        named = [lying for lying in of_kind if lying.named]
        chosen = named or [x for x in of_kind if x.path.stem == "test"] or of_kind
        if len(chosen) > 1:
            names = ", ".join(str(lying.path) for lying in chosen)
            raise InputError(
                f"two files of the kind {kind!r}: {names}", "name the files to report on, not their folder"
            )
        found = [lying for lying in found if lying.kind != kind or lying in chosen]
    return found
