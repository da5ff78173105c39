"""SpikingJelly: CUBALIFNode, step by step and all steps of a layer at once."""

import torch
from contest import KEPT_CURRENT, LEAK, Layer
from spikingjelly.activation_based.neuron import CUBALIFNode
from torch_stack import Stack, Take, compete


def neurons(_: Layer) -> CUBALIFNode:
    return CUBALIFNode(c_decay=KEPT_CURRENT, v_decay=1 - LEAK, v_threshold=1.0, v_reset=0.0)


def stepwise(stack: Stack, raster: torch.Tensor, take: Take) -> None:
    for x in raster:
        for i, (linear, node) in enumerate(stack):
            x = node(linear(x))
            take(i, x)


def layerwise(stack: Stack, raster: torch.Tensor, take: Take) -> None:
    for i, (linear, node) in enumerate(stack):
        node.step_mode = "m"
        raster = node(linear(raster.flatten(0, 1)).unflatten(0, raster.shape[:2]))
        take(i, raster)


compete(
    neurons,
    {"stepwise": stepwise, "layerwise": layerwise},
    gain=1.0,
    note="fires at the threshold, not above it",
)
