"""The first half of the compiler: a network judged by its chip, and measured on data."""

from numpy.typing import ArrayLike

from sim.arithmetic.registry import require_arithmetic
from snn2hw.chips.limits import judge
from snn2hw.chips.target import Target
from snn2hw.compiler.calibrate import Prepared, Progress, calibrate, silent
from snn2hw.compiler.feeding import fed
from snn2hw.compiler.grid import leveled
from snn2hw.compiler.options import USUAL, Options
from snn2hw.compiler.quantisers import QUANTISERS
from snn2hw.compiler.trial import trial_of
from snn2hw.network.registers import RealMachine
from snn2hw.problems import refuse

__all__ = ["prepare"]


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
    ranges = calibrate(machine, given, progress or silent)
    if options.levels is not None:
        machine = leveled(machine, options.levels)
    trial = trial_of(machine, given.rasters) if target.arithmetic == "loihi" else None
    return Prepared(machine, ranges, target, options, rasters=given.rasters, trial=trial)
