"""A program and the raster it is fed, as two options name them, and whether one was made for the other."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporters.program_file import ProgramFile, read_program_file
from snn2hw.files.rasters import Raster, RasterFacts, read_raster
from snn2hw.purpose import Purpose, fit_for, purpose_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sim.program import Program
    from snn2hw.chunks.samples import SampleSet
    from snn2hw.codec.decode import Decoder

__all__ = ["FedFile", "FedProgram", "FedSamples", "read_fed", "read_fed_samples"]


@dataclass(frozen=True, eq=False)
class FedFile:
    """What a verb runs: a program out of a file, and what it is for."""

    file: ProgramFile
    purpose: Purpose

    @property
    def program(self) -> "Program":
        """Return the program itself."""
        return self.file.program

    def read_as(self, said: "Decoder | None") -> "Decoder | None":
        """Return how the output is read, by default as the program says; what never fires has a mean for a count."""
        rule = said or self.purpose.decoder
        return "mean" if rule == "count" and not self.program.output.fires else rule


@dataclass(frozen=True, eq=False)
class FedProgram(FedFile):
    """What a verb runs, and on what."""

    raster: Raster

    @property
    def spikes(self) -> "NDArray[np.integer]":
        """Return the raster itself, (B, T, *input shape)."""
        return self.raster.spikes

    @property
    def decoder(self) -> "Decoder | None":
        """Return how the output is read, as the raster or else the program says."""
        return self.read_as(self.raster.decoder)


@dataclass(frozen=True, eq=False)
class FedSamples(FedFile):
    """What a verb runs, and on what: samples that need not be in memory at once."""

    samples: "SampleSet"

    @property
    def decoder(self) -> "Decoder | None":
        """Return how the output is read, as the samples' files or else the program say."""
        return self.read_as(self.samples.facts.decoder)


def read_fed(program: str, raster: str) -> FedProgram:
    """Read both files; refuse a raster of another front end, and say on standard error what is not known of it."""
    file = read_program_file(program)
    given = read_raster(raster, file.program.input.shape)
    return FedProgram(file, _fitting(file, given, program, raster), given)


def read_fed_samples(program: str, raster: str) -> FedSamples:
    """Do as `read_fed`, where ``raster`` may be a folder of input files too."""
    from snn2hw.chunks.samples import read_samples_of

    file = read_program_file(program)
    samples = read_samples_of(raster, file.program)
    return FedSamples(file, _fitting(file, samples.facts, program, raster), samples)


def _fitting(file: ProgramFile, given: Raster | RasterFacts, program: str, raster: str) -> Purpose:
    """Return what a program is for, once what it is given was found to be for that."""
    purpose = purpose_in(file.attachments, program)
    for note in fit_for(purpose, given, program, raster):
        print(f"note: {note}", file=sys.stderr)
    return purpose
