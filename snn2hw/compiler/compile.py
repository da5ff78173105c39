"""From a float network to a Program: lower, real registers, judge, calibrate, quantise, assemble, certify."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack

from numpy.typing import ArrayLike

from sim.program import Program
from snn2hw.chips.rewrite import machine_for
from snn2hw.chips.target import Target, get_target
from snn2hw.compiler.build import Compiled, build
from snn2hw.compiler.calibrate import Prepared, Progress
from snn2hw.compiler.options import PER, USUAL, BiasPolicy, Bits, Chosen, Method, Options
from snn2hw.compiler.prepare import prepare

if TYPE_CHECKING:
    from snn2hw.sources import Source

__all__ = ["Compiled", "Prepared", "Progress", "build", "compile", "compile_source", "prepare"]


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
        target: a name of `snn2hw.chips.target.target_names`, a TOML file, or a Target.
        data: rasters (B, T, *input shape), integers: what the network will see. Without it all inputs count alike.
        weight_bits: bits of every weight, "ternary", or a mapping from population names to either.
        scale: "auto", or mantissas per unit of weight; 1: registers as given.
        method: how the greatest weights are treated: "mse", "max", "percentile" or "kept".
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
