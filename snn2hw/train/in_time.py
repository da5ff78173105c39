"""A Norse network over all time steps, layer by layer: the same outputs as step by step, in far less time."""

from typing import Any

import torch
from torch import Tensor, nn

from snn2hw.train.learnt_leak import LearntLeak
from snn2hw.train.norse_scan import constants_of, spikes_in_time

__all__ = ["in_time", "is_spiking"]


def in_time(model: nn.Module, x: Tensor, steps: int, record: dict[int, Tensor] | None = None) -> Tensor:
    """Return the output (T, b, ...) of a sequence of modules for ``x`` (T, b, ...) or (1, b, ...), the same every step.

    Modules without state see all steps as one batch. Dropout silences the same neurons at every step of a sample.
    ``record`` receives the spikes of every spiking module under its index.
    """
    for index, module in enumerate(model.children()):
        if is_spiking(module):
            x = spikes_in_time(x, constants_of(module), steps)
            if record is not None:
                record[index] = x
        elif isinstance(module, LearntLeak) or _is_readout(module):
            x = _step_by_step(module, x, steps)
        elif isinstance(module, nn.Dropout):
            x = x * module(torch.ones_like(x[:1]))
        else:
            x = module(x.flatten(0, 1)).unflatten(0, x.shape[:2])
    return x


def is_spiking(module: nn.Module) -> bool:
    """Whether the module is one of the neurons that `norse_scan` computes."""
    from norse.torch import LIFBoxCell, LIFCell

    return isinstance(module, LIFBoxCell | LIFCell)


def _is_readout(module: nn.Module) -> bool:
    from norse.torch import LIBoxCell, LICell

    return isinstance(module, LIBoxCell | LICell)


def _step_by_step(module: nn.Module, x: Tensor, steps: int) -> Tensor:
    state: Any = None
    values = []
    for t in range(steps):
        value, state = module(x[0] if len(x) == 1 else x[t], state)
        values.append(value)
    return torch.stack(values)
