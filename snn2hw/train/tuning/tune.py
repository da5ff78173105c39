"""From a float network and labelled samples to a tuned program: compile, then train what was compiled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic.registry import require_arithmetic
from sim.errors import InputError
from sim.files import check_folder
from snn2hw.chips.rewrite import machine_for
from snn2hw.chips.target import Target, get_target
from snn2hw.compiler.answers import float_answers
from snn2hw.compiler.compile import Compiled, Progress, build, prepare
from snn2hw.compiler.options import Bits, Options
from snn2hw.files.lock import refuse_locked
from snn2hw.network.registers import RealMachine
from snn2hw.train.tuning.tune_fit import Samples, Tuned, refuse_counting, tune_compiled
from snn2hw.train.tuning.tune_recipe import TuneRecipe

if TYPE_CHECKING:
    from snn2hw.sources import Source

__all__ = ["Labelled", "TuneKeywords", "TuneOptions", "tune"]

Labelled = tuple[NDArray[np.integer], NDArray[np.integer]]

CALIBRATION = 256
"""How many of the samples calibrate the compiler."""

HEADROOM = 2.0
"""Weights may grow in tuning: the worst case is given twice its room."""


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """What `tune` may be told beyond network, samples and target; each is a keyword of it.

    Args:
        weight_bits: bits of every weight, "ternary", or a mapping from population names to either.
        recipe: how to tune; by default at the rate that suits the bits.
        held_out: rasters and labels to choose the best epoch on; where variants of one recording are among the samples,
            give recordings of which there is none. Otherwise a share of the samples is held out.
        steps: the longest sample that the certificate covers; that of the samples unless given.
        messages: what the input may send beyond what the samples hold.
        rewrite: whether what the target lacks may be said in other words, as for `compile`.
        folder: where checkpoints and the log go; a run found there is resumed.
        more_epochs: by how many epochs to prolong the finished run in ``folder``.
        device: of torch: "cpu", "cuda".
        progress: of the compiler.
        on_epoch: called with every epoch's row.
    """

    weight_bits: Bits | Mapping[str, Bits] = 4
    recipe: TuneRecipe = field(default_factory=TuneRecipe)
    held_out: Labelled | None = None
    steps: int | None = None
    messages: tuple[int, int] = (0, 1)
    rewrite: bool = False
    folder: Path | None = None
    more_epochs: int = 0
    device: str = "cpu"
    progress: Progress | None = None
    on_epoch: Callable[[Mapping[str, float]], object] | None = None

    def __post_init__(self) -> None:
        if self.more_epochs and self.folder is None:
            raise InputError("more epochs of what: no folder is given", "name the folder of the run to prolong")


class TuneKeywords(TypedDict, total=False):
    """The fields of `TuneOptions` as keywords; None is an option that is not given."""

    weight_bits: Bits | Mapping[str, Bits]
    recipe: TuneRecipe | None
    held_out: Labelled | None
    steps: int | None
    messages: tuple[int, int]
    rewrite: bool
    folder: Path | None
    more_epochs: int
    device: str
    progress: Progress | None
    on_epoch: Callable[[Mapping[str, float]], object] | None


def tune(
    source: "Source",
    rasters: NDArray[np.integer],
    labels: NDArray[np.integer],
    target: str | Path | Target = "loihi1",
    **options: Unpack[TuneKeywords],
) -> tuple[Compiled, Tuned]:
    """Compile ``source`` and tune the program on labelled rasters (B, T, *input shape).

    Args:
        source: any Source without a limit on where it comes from: a Norse module, a NIR file.
        rasters: training samples; a part of them is held out to choose the best epoch.
        labels: the class of every sample, the place of its neuron in the output.
        target: as for `snn2hw.compiler.compile.compile_source`.
        options: the fields of `TuneOptions`, which documents them.
    """
    given_options = {name: value for name, value in options.items() if value is not None}
    said = TuneOptions(**given_options)  # type: ignore[arg-type]  # values of a TypedDict are objects to mypy
    samples = (np.asarray(rasters), np.asarray(labels))
    held_out = None if said.held_out is None else (np.asarray(said.held_out[0]), np.asarray(said.held_out[1]))
    given = [samples] if held_out is None else [samples, held_out]
    chip = get_target(target)
    require_arithmetic(chip.arithmetic, ("loihi",), "tune", fix="compile without tuning")
    machine = machine_for(source, chip, rewrite=said.rewrite)
    refuse_counting(said.recipe, machine.output)
    for pair in given:
        _refuse_misfit(source, machine.output.size, *pair)
    if said.folder is not None and check_folder(said.folder).exists():
        refuse_locked(said.folder)
    compiled = _compiled(machine, chip, [x for x, _ in given], said)
    taught, *held = (_samples(compiled, *pair, said.recipe) for pair in given)
    tuned = tune_compiled(
        compiled,
        taught,
        said.recipe,
        held_out=held[0] if held else None,
        folder=said.folder,
        device=said.device,
        more_epochs=said.more_epochs,
        on_epoch=said.on_epoch,
    )
    return compiled, tuned


def _compiled(
    machine: RealMachine, target: Target, given: Sequence[NDArray[np.integer]], said: TuneOptions
) -> Compiled:
    """Compile, calibrated on some of the first rasters and certified for the messages of all."""
    chosen = np.random.default_rng(said.recipe.seed).permutation(len(given[0]))[:CALIBRATION]
    low = min(int(x.min(initial=said.messages[0])) for x in given)
    high = max(int(x.max(initial=said.messages[1])) for x in given)
    options = Options(
        weight_bits=said.weight_bits, steps=said.steps, messages=(low, high), headroom=HEADROOM, rewrite=said.rewrite
    )
    data = given[0][np.sort(chosen)]
    prepared = prepare(machine, target, data, options=options, progress=said.progress)
    return build(prepared, progress=said.progress)


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


def _samples(
    compiled: Compiled, rasters: NDArray[np.integer], labels: NDArray[np.integer], recipe: TuneRecipe
) -> Samples:
    teacher = float_answers(compiled.network, rasters, recipe.decoder) if recipe.teacher_weight else None
    return Samples(rasters.reshape(*rasters.shape[:2], *compiled.program.input.shape), labels, teacher)
