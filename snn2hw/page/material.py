"""What a report is made of: a program, and whatever was made of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from shlex import quote
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.layer_names import layer_names
from sim.program import INPUT, Program
from snn2hw.chips.target import TARGETS, Target, get_target
from snn2hw.codec.decode import Decoder
from snn2hw.codec.share import Share
from snn2hw.files.rasters import Raster
from snn2hw.page.observed import Observed, Seen
from snn2hw.purpose import UNKNOWN, Purpose

__all__ = ["Material", "Recorded", "Sounding", "UsedFile"]


@dataclass(frozen=True)
class UsedFile:
    """A file that something in the report comes from."""

    name: str
    kind: str
    sha256: str
    """Of all its bytes; the name is how commands are told it."""


Recorded = Mapping[str, Any]
"""What a JSON file of ours holds."""


@dataclass(frozen=True, eq=False)
class Sounding:
    """A sound that the program was fed: ``samples`` in [-1, 1]."""

    name: str
    samples: NDArray[np.float32]
    rate_hz: int
    label: str | None = None


@dataclass(frozen=True, eq=False)
class Material:
    """A program, and what was found beside it; what nobody gave is None or empty."""

    program: Program
    name: str
    attachments: Mapping[str, Any] = field(default_factory=dict)
    purpose: Purpose = UNKNOWN
    verdict: Recorded | None = None
    energy: Recorded | None = None
    placement: Recorded | None = None
    accuracy: Mapping[str, Share] = field(default_factory=dict)
    """How often each network is right: ``float``, ``integer``, ``ann``."""
    judged_on: str = ""
    raster: Raster | None = None
    observed: Observed | None = None
    seen: tuple[Seen, ...] = ()
    labels: tuple[str | None, ...] = ()
    """What each seen sample is."""
    sounds: tuple[Sounding | None, ...] = ()
    """What each seen sample sounds like."""
    files: tuple[UsedFile, ...] = ()
    given: tuple[str, ...] = ()
    """The files and folders that were named."""
    left_out: tuple[str, ...] = ()
    made_by: str = ""
    """The command that made the program, where that is on record."""

    @cached_property
    def target(self) -> Target | None:
        """Return the chip that the program was compiled for, or else placed on; None where none is known to us."""
        said = self.program.record.get("compiler")
        name = said.get("target") if isinstance(said, dict) else None
        if name is None and self.placement is not None:
            name = self.placement["target"]
        return get_target(name) if isinstance(name, str) and name in TARGETS else None

    @cached_property
    def layers(self) -> Mapping[str, str]:
        """Return what the page calls the input and every population, by their names in the program."""
        return layer_names(self.program)

    def layer(self, name: object) -> str:
        """Return what the page calls a population that a file names."""
        return self.layers.get(str(name), str(name))

    def in_words(self, text: str) -> str:
        """Return a sentence of others in which populations stand by their names, with what the page calls them."""
        return re.sub(r"'([^']+)'", lambda found: self.layers.get(found[1], found[0]), text)

    @property
    def chip(self) -> str:
        """Return what the chip is called."""
        return "a chip that its record does not name" if self.target is None else self.target.title

    @property
    def neurons(self) -> int:
        """Return the neurons of all populations."""
        return sum(p.size for p in self.program.populations)

    @property
    def decoder(self) -> Decoder:
        """Return how the output becomes an answer, as input or program says; else as `snn2hw run` chooses."""
        said = (self.raster.decoder if self.raster is not None else None) or self.purpose.decoder
        if said == "count" and not self.program.output.fires:
            return "mean"
        return said or ("count" if self.program.output.fires else "max")

    @property
    def classes(self) -> tuple[str, ...]:
        """Return what each output stands for; its number where nobody says."""
        named = self.purpose.classes or (self.raster.classes if self.raster is not None else None)
        return named if named and len(named) == self.program.output.size else ()

    @property
    def program_file(self) -> str:
        """Return the name under which commands are told the program."""
        return next((quote(f.name) for f in self.files if f.kind == "program"), "P.nir")

    @property
    def input_file(self) -> str:
        """Return the name under which commands are told the input."""
        return next((quote(f.name) for f in self.files if f.kind == "input"), "X.npz")

    def sources(self, population: str) -> tuple[str, ...]:
        """Return what a population reads, as the page calls it, each once."""
        return tuple(dict.fromkeys(self.layers[c.source] for c in self.program.by_name[population].inputs))

    @property
    def graded(self) -> bool:
        """Whether the input holds more than spikes."""
        return self.program.input.hi > 1 or self.program.input.lo < 0

    @property
    def input_name(self) -> str:
        """Return how connections call the input."""
        return INPUT
