"""What a program is for: the front end that feeds it, the classes it tells apart, how its output is read.

A `Purpose` travels with a program file as its attachment ``"purpose"``, never in the record that the digest covers: the
same registers are the same program whatever they are used for. A raster carries the identity of its front end and its
classes, so that a program is not judged on what another front end made.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.cures import one_of
from sim.errors import FileError, InputError
from snn2hw.codec.decode import DECODERS, Decoder

if TYPE_CHECKING:
    from sim.program import Json
    from snn2hw.files.rasters import Raster, RasterFacts

__all__ = [
    "ATTACHMENT",
    "UNKNOWN",
    "Purpose",
    "fit_for",
    "front_identity",
    "purpose_attachment",
    "purpose_in",
    "purpose_of_front",
    "read_purpose",
    "same_classes",
]

ATTACHMENT = "purpose"
"""The name under which a program file carries it."""

BEHIND_THE_RASTER = frozenset({"schema", "decoder", "classes"})
"""Fields of a front end that do not change the raster it makes of a sound."""


@dataclass(frozen=True)
class Purpose:
    """What a program is for; None where nobody said.

    Args:
        front: the front end as `snn2hw.audio.front.to_json` writes it, parsed.
        classes: what each neuron of the output stands for.
        decoder: how the output over time becomes one answer.
        task: what it was trained on, in words.
    """

    front: "Mapping[str, Json] | None" = None
    classes: tuple[str, ...] | None = None
    decoder: Decoder | None = None
    task: str | None = None

    @property
    def identity(self) -> str | None:
        """Return the identity of the front end."""
        return None if self.front is None else front_identity(self.front)


UNKNOWN = Purpose()
"""The purpose of a program that does not say any."""


def front_identity(front: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical JSON of all that decides which raster a front end makes of a sound."""
    decisive = {name: value for name, value in front.items() if name not in BEHIND_THE_RASTER}
    text = json.dumps(decisive, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def purpose_of_front(text: str, task: str | None = None) -> Purpose:
    """Return the purpose of a network that is fed by the front end with this JSON text."""
    front = json.loads(text)
    return Purpose(front, tuple(front["classes"]), front["decoder"], task)


def purpose_attachment(purpose: Purpose) -> dict[str, "dict[str, Json]"]:
    """Return the attachments by which a program file carries a purpose: none where nothing is known."""
    said: dict[str, Any] = {
        "front": None if purpose.front is None else dict(purpose.front),
        "classes": None if purpose.classes is None else list(purpose.classes),
        "decoder": purpose.decoder,
        "task": purpose.task,
    }
    known = {name: value for name, value in said.items() if value is not None}
    return {ATTACHMENT: known} if known else {}


def read_purpose(path: Path | str) -> Purpose:
    """Return what the program in a file is for."""
    from exporters.program_file import read_program_file

    return purpose_in(read_program_file(path).attachments, str(path))


def purpose_in(attachments: "Mapping[str, Json]", where: str) -> Purpose:
    """Return the purpose among the attachments of a program file, which ``where`` names in an error."""
    said = attachments.get(ATTACHMENT)
    if said is None:
        return UNKNOWN
    if not isinstance(said, dict):
        raise _damaged(where, "is no record")
    front, classes, decoder, task = (said.get(name) for name in ("front", "classes", "decoder", "task"))
    if not (front is None or isinstance(front, dict)):
        raise _damaged(where, "has a front end that is no record")
    if classes is not None and not (isinstance(classes, list) and all(isinstance(c, str) for c in classes)):
        raise _damaged(where, "has classes that are no list of texts")
    if decoder is not None and decoder not in DECODERS:
        raise _damaged(where, f"has decoder {decoder!r}, not {one_of(str(decoder), DECODERS)}")
    if not (task is None or isinstance(task, str)):
        raise _damaged(where, "has a task that is no text")
    names = None if classes is None else tuple(str(c) for c in classes)
    return Purpose(front, names, decoder, task)


def _damaged(where: str, what: str) -> FileError:
    return FileError(f"{where}: the attachment {ATTACHMENT!r} {what}", "compile the network again")


def fit_for(purpose: Purpose, raster: "Raster | RasterFacts", program: str, where: str) -> tuple[str, ...]:
    """Refuse a raster that another front end made; return what cannot be known, in words.

    Where neither side says anything there is nothing to compare, and nothing to say.
    """
    ours, theirs = purpose.identity, raster.front
    if ours is not None and theirs is not None and ours != theirs:
        raise InputError(
            f"{where}: made by front end {theirs[:12]}, but {program} is fed by {ours[:12]}",
            "encode with the front.json of the program's own model: snn2hw encode ... --front FRONT.json",
        )
    notes = []
    if ours is not None and theirs is None:
        notes.append(f"{where} does not say which front end made it; {program} is fed by {ours[:12]}")
    if ours is None and theirs is not None:
        notes.append(f"{where} was made by front end {theirs[:12]}; {program} does not say which one feeds it")
    if raster.labels is not None and (purpose.classes is None) != (raster.classes is None):
        silent = program if purpose.classes is None else where
        notes.append(f"{silent} does not say what its classes are; labels are taken for the numbers of the neurons")
    return tuple(notes)


def same_classes(purpose: Purpose, raster: "Raster | RasterFacts") -> bool:
    """Tell whether labels mean what the output says, as far as both say it."""
    return purpose.classes is None or raster.classes is None or purpose.classes == raster.classes
