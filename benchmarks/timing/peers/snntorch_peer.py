"""snnTorch: Synaptic, step by step; resets by subtraction, the cheaper of its resets, in the step after the spike."""

import snntorch
import torch
from contest import KEPT_CURRENT, LEAK
from torch_stack import Stack, Take, compete


def stepwise(stack: Stack, raster: torch.Tensor, take: Take) -> None:
    states = [neurons.reset_mem() for _, neurons in stack]
    for x in raster:
        for i, (linear, neurons) in enumerate(stack):
            x, *states[i] = neurons(linear(x), *states[i])
            take(i, x)


compete(
    lambda layer: snntorch.Synaptic(alpha=KEPT_CURRENT, beta=1 - LEAK),
    {"stepwise": stepwise},
    gain=1.0,
    note="resets by subtraction",
)
