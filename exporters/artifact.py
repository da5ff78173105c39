"""What an exporter leaves behind: a folder that is whole or absent, and a word on what its format cannot say.

    write_artifact(folder, format="c", digest=program.digest, losses=losses, fill=lambda draft: ...) -> Artifact

``fill`` writes into a draft folder beside the final one. Only when it has ended well and the manifest is written, the
draft is renamed; if it fails, the draft is removed and what stood there before still stands.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sim.border import JSON_BYTES, parse_json, read_bytes
from sim.errors import FileError, InputError
from sim.files import owned_folder, recover_folder, swap_folders
from sim.summary import Shown, Summary

__all__ = [
    "MANIFEST",
    "SCHEMA",
    "Artifact",
    "Loss",
    "check_artifact_folder",
    "check_same_program",
    "read_artifact",
    "write_artifact",
]

MANIFEST = "artifact.json"
"""The file that makes a folder ours: schema, format, digest, losses, and the SHA-256 of every other file."""

SCHEMA = "snn2hw.artifact/1"
HEX_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Loss:
    """Something the format cannot say: ``where`` (a population, or "" for the whole program) and ``what``."""

    what: str
    where: str = ""

    def __str__(self) -> str:
        """Say it in one line."""
        return f"population {self.where!r}: {self.what}" if self.where else self.what


@dataclass(frozen=True, repr=False)
class Artifact(Shown):
    """One exported program: ``files`` are POSIX paths below ``folder``, sorted, the manifest not among them.

    ``notes`` say what to know of what was just written; the manifest does not keep them.
    """

    folder: Path
    format: str
    digest: str
    files: tuple[str, ...]
    losses: tuple[Loss, ...] = ()
    notes: tuple[str, ...] = ()

    def _summary(self) -> Summary:
        return Summary(
            title=f"Artifact {self.format} of program {self.digest[:12]} in {self.folder}",
            facts=[f"files: {len(self.files)}, losses: {len(self.losses) or 'none'}"],
            rows=[
                *(("note", note) for note in self.notes),
                *(("loss", str(loss)) for loss in self.losses),
                *(("file", name) for name in self.files),
            ],
        )


def check_artifact_folder(folder: Path | str) -> Path:
    """Return the folder's path if an artifact may be put there: it is absent, empty, or an artifact of ours."""
    final = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow the last link
    recover_folder(final)
    fix = "name a new folder"
    if final.is_symlink() or (final.exists() and not final.is_dir()):
        raise InputError(f"{folder}: exists and is not a folder", fix)
    if final.is_dir() and any(final.iterdir()):
        try:
            _manifest(final)
        except FileError:
            raise InputError(f"{folder}: holds files that no exporter wrote, nothing was changed", fix) from None
    return final


def write_artifact(
    folder: Path | str,
    *,
    format: str,
    digest: str,
    fill: Callable[[Path], None],
    losses: Sequence[Loss] = (),
    notes: Sequence[str] = (),
) -> Artifact:
    """Make ``folder`` hold exactly what ``fill`` writes, and the manifest; an older artifact there is replaced."""
    final = check_artifact_folder(folder)
    made = _make_parents(final.parent)
    draft = final.with_name(f".{final.name}.{secrets.token_hex(4)}.tmp")
    try:
        with owned_folder(draft):
            fill(draft)
            hashes = {str(name): _sha256(draft / name) for name in _files(draft)}
            (draft / MANIFEST).write_text(_manifest_text(format, digest, hashes, losses), encoding="utf-8")
            swap_folders(draft, final)
    except BaseException as error:
        shutil.rmtree(draft, ignore_errors=True)
        for parent in made:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        if isinstance(error, OSError):
            raise InputError(f"{folder}: cannot be written ({error.strerror or error})", "write elsewhere") from error
        if isinstance(error, InputError) and str(draft) in error.what:
            raise InputError(error.what.replace(str(draft), str(folder)), error.fix) from error
        raise
    files = tuple(sorted(hashes))
    return Artifact(final, format, digest, files, losses=tuple(losses), notes=tuple(notes))


def read_artifact(folder: Path | str) -> Artifact:
    """Read a manifest back and hold it against the folder: a file missing, added or changed is an error."""
    root = Path(folder)
    facts = _manifest(root)
    listed: dict[str, str] = facts["files"]
    present = {str(name) for name in _files(root)} - {MANIFEST}
    for name in sorted(listed.keys() | present):
        if name not in present:
            raise FileError(f"{root}: {name} is missing", "export again")
        if name not in listed:
            raise FileError(f"{root}: {name} is not of this artifact", "remove it, or export again")
        if _sha256(root / name) != listed[name]:
            raise FileError(f"{root}: {name} has been changed since it was written", "export again")
    losses = tuple(Loss(loss["what"], loss["where"]) for loss in facts["losses"])
    return Artifact(root, facts["format"], facts["digest"], tuple(sorted(listed)), losses)


def check_same_program(folder: Path | str, format: str, digest: str) -> None:
    """Refuse to run a folder that is no artifact of this format and this program.

    The files themselves are not held against the manifest here: whoever runs them finds out what they do.
    """
    facts = _manifest(Path(folder))
    if facts["format"] != format:
        raise FileError(f"{folder}: holds a {facts['format']!r} artifact, not {format!r}", "name the right folder")
    if facts["digest"] != digest:
        what = f"{folder}: was made from program {facts['digest'][:12]}, not {digest[:12]}"
        raise FileError(what, "export this program again")


def _manifest_text(format: str, digest: str, hashes: dict[str, str], losses: Sequence[Loss]) -> str:
    facts = {
        "schema": SCHEMA,
        "format": format,
        "digest": digest,
        "losses": [{"where": loss.where, "what": loss.what} for loss in losses],
        "files": dict(sorted(hashes.items())),
    }
    return json.dumps(facts, indent=1) + "\n"


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.exists():
        raise FileError(f"{path}: cannot be read as a manifest (no such file)", "export again")
    facts = parse_json(
        read_bytes(path, JSON_BYTES, "export again"), f"{path}: cannot be read as a manifest", "export again"
    )
    if not _is_manifest(facts):
        raise FileError(f"{path}: is not a manifest of this project", "export again")
    manifest: dict[str, Any] = facts
    return manifest


def _is_manifest(facts: Any) -> bool:
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        return False
    digest, losses, files = facts.get("digest"), facts.get("losses"), facts.get("files")
    return (
        isinstance(facts.get("format"), str)
        and isinstance(digest, str)
        and HEX_DIGEST.fullmatch(digest) is not None
        and isinstance(losses, list)
        and all(isinstance(x, dict) and {type(x.get("what")), type(x.get("where"))} == {str} for x in losses)
        and isinstance(files, dict)
        and all(isinstance(value, str) for value in files.values())
    )


def _files(folder: Path) -> list[PurePosixPath]:
    return sorted(PurePosixPath(p.relative_to(folder).as_posix()) for p in folder.rglob("*") if not p.is_dir())


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _make_parents(folder: Path) -> list[Path]:
    """Make the folder and return the ones that were missing, deepest first: a failed export leaves none of them."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror})", "write elsewhere") from None
    return missing
