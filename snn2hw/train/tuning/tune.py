"""From a float network and labelled samples to a tuned program: compile, then train what was compiled."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.errors import InputError
from snn2hw.chips.target import Target, get_target
from snn2hw.compiler.answers import float_answers
from snn2hw.compiler.compile import Compiled, Progress, build, prepare
from snn2hw.compiler.options import Bits, Options
from snn2hw.network.registers import machine_of
from snn2hw.train.tuning.fit import Samples, Tuned, refuse_counting, tune_compiled
from snn2hw.train.tuning.recipe import Recipe

if TYPE_CHECKING:
    from snn2hw.sources import Source

__all__ = ["Labelled", "tune"]

Labelled = tuple[NDArray[np.integer], NDArray[np.integer]]

CALIBRATION = 256
"""How many of the samples calibrate the compiler."""

HEADROOM = 2.0
"""Weights may grow in tuning: the worst case is given twice its room."""


def tune(
    source: "Source",
    rasters: NDArray[np.integer],
    labels: NDArray[np.integer],
    target: str | Path | Target = "loihi1",
    *,
    weight_bits: Bits | Mapping[str, Bits] = 4,
    recipe: Recipe | None = None,
    held_out: Labelled | None = None,
    steps: int | None = None,
    messages: tuple[int, int] = (0, 1),
    folder: Path | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    on_epoch: Callable[[Mapping[str, float]], object] | None = None,
) -> tuple[Compiled, Tuned]:
    """Compile ``source`` and tune the program on labelled rasters (B, T, *input shape).

    Args:
        source: any Source without a limit on where it comes from: a Norse module, a NIR file.
        rasters: training samples; a part of them is held out to choose the best epoch.
        labels: the class of every sample, the place of its neuron in the output.
        target: as for `snn2hw.compiler.compile.compile_source`.
        weight_bits: bits of every weight, "ternary", or a mapping from population names to either.
        recipe: how to tune; by default at the rate that suits the bits.
        held_out: rasters and labels to choose the best epoch on; where variants of one recording are among the samples,
            give recordings of which there is none. Otherwise a share of the samples is held out.
        steps: the longest sample that the certificate covers; that of ``rasters`` unless given.
        messages: what the input may send beyond what the samples hold.
        folder: where checkpoints and the log go; a run found there is resumed.
        device: of torch: "cpu", "cuda".
        progress: of the compiler.
        on_epoch: called with every epoch's row.
    """
    recipe = recipe or Recipe()
    rasters, labels = np.asarray(rasters), np.asarray(labels)
    given = [(rasters, labels), *([] if held_out is None else [(np.asarray(held_out[0]), np.asarray(held_out[1]))])]
    machine = machine_of(source)
    refuse_counting(recipe, machine.output)
    for pair in given:
        _refuse_misfit(source, machine.output.size, *pair)
    chosen = np.random.default_rng(recipe.seed).permutation(len(rasters))[:CALIBRATION]
    low = min(int(x.min(initial=messages[0])) for x, _ in given)
    high = max(int(x.max(initial=messages[1])) for x, _ in given)
    options = Options(weight_bits=weight_bits, steps=steps, messages=(low, high), headroom=HEADROOM)
    prepared = prepare(machine, get_target(target), rasters[np.sort(chosen)], options=options, progress=progress)
    compiled = build(prepared, progress=progress)
    samples, *held = (_samples(compiled, *pair, recipe) for pair in given)
    return compiled, tune_compiled(
        compiled, samples, recipe, held_out=held[0] if held else None, folder=folder, device=device, on_epoch=on_epoch
    )


def _refuse_misfit(source: "Source", classes: int, rasters: NDArray[np.integer], labels: NDArray[np.integer]) -> None:
    """Refuse samples and labels that do not fit the network, before any work is done with them."""
    if not rasters.size or rasters.shape[2:] != source.input_shape or rasters.dtype.kind not in "iub":
        expected = ", ".join(map(str, ("B", "T", *source.input_shape)))
        raise InputError(f"{rasters.dtype} samples of shape {rasters.shape}", f"give ({expected}) integers")
    if labels.shape != rasters.shape[:1] or labels.dtype.kind not in "iu":
        what = f"{labels.dtype} labels of shape {labels.shape} for {len(rasters)} samples"
        raise InputError(what, "give one integer label per sample")
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"labels {labels.min()}..{labels.max()}", f"the output has {classes} neurons: use 0..{classes - 1}"
        )


def _samples(compiled: Compiled, rasters: NDArray[np.integer], labels: NDArray[np.integer], recipe: Recipe) -> Samples:
    teacher = float_answers(compiled.network, rasters, recipe.decoder) if recipe.teacher else None
    return Samples(rasters.reshape(*rasters.shape[:2], *compiled.program.input.shape), labels, teacher)
