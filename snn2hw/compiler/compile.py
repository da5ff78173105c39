"""Everything between a float network and a Program, in this order: lower, judge, calibrate, quantise, certify."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from numpy.typing import ArrayLike

from sim.arithmetic.registry import require_arithmetic
from sim.program import Program
from snn2hw.chips.limits import judge
from snn2hw.chips.rewrite import machine_for
from snn2hw.chips.target import Target, get_target
from snn2hw.compiler.assemble import assemble
from snn2hw.compiler.calibrate import Prepared, Progress, Ranges, calibrate, fed
from snn2hw.compiler.certify import Certificate, certify
from snn2hw.compiler.grid import leveled
from snn2hw.compiler.options import PER, USUAL, BiasPolicy, Bits, Chosen, Method, Options
from snn2hw.compiler.quantize import quantize
from snn2hw.compiler.quantized import Quantized
from snn2hw.compiler.trial import trial_of
from snn2hw.compiler.xylo.quantize import quantize_xylo
from snn2hw.network.network import Network
from snn2hw.network.registers import RealMachine
from snn2hw.problems import refuse

if TYPE_CHECKING:
    from snn2hw.sources import Source

__all__ = ["Compiled", "Prepared", "Progress", "build", "compile", "compile_source", "prepare"]

Quantiser = Callable[[Prepared, Progress, Mapping[str, Quantized] | None], list[Quantized]]

QUANTISERS: Mapping[str, Quantiser] = {"loihi": quantize, "xylo": quantize_xylo}
"""By arithmetic, what chooses its registers."""


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

    @property
    def target(self) -> Target:
        """Return the chip."""
        return self.prepared.target

    @property
    def options(self) -> Options:
        """Return what the user chose."""
        return self.prepared.options


def compile(
    source: "Source",
    target: str | Path | Target = "loihi1",
    data: ArrayLike | None = None,
    *,
    weight_bits: Bits | Mapping[str, Bits] = USUAL.weight_bits,
    scale: float | Literal["auto"] = USUAL.scale,
    method: Method = USUAL.method,
    per: PER = USUAL.per,
    bias: BiasPolicy = USUAL.bias,
    steps: int | None = USUAL.steps,
    rewrite: bool = USUAL.rewrite,
) -> Program:
    """Return the integer program of a float network for a chip.

    Args:
        source: any Source.
        target: a name in `snn2hw.chips.target.TARGETS`, a TOML file, or a Target.
        data: rasters (B, T, *input shape), integers: what the network will see. Without it all inputs count alike.
        weight_bits: bits of every weight, "ternary", or a mapping from population names to either.
        scale: "auto", or mantissas per unit of weight; 1: registers as given.
        method: how the greatest weights are treated: "mse", "max" or "percentile".
        per: what shares a scale: "channel" or "layer".
        bias: how a bias passes a synaptic filter: "axon", "preset" or "register".
        steps: the longest sample that is certified; that of ``data`` unless given.
        rewrite: say what the target lacks in other words where there are any; the record says which, and the cost.
    """
    options = Options(
        weight_bits=weight_bits, scale=scale, method=method, per=per, bias=bias, steps=steps, rewrite=rewrite
    )
    return compile_source(source, target, data, options=options).program


def compile_source(
    source: "Source",
    target: str | Path | Target = "loihi1",
    data: ArrayLike | None = None,
    *,
    options: Options | None = None,
    progress: Progress | None = None,
    **chosen: Unpack[Chosen],
) -> Compiled:
    """Return the program, its certificate and every choice; what is ``chosen`` by name goes before ``options``."""
    options, chip = replace(options or USUAL, **chosen), get_target(target)
    machine = machine_for(source, chip, rewrite=options.rewrite)
    prepared = prepare(machine, chip, data, options=options, progress=progress)
    return build(prepared, progress=progress)


def prepare(
    machine: RealMachine,
    target: Target,
    data: ArrayLike | None = None,
    *,
    options: Options = USUAL,
    progress: Progress | None = None,
) -> Prepared:
    """Judge and calibrate."""
    require_arithmetic(target.arithmetic, QUANTISERS, "the compiler", fix="choose a target of another arithmetic")
    given = fed(machine.network, data, options)
    problems = judge(machine.network, machine, target, messages=given.messages, bits=options.weight_bits)
    refuse(machine.network.origin, problems)
    ranges = calibrate(machine, given, progress or _silent)
    if options.levels is not None:
        machine = leveled(machine, options.levels)
    trial = trial_of(machine, given.rasters) if target.arithmetic == "loihi" else None
    return Prepared(machine, ranges, target, options, rasters=given.rasters, trial=trial)


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
    report = progress or _silent
    layers = QUANTISERS[prepared.target.arithmetic](prepared, report, known)
    program = assemble(prepared, layers)
    report("certify", 0, 1)
    certificate = certify(program, prepared.ranges.steps)
    report("certify", 1, 1)
    return Compiled(program, certificate, prepared, tuple(layers))


def _silent(stage: str, done: int, whole: int) -> None:
    """Report nothing."""
