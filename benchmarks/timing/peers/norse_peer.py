"""Norse: LIFCell step by step, LIF layer by layer; the neuron of the Program in float32."""

import torch
from contest import KEPT_CURRENT, LEAK
from norse.torch import LIF, LIFCell, LIFParameters
from torch_stack import Stack, Take, compete

DT = 0.001
PARAMETERS = LIFParameters(
    tau_syn_inv=torch.tensor((1 - KEPT_CURRENT) / DT), tau_mem_inv=torch.tensor(LEAK / DT), v_th=torch.tensor(1.0)
)


class Neurons(torch.nn.Module):
    """The same neurons for one step and for many."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.layer = LIFCell(p=PARAMETERS, dt=DT), LIF(p=PARAMETERS, dt=DT)


def stepwise(stack: Stack, raster: torch.Tensor, take: Take) -> None:
    states = [None] * len(stack)
    for x in raster:
        for i, (linear, neurons) in enumerate(stack):
            x, states[i] = neurons.cell(linear(x), states[i])
            take(i, x)


def layerwise(stack: Stack, raster: torch.Tensor, take: Take) -> None:
    for i, (linear, neurons) in enumerate(stack):
        sums = linear(raster.flatten(0, 1)).unflatten(0, raster.shape[:2])
        raster, _ = neurons.layer(sums)
        take(i, raster)


compete(lambda layer: Neurons(), {"stepwise": stepwise, "layerwise": layerwise})
