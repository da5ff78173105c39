"""The second half of the compiler: registers chosen, put together, and proven."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sim.program import Program
from snn2hw.compiler.assemble import assemble
from snn2hw.compiler.calibrate import Prepared, Progress, silent
from snn2hw.compiler.certify import Certificate, certify
from snn2hw.compiler.options import Bits
from snn2hw.compiler.quantisers import QUANTISERS
from snn2hw.compiler.quantized import Quantized
from snn2hw.compiler.ranges import Ranges
from snn2hw.network.network import Network
from snn2hw.network.registers import RealMachine

__all__ = ["Compiled", "build"]


@dataclass(frozen=True, eq=False)
class Compiled:
    """A program, what was proven of it, and what it was made from."""

    program: Program
    certificate: Certificate
    prepared: Prepared
    layers: tuple[Quantized, ...]

    @property
    def network(self) -> Network:
        """Return the float machine that the program stands for."""
        return self.prepared.machine.network

    @property
    def machine(self) -> RealMachine:
        """Return the registers before they were integers."""
        return self.prepared.machine

    @property
    def ranges(self) -> Ranges:
        """Return what the calibration data said."""
        return self.prepared.ranges


def build(
    prepared: Prepared,
    bits: Bits | Mapping[str, Bits] | None = None,
    *,
    known: Mapping[str, Quantized] | None = None,
    progress: Progress | None = None,
) -> Compiled:
    """Quantise and certify, with the options' bits unless others are given; ``known`` layers are taken as they are."""
    if bits is not None:
        prepared = replace(prepared, options=replace(prepared.options, weight_bits=bits))
    report = progress or silent
    layers = QUANTISERS[prepared.target.arithmetic](prepared, report, known)
    program = assemble(prepared, layers)
    report("certify", 0, 1)
    certificate = certify(program, prepared.ranges.steps)
    report("certify", 1, 1)
    return Compiled(program, certificate, prepared, tuple(layers))
