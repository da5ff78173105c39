"""Files of tensors and plain values: written whole or not at all, read without unpickling anything else.

torch writes a zip archive and does not look at its check sums when it reads one, so a damaged weight would be another
weight. Here every entry is read and its CRC-32 checked first, and torch is given nothing but these entries: two readers
of one archive may take a damaged directory for different things.
"""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

from sim.errors import FileError
from sim.files import atomic_write

__all__ = ["read_tensors", "write_tensors"]


def write_tensors(path: Path, values: dict[str, Any]) -> None:
    """Write tensors and plain values atomically."""
    import torch

    with atomic_write(path) as temporary, temporary.open("wb") as handle:
        torch.save(values, handle)


def read_tensors(path: Path, kind: str, fix: str) -> dict[str, Any]:
    """Read what `write_tensors` wrote onto the CPU; ``kind`` and ``fix`` are what an error says of any other file."""
    import torch

    checked = _checked(path, kind, fix)
    try:
        values = torch.load(checked, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        first = (str(error).splitlines() or ["it ends too early"])[0]
        raise FileError(f"{path}: not a {kind} ({first})", fix) from None
    if not isinstance(values, dict):
        raise FileError(f"{path}: not a {kind}", fix)
    return values


def _checked(path: Path, kind: str, fix: str) -> io.BytesIO:
    """Return the archive with its entries as they were written; older formats of torch are not read at all."""
    whole = io.BytesIO()
    try:
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(whole, "w") as copy:
            for entry in archive.infolist():
                if entry.compress_type != zipfile.ZIP_STORED:
                    raise FileError(f"{path}: not a {kind} (torch compresses nothing)", fix)
                copy.writestr(entry.filename, archive.read(entry))
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError, NotImplementedError) as error:
        raise FileError(f"{path}: not a {kind}, or a damaged one ({error})", fix) from None
    whole.seek(0)
    return whole
