"""Sizes of the networks: what the documents say, counted from the modules."""

import pytest
import torch

from sim.errors import InputError
from snn2hw.models.cnn import cnn
from snn2hw.models.layout import HARDWARE, LAYOUTS, SEED, layout_of, neurons, synapses
from snn2hw.models.scnn import scnn


def counted(layout):
    """Neurons and unrolled synapses, from the shapes that flow through the network."""
    net, total, wires = scnn(layout, 32, 10).eval(), 0, 0
    x = torch.zeros(1, 1, 32, 32)
    for module in net.children():
        before = x
        x = module(x)[0] if "Cell" in type(module).__name__ else module(x)
        name = type(module).__name__
        if "Cell" in name:
            total += x.numel()
        elif name == "MaxPool2d":
            total, wires = total + x.numel(), wires + 4 * x.numel()
        elif name == "Conv2d":
            wires += x.numel() * module.weight[0].numel()
        elif name == "Linear":
            wires += before.numel() * x.numel()
    return total, wires


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_neurons_and_synapses_are_counted_right(layout):
    assert (neurons(layout, 32, 10), synapses(layout, 32, 10)) == counted(layout)


def test_the_hardware_sized_net_fits_8_cores_of_loihi_1():
    assert neurons(HARDWARE, 32, 10) <= 8 * 1024
    bits = 8 + 13  # a weight and the index of its neuron, unpacked: the worst of the chip's formats
    assert synapses(HARDWARE, 32, 10) * bits <= 8 * 128 * 1024 * 8


def test_the_seed_net_is_the_one_described():
    shapes = [tuple(p.shape) for p in scnn(SEED, 32, 10).parameters() if p.dim() > 1]
    assert shapes == [(64, 1, 3, 3), (96, 64, 3, 3), (864, 3456), (10, 864)]


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_twin_has_the_same_weights_to_train(layout):
    spiking = [p.shape for p in scnn(layout, 32, 10).parameters() if p.dim() > 1]
    assert spiking == [p.shape for p in cnn(layout, 32, 10).parameters() if p.dim() > 1]


def test_an_unknown_size_names_the_known_ones():
    with pytest.raises(InputError, match="choose one of hardware, seed"):
        layout_of("huge")


def test_an_image_too_small_for_the_network_is_refused():
    with pytest.raises(InputError, match="a side of 2 is too small"):
        scnn(HARDWARE, 5, 10)
