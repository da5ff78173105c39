"""A program and the raster it is fed, as two options name them, and whether one was made for the other."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.program_file import ProgramFile, read_program_file
from snn2hw.files.rasters import Raster, read_raster
from snn2hw.purpose import Purpose, fit_for, purpose_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sim.program import Program
    from snn2hw.codec.decode import Decoder

__all__ = ["FedProgram", "read_fed"]


@dataclass(frozen=True, eq=False)
class FedProgram:
    """What a verb runs, and on what."""

    file: ProgramFile
    raster: Raster
    purpose: Purpose

    @property
    def program(self) -> "Program":
        """Return the program itself."""
        return self.file.program

    @property
    def spikes(self) -> "NDArray[np.integer]":
        """Return the raster itself, (B, T, *input shape)."""
        return self.raster.spikes

    @property
    def decoder(self) -> "Decoder | None":
        """Return how the output is read, as raster or program says; a count of what never fires is its mean."""
        said = self.raster.decoder or self.purpose.decoder
        return "mean" if said == "count" and not self.program.output.fires else said


def read_fed(program: str, raster: str) -> FedProgram:
    """Read both files; refuse a raster of another front end, and say on standard error what is not known of it."""
    file = read_program_file(program)
    given = read_raster(raster, file.program.input.shape)
    purpose = purpose_in(file.attachments, program)
    for note in fit_for(purpose, given, program, raster):
        print(f"note: {note}", file=sys.stderr)
    return FedProgram(file, given, purpose)
