"""A trace file written as its chunks come: each array grows in a file of its own, then all are packed into one archive.

What comes out is, byte for byte, what `snn2hw.files.rasters.write_trace` writes of the whole trace at once.
"""

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sim.files import atomic_write, check_output, scratch_folder

__all__ = ["TraceSpool", "trace_spool"]

PIECE_BYTES = 16 << 20
"""How much is packed at once: as NumPy does it."""


@dataclass
class _Growing:
    """One array on its way."""

    file: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class TraceSpool:
    """Takes the arrays of one chunk after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._arrays: dict[str, _Growing] = {}

    def add(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Append the samples of a chunk to every array."""
        for name, values in arrays.items():
            array = self._arrays.get(name)
            if array is None:
                file = self._folder / str(len(self._arrays))
                array = self._arrays[name] = _Growing(file, (0, *values.shape[1:]), values.dtype)
            with array.file.open("ab") as handle:
                np.ascontiguousarray(values).tofile(handle)
            array.shape = (array.shape[0] + len(values), *array.shape[1:])

    def write(self, path: Path | str, digest: str) -> None:
        """Pack all of it."""
        with atomic_write(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            with _member(archive, "digest") as member:
                np.lib.format.write_array(member, np.asarray(digest), allow_pickle=False)
            for name, array in self._arrays.items():
                header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False}
                with _member(archive, name) as member, array.file.open("rb") as handle:
                    np.lib.format.write_array_header_1_0(member, {**header, "shape": array.shape})
                    while piece := handle.read(PIECE_BYTES):
                        member.write(piece)


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    return archive.open(f"{name}.npy", "w", force_zip64=True)


@contextmanager
def trace_spool(path: Path | str) -> Iterator[TraceSpool]:
    """Make a spool beside the file that is to be written; it goes with the block."""
    with scratch_folder(".snn2hw-trace-", check_output(path).parent) as folder:
        yield TraceSpool(folder)
