"""Writing HDF5: made in memory, then written as any other file.

Where a disk is full, the HDF5 library cannot close what it could not write: it reports hundreds of lines and may end
the process. So it never sees the disk.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sim.files import fill_file

if TYPE_CHECKING:
    import h5py

__all__ = ["write_hdf5"]

GROWTH_BYTES = 1 << 20
"""By how much the image in memory grows at a time."""


def write_hdf5(draft: Path, fill: "Callable[[h5py.File], object]") -> None:
    """Write the HDF5 file that ``fill`` puts together to a draft."""
    import h5py

    with h5py.File("in memory", "w", driver="core", backing_store=False, block_size=GROWTH_BYTES) as file:
        fill(file)
        file.flush()
        image: bytes = file.id.get_file_image()
    fill_file(draft, image)
