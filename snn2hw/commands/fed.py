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
    from snn2hw.chunks.samples import SampleSet
    from snn2hw.codec.decode import Decoder

__all__ = ["FedProgram", "FedSamples", "read_fed", "read_fed_samples"]


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
        """Return how the output is read, as the raster or else the program says."""
        return _read_as(self.raster.decoder or self.purpose.decoder, self.program)


@dataclass(frozen=True, eq=False)
class FedSamples:
    """What a verb runs, and on what: samples that need not be in memory at once."""

    file: ProgramFile
    samples: "SampleSet"
    purpose: Purpose

    @property
    def program(self) -> "Program":
        """Return the program itself."""
        return self.file.program

    @property
    def decoder(self) -> "Decoder | None":
        """Return how the output is read, as the samples' files or else the program say."""
        return _read_as(self.samples.facts.decoder or self.purpose.decoder, self.program)


def _read_as(said: "Decoder | None", program: "Program") -> "Decoder | None":
    """Return what was said; a count of what never fires is its mean."""
    return "mean" if said == "count" and not program.output.fires else said


def read_fed(program: str, raster: str) -> FedProgram:
    """Read both files; refuse a raster of another front end, and say on standard error what is not known of it."""
    file = read_program_file(program)
    given = read_raster(raster, file.program.input.shape)
    purpose = purpose_in(file.attachments, program)
    for note in fit_for(purpose, given, program, raster):
        print(f"note: {note}", file=sys.stderr)
    return FedProgram(file, given, purpose)


def read_fed_samples(program: str, raster: str) -> FedSamples:
    """Do as `read_fed`, where ``raster`` may be a folder of input files too."""
    from snn2hw.chunks.samples import read_samples_of

    file = read_program_file(program)
    samples = read_samples_of(raster, file.program)
    purpose = purpose_in(file.attachments, program)
    for note in fit_for(purpose, samples.facts, program, raster):
        print(f"note: {note}", file=sys.stderr)
    return FedSamples(file, samples, purpose)
