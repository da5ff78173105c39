"""Everything between a float network and a Program: lower, calibrate, quantise, certify."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from sim.arithmetic.registry import require_arithmetic
from sim.errors import InputError, UnsupportedError
from sim.program import INPUT, Input, Json, Program
from snn2hw.chips.limits import refuse_beyond
from snn2hw.chips.target import Target, get_target
from snn2hw.compiler.calibrate import Ranges, calibrate
from snn2hw.compiler.certify import Certificate, ProvenBounds, bounds_of, certify
from snn2hw.compiler.costs import Method
from snn2hw.compiler.given import given_registers
from snn2hw.compiler.grid import Bits, most_bits
from snn2hw.compiler.levels import leveled
from snn2hw.compiler.options import PER, BiasPolicy, Options
from snn2hw.compiler.quantize import Quantized, quantize_layer
from snn2hw.compiler.record import scale_record
from snn2hw.compiler.registers import NoRegisterError
from snn2hw.network.network import Layer, Network
from snn2hw.network.reading import read_network

if TYPE_CHECKING:
    from snn2hw.sources import Source

__all__ = ["Compiled", "Prepared", "Progress", "build", "compile", "compile_source", "fitted", "prepare"]

Progress = Callable[[str, int, int], object]

ATTEMPTS = 40
"""How often the scale of a population is lowered by a tenth before the compiler gives up."""

UNCALIBRATED_STEPS = 1024

QUANTISED = ("loihi",)
"""The arithmetics whose registers the compiler chooses."""


@dataclass(frozen=True, eq=False)
class Compiled:
    """A program, what was proven of it, and what it was made from."""

    program: Program
    certificate: Certificate
    network: Network
    ranges: Ranges
    layers: tuple[Quantized, ...]
    target: Target
    options: Options


def compile(
    source: "Source",
    target: str | Path | Target = "loihi1",
    data: ArrayLike | None = None,
    *,
    weight_bits: Bits | Mapping[str, Bits] = 8,
    scale: float | Literal["auto"] = "auto",
    method: Method = "mse",
    per: PER = "channel",
    bias: BiasPolicy = "axon",
    steps: int | None = None,
) -> Program:
    """Return the integer program of a float network; `compile_source` documents the options and returns more."""
    options = Options(method=method, per=per, bias=bias)
    return compile_source(
        source, target, data, weight_bits=weight_bits, scale=scale, steps=steps, options=options
    ).program


def compile_source(
    source: "Source",
    target: str | Path | Target = "loihi1",
    data: ArrayLike | None = None,
    *,
    weight_bits: Bits | Mapping[str, Bits] = 8,
    scale: float | Literal["auto"] = "auto",
    steps: int | None = None,
    messages: tuple[int, int] | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Compiled:
    """Lower, calibrate, quantise and certify.

    Args:
        source: any Source; it is lowered first.
        target: a name in `snn2hw.chips.target.TARGETS`, a TOML file, or a Target.
        data: rasters (B, T, *input shape), integers: what the network will see. Without it all inputs count alike.
        weight_bits: bits of every weight, "ternary", or a mapping from population names to either.
        scale: "auto", or mantissas per unit of weight; 1 says that weights and thresholds are register values already,
            and a value that is no legal register is then an error.
        steps: the longest sample that the certificate covers; that of ``data`` unless given.
        messages: the range of the input's integers; that of ``data`` unless given, and at least 0..1.
        options: everything else.
        progress: called with the stage ("calibrate", "quantize", "certify"), the part done and the whole.
    """
    prepared = prepare(source, target, data, steps=steps, messages=messages, options=options, progress=progress)
    return build(prepared, weight_bits, scale=scale, progress=progress)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A network that has been read and calibrated, ready to be quantised in any number of bits."""

    network: Network
    ranges: Ranges
    target: Target
    options: Options


