"""Run the float machine on the data, chunk by chunk, to see what its registers have to hold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn2hw.chips.target import Target
from snn2hw.compiler.feeding import Fed
from snn2hw.compiler.options import Options
from snn2hw.compiler.ranges import Ranges, measured, unmeasured
from snn2hw.compiler.trial import FloatTrial
from snn2hw.network.float_reference import FloatTrace, run_network
from snn2hw.network.registers import RealMachine

__all__ = ["Prepared", "Progress", "calibrate", "silent"]

Progress = Callable[[str, int, int], object]
"""Called with the stage ("calibrate", "quantize", "certify"), the part done and the whole."""

CHUNK_VALUES = 1 << 24
"""How many neuron-steps are run at once: the float run records three arrays of them."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A network that has been read and measured, ready to be quantised in any number of bits.

    Args:
        machine: the network in real registers, its weights on levels where the user chose that.
        ranges: what the data say.
        target: the chip.
        options: what the user chose.
        rasters: the calibration data themselves, where there are any: for a quantiser that runs what it has made.
        trial: the float network on some of them, where layers count.
    """

    machine: RealMachine
    ranges: Ranges
    target: Target
    options: Options
    rasters: NDArray[np.integer] | None = None
    trial: FloatTrial | None = None


def calibrate(machine: RealMachine, data: Fed, progress: Progress) -> Ranges:
    """Run the float machine on the data and measure it in real registers; without data all messages count alike."""
    if data.rasters is not None:
        runs = _runs(machine, data.rasters, progress)
        return measured(machine, data, runs)
    return unmeasured(machine, data)


def _runs(
    machine: RealMachine, x: NDArray[np.integer], progress: Progress
) -> Iterator[tuple[NDArray[np.integer], FloatTrace]]:
    """Yield some samples at a time, with what the float machine does."""
    size = max(1, CHUNK_VALUES // (x.shape[1] * max(layer.size for layer in machine.populations)))
    for first in range(0, x.shape[0], size):
        chunk = x[first : first + size]
        yield chunk, run_network(machine.network, chunk, record=("spikes", "u", "v"))
        progress("calibrate", first + len(chunk), len(x))


def silent(stage: str, done: int, whole: int) -> None:
    """Report nothing."""
