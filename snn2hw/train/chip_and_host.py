"""A hybrid taken apart: the layers that spike, which are compiled, and those of ReLUs behind them, which are not.

A chip sends the spikes of its half at every step; the host computes its half on each of them and sums the answers.
"""

from itertools import takewhile

from norse.torch import SequentialState
from torch import nn

from sim.errors import InputError
from snn2hw.train.in_time import is_spiking
from snn2hw.train.pairs import settled

__all__ = ["chip_and_host"]


def chip_and_host(network: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Return the half of a published network that goes onto a chip, in Norse's own cells, and the rest.

    The chip has everything up to the last neuron in front of the first ReLU, or all of it where there is no ReLU.
    """
    parts = list(settled(network).children())
    before = list(takewhile(lambda part: not isinstance(part, nn.ReLU), parts))
    spiking = [k for k, part in enumerate(before) if is_spiking(part)]
    if not spiking:
        raise InputError("nothing of it spikes before the first ReLU", "give the spiking network, or a hybrid")
    end = len(parts) if len(before) == len(parts) else spiking[-1] + 1
    return SequentialState(*parts[:end]).eval(), nn.Sequential(*parts[end:]).eval()
