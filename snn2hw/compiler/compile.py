"""Everything between a float network and a Program, in this order: lower, judge, calibrate, quantise, certify."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from sim.errors import InputError, UnsupportedError
from sim.program import Program
from snn2hw.chips.limits import judge, refuse_beyond
from snn2hw.chips.target import Target, get_target
from snn2hw.compiler.assemble import assemble
from snn2hw.compiler.calibrate import Prepared, Ranges, calibrate, integers, uncalibrated
from snn2hw.compiler.certify import Certificate, certify
from snn2hw.compiler.given import given_registers
from snn2hw.compiler.grid import leveled
from snn2hw.compiler.options import PER, USUAL, BiasPolicy, Bits, Chosen, Method, Options
from snn2hw.compiler.quantize import Quantized, bits_by_layer, quantize_layer
from snn2hw.compiler.registers import NoRegisterError
from snn2hw.network.network import Network
from snn2hw.network.registers import RealMachine, RealPopulation, machine_of
from snn2hw.problems import refuse

if TYPE_CHECKING:
    from snn2hw.sources import Source

__all__ = ["Compiled", "Prepared", "Progress", "build", "compile", "compile_source", "prepare"]

Progress = Callable[[str, int, int], object]
"""Called with the stage ("calibrate", "quantize", "certify"), the part done and the whole."""


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
    """
    options = Options(weight_bits=weight_bits, scale=scale, method=method, per=per, bias=bias, steps=steps)
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
    machine = machine_of(source)
    options = replace(options or USUAL, **chosen)
    prepared = prepare(machine, get_target(target), data, options=options, progress=progress)
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
    network = machine.network
    rasters = None if data is None else integers(network, data)
    messages = _messages(rasters, options)
    refuse(network.origin, judge(network, machine, target, messages=messages, bits=options.weight_bits))
    if rasters is None:
        ranges = uncalibrated(machine, messages, options.steps)
    else:
        ranges = calibrate(machine, rasters, messages, progress=_stage("calibrate", progress))
        ranges = replace(ranges, steps=options.steps or ranges.steps)
    if options.levels is not None:
        machine = leveled(machine, options.levels)
    return Prepared(machine, ranges, target, options)


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
    chosen = bits_by_layer(prepared.machine, prepared.options.weight_bits, prepared.target)
    advance = _stage("quantize", progress)
    layers: list[Quantized] = []
    for index, layer in enumerate(prepared.machine.populations):
        advance(index, len(prepared.machine.populations))
        taken = None if known is None else known.get(layer.name)
        layers.append(taken or _quantized(prepared, layer, chosen[layer.name]))
    for made in layers:
        refuse_beyond(made.population, prepared.target)
    advance = _stage("certify", progress)
    advance(0, 1)
    program = assemble(prepared, layers)
    certificate = certify(program, prepared.ranges.steps)
    advance(1, 1)
    return Compiled(program, certificate, prepared, tuple(layers))


def _quantized(prepared: Prepared, layer: RealPopulation, bits: Bits) -> Quantized:
    scale = prepared.options.scale
    try:
        if scale == "auto":
            return quantize_layer(prepared, layer, bits)
        return given_registers(layer, float(scale), prepared.target, bits)
    except NoRegisterError as error:
        raise UnsupportedError(f"population {layer.name!r}: {error.what}", error.fix) from None


def _messages(rasters: np.ndarray | None, options: Options) -> tuple[int, int]:
    """Return the range of the input's integers, at least 0..1; refuse one that does not hold the data."""
    low, high = (0, 1) if rasters is None else (min(0, int(rasters.min())), max(1, int(rasters.max())))
    if options.messages is None:
        return low, high
    if options.messages[0] > low or options.messages[1] < high:
        what = f"messages {options.messages[0]}..{options.messages[1]}, the calibration data holds {low}..{high}"
        raise InputError(what, "give a range that holds the data")
    return options.messages


def _stage(name: str, progress: Progress | None) -> Callable[[int, int], object]:
    """Return the function to which one stage reports."""
    return (lambda done, whole: None) if progress is None else lambda done, whole: progress(name, done, whole)
