"""Files of tensors and plain values: written whole or not at all, read without unpickling anything else.

torch writes a zip archive and does not look at its check sums when it reads one, so a damaged weight would be another
weight. Here every entry is read and its CRC-32 checked first, and torch is given nothing but these entries: two readers
of one archive may take a damaged directory for different things.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

from sim.border import foreign_errors, read_bytes, unpacked_limit
from sim.errors import FileError
from sim.files import write_bytes

__all__ = ["read_tensors", "write_tensors"]


def write_tensors(path: Path, values: dict[str, Any]) -> None:
    """Write tensors and plain values atomically."""
    import torch

    made = io.BytesIO()  # torch's own writer ends the process where a disk is full
    torch.save(values, made)
    write_bytes(path, made.getbuffer())


def read_tensors(path: Path, kind: str, fix: str) -> dict[str, Any]:
    """Read what `write_tensors` wrote onto the CPU; ``kind`` and ``fix`` are what an error says of any other file."""
    import torch

    with foreign_errors(path, f"not a {kind}, or a damaged one", fix):
        checked = _checked(path, kind, fix)
    with foreign_errors(path, f"not a {kind}", fix):
        values = torch.load(checked, map_location="cpu", weights_only=True)
        if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
            raise FileError(f"{path}: not a {kind}", fix)
        return values


def _checked(path: Path, kind: str, fix: str) -> io.BytesIO:
    """Return the archive with its entries as they were written; older formats of torch are not read at all."""
    whole = io.BytesIO()
    data = read_bytes(path, unpacked_limit(), fix)
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(whole, "w") as copy:
        entries = archive.infolist()
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise FileError(f"{path}: not a {kind} (torch compresses nothing)", fix)
        if sum(entry.file_size for entry in entries) > len(data):
            raise FileError(f"{path}: not a {kind} (its entries share their bytes)", fix)
        for entry in entries:
            copy.writestr(entry.filename, archive.read(entry))
    whole.seek(0)
    return whole
