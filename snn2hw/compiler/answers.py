"""What the float network answers: the teacher of a tuned program, the measure of a compiled one."""

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import VTH_SHIFT
from snn2hw.codec.decode import Decoder, decode
from snn2hw.compiler.compile import Compiled
from snn2hw.network.float_reference import run_network
from snn2hw.network.network import Network

__all__ = ["float_answers", "output_scale"]

VALUES = 1 << 24
"""Neuron-steps that the float network computes at once."""


def float_answers(network: Network, rasters: NDArray[np.integer], decoder: Decoder) -> NDArray[np.float32]:
    """Return what the float network answers, (B, classes), in volts or spikes."""
    largest = max(int(np.prod(network.input_shape)), *(layer.size for layer in network.layers))
    size = max(1, VALUES // (largest * rasters.shape[1]))
    answers = [
        decode(run_network(network, rasters[i : i + size], record=()).output, decoder)
        for i in range(0, len(rasters), size)
    ]
    joined = np.concatenate(answers)
    return np.asarray(joined.reshape(len(joined), -1), dtype=np.float32)


def output_scale(compiled: Compiled) -> tuple[float, float]:
    """Return (a, b): an output x of the program is a x + b, a spike itself or a readout in volts."""
    made = compiled.layers[-1]
    if made.population.fires:
        return 1.0, 0.0
    factor = made.layer.unit / (made.scale * (1 << VTH_SHIFT))
    return float(factor.flat[0]), float(made.layer.origin.flat[0])
