"""What the parts of a corpus are called on disk: one table for folders, CSVs and lists alike.

>>> part_named("Dev", "row 2")
'validate'
"""

from pathlib import Path

from sim.errors import InputError

__all__ = ["PART_NAMES", "is_part", "known_parts", "part_folders", "part_named"]

PART_NAMES = {
    "train": ("train", "training"),
    "validate": ("validate", "val", "dev", "validation", "valid"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""A part to every name that it goes by, in either case."""

_PART_OF = {name: part for part, names in PART_NAMES.items() for name in names}


def part_named(word: str, where: str) -> str:
    """Return the part that a word means; ``where`` is the row or the folder that an error names."""
    if (part := _PART_OF.get(word.strip().lower())) is None:
        raise InputError(f"{where}: there is no part {word!r}", f"call it one of {known_parts()}")
    return part


def is_part(word: str) -> bool:
    """Return whether a word means a part."""
    return word.strip().lower() in _PART_OF


def known_parts() -> str:
    """Return every name, as a message says them."""
    return ", ".join(_PART_OF)


def part_folders(root: Path) -> dict[str, Path]:
    """Return the folders in ``root`` that are called as parts are; two of one part are refused."""
    found: dict[str, Path] = {}
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        part = _PART_OF.get(folder.name.lower())
        if part is None or not folder.is_dir():
            continue
        if part in found:
            what = f"{root}: {found[part].name} and {folder.name} are both the part {part}"
            raise InputError(what, "put them into one folder")
        found[part] = folder
    return found