def prepare(
    source: "Source",
    target: str | Path | Target = "loihi1",
    data: ArrayLike | None = None,
    *,
    steps: int | None = None,
    messages: tuple[int, int] | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Lower and calibrate; the arguments are those of `compile_source`."""
    from snn2hw.network.lowering import lower

    chip, chosen = get_target(target), options or Options()
    require_arithmetic(chip.arithmetic, QUANTISED, "the compiler", fix="choose a target of another arithmetic")
    lowered = lower(source)
    network = read_network(lowered)
    ranges = _ranges(lowered, network, data, steps, progress or _silent)
    if messages is not None:
        low, high = messages
        if low > ranges.input_low or high < ranges.input_high:
            what = f"messages {low}..{high}, the calibration data holds {ranges.input_low}..{ranges.input_high}"
            raise InputError(what, "give a range that holds the data")
        ranges = replace(ranges, input_low=low, input_high=high)
    if (ranges.input_low, ranges.input_high) != (0, 1) and not chip.graded_input:
        what = f"input messages {ranges.input_low}..{ranges.input_high}; {chip.title} takes 0 and 1"
        raise UnsupportedError(what, "encode the input as spikes")
    if chosen.levels is not None:
        network = leveled(network, chosen.levels)
    return Prepared(network, ranges, chip, chosen)


def build(
    prepared: Prepared,
    weight_bits: Bits | Mapping[str, Bits] = 8,
    *,
    scale: float | Literal["auto"] = "auto",
    known: Mapping[str, Quantized] | None = None,
    progress: Progress | None = None,
) -> Compiled:
    """Quantise and certify; layers in ``known`` are taken as they are."""
    network, ranges, target = prepared.network, prepared.ranges, prepared.target
    bits = bits_by_layer(network, weight_bits, target)
    report = progress or _silent
    layers: list[Quantized] = []
    for index, layer in enumerate(network.layers):
        report("quantize", index, len(network.layers))
        taken = None if known is None else known.get(layer.name)
        layers.append(taken or _quantized(prepared, layer, bits[layer.name], scale))
    for made in layers:
        refuse_beyond(made.population, target)
    report("certify", 0, 1)
    program = _program(prepared, layers, scale)
    certificate = certify(program, ranges.steps)
    report("certify", 1, 1)
    return Compiled(program, certificate, network, ranges, tuple(layers), target, prepared.options)


def _quantized(prepared: Prepared, layer: Layer, bits: Bits, scale: float | Literal["auto"]) -> Quantized:
    try:
        if scale == "auto":
            return fitted(prepared, layer, bits)
        return given_registers(layer, float(scale), prepared.target, bits)
    except NoRegisterError as error:
        raise UnsupportedError(f"population {layer.name!r}: {error.what}", error.fix) from None


def _silent(stage: str, done: int, whole: int) -> None:
    """Report nothing."""


def bits_by_layer(network: Network, bits: Bits | Mapping[str, Bits], target: Target) -> dict[str, Bits]:
    """Return the bits of every layer; what a mapping does not name gets the target's widest weights."""
    names = [layer.name for layer in network.layers]
    if isinstance(bits, Mapping):
        unknown = set(bits) - set(names)
        if unknown:
            raise InputError(f"weight_bits names {sorted(unknown)}", f"use names of populations: {', '.join(names)}")
    chosen = {n: bits.get(n, most_bits(target)) if isinstance(bits, Mapping) else bits for n in names}
    least, most = max(2, target.weight_bits[0]), target.weight_bits[1]
    for name, value in chosen.items():
        if value != "ternary" and not (isinstance(value, int) and least <= value <= most):
            what = f"population {name!r}: {value!r} bits; {target.title} has {least}..{most}"
            raise InputError(what, "choose bits that the target has, or 'ternary'")
    return chosen


def _ranges(source: "Source", network: Network, data: ArrayLike | None, steps: int | None, report: Progress) -> Ranges:
    if steps is not None and steps < 1:
        raise InputError(f"steps is {steps}", "give the length of the longest sample")
    if data is None:
        power = {INPUT: np.ones(network.input_shape)} | {x.name: np.ones(x.shape) for x in network.layers}
        return Ranges(steps or UNCALIBRATED_STEPS, 0, 0, 1, {}, power, {})
    samples, done = np.atleast_1d(np.asarray(data)).shape[0], 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        report("calibrate", done, samples)

    ranges = calibrate(source, network, data, progress=advance)
    return replace(ranges, steps=steps or ranges.steps)


def fitted(prepared: Prepared, layer: Layer, bits: Bits) -> Quantized:
    """Quantise one layer, lowering its scale until its bounds hold."""
    ranges, options = prepared.ranges, prepared.options
    messages = {INPUT: (ranges.input_low, ranges.input_high)}
    shrink = 1.0 / options.headroom
    for _ in range(ATTEMPTS):
        made = quantize_layer(layer, ranges, prepared.target, options, bits, messages, shrink=shrink)
        if _bounds(made, prepared.network, messages, ranges.steps).safe:
            return made
        shrink *= 0.9
    what = f"population {layer.name!r}: no scale keeps |a| < 2^21 and |u| < 2^23 within {ranges.steps} steps"
    raise UnsupportedError(what, "lower the fan-in, the weights or the time constant of the synapse")


def _bounds(made: Quantized, network: Network, messages: Mapping[str, tuple[int, int]], steps: int) -> ProvenBounds:
    shapes = {INPUT: network.input_shape} | {layer.name: layer.shape for layer in network.layers}
    shapes |= {helper.name: helper.shape for helper in made.helpers}
    ranges = dict.fromkeys(shapes, (0, 1)) | dict(messages)
    return bounds_of(made.population, ranges, shapes.__getitem__, steps)


def _program(prepared: Prepared, layers: Sequence[Quantized], scale: float | str) -> Program:
    network, ranges, target, options = prepared.network, prepared.ranges, prepared.target, prepared.options
    populations = [p for made in layers for p in (*made.helpers, made.population)]
    weights: dict[str, Json] = {
        f"{made.population.name}[{i}]": grid.bits for made in layers for i, grid in enumerate(made.grids)
    }
    record: dict[str, Json] = {
        "compiler": {"schema": 1, "target": target.name, "scale": scale, **asdict(options)},
        "weights": {"bits": most_bits(target), "rule": target.weight_rule, "layers": weights},
        "dt": network.dt,
        "origin": network.origin,
        "notes": list(network.notes),
        "steps": ranges.steps,
        "calibration": {"samples": ranges.samples, "messages": [ranges.input_low, ranges.input_high]},
        "scales": {made.population.name: scale_record(made) for made in layers},
    }
    described = Input(network.input_shape, ranges.input_low, ranges.input_high)
    return Program(described, tuple(populations), target.arithmetic, record)
