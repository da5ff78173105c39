"""sinabs: LIF with a synaptic filter, which forwards all steps of a layer at once; one spike a step, reset to zero."""

import math

import torch
from contest import KEPT_CURRENT, LEAK, Layer
from sinabs.activation import MembraneReset, SingleSpike
from sinabs.layers import LIF
from torch_stack import Stack, Take, compete


def neurons(_: Layer) -> LIF:
    return LIF(
        tau_mem=-1 / math.log(1 - LEAK),
        tau_syn=-1 / math.log(KEPT_CURRENT),
        spike_fn=SingleSpike,
        reset_fn=MembraneReset(),
        norm_input=False,
    )


def layerwise(stack: Stack, raster: torch.Tensor, take: Take) -> None:
    raster = raster.transpose(0, 1)
    for i, (linear, layer) in enumerate(stack):
        sums = linear(raster.flatten(0, 1)).unflatten(0, raster.shape[:2])
        raster = layer(sums)
        take(i, raster)


# sinabs filters an input in the step it arrives: u = kept * (u + x)
compete(neurons, {"layerwise": layerwise}, gain=1 / KEPT_CURRENT, note="fires at the threshold, not above it")
