"""A hybrid in its two halves: what spikes is a program, the rest stays on the host, and together they answer."""

import numpy as np
import pytest
import torch

import snn2hw as sw
from sim.errors import InputError, UnsupportedError
from snn2hw.train.chip_and_host import chip_and_host
from snn2hw.train.pairs import answer_of, pair, pair_layout, settled
from tests.train.test_pairs import SHAPES, STEPS

SHAPE = SHAPES["hjh-hybrid"]


@pytest.fixture(params=[False, True], ids=["fixed", "learnt"])
def hybrid(request):
    torch.manual_seed(0)
    net = pair(pair_layout("hjh-hybrid"), SHAPE, 4, spiking=True, learnt=request.param).train()
    answer_of(net, 4 * torch.rand(6, *SHAPE), 2)  # normalisation that has seen something
    return net.eval()


def kinds(network):
    return [type(part).__name__ for part in network.children()]


def test_only_the_first_neuron_spikes(hybrid):
    chip, host = chip_and_host(hybrid)
    assert kinds(chip) == ["LIFBoxCell"]
    wanted = ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d", "Conv2d", "ReLU", "AdaptiveAvgPool2d", "Flatten", "Linear"]
    assert kinds(host) == wanted


def test_both_halves_are_the_whole(hybrid):
    chip, host = chip_and_host(hybrid)
    x, state, total = 4 * torch.rand(3, *SHAPE), None, 0
    with torch.no_grad():
        for _ in range(STEPS):
            spikes, state = chip(x, state)
            total = total + host(spikes)
        assert torch.equal(total, answer_of(hybrid, x, STEPS))


def test_what_spikes_is_compiled_and_the_host_answers_to_its_spikes(hybrid):
    chip, host = chip_and_host(hybrid)
    held = np.repeat(np.random.default_rng(0).integers(0, 5, (3, 1, *SHAPE)), STEPS, axis=1)
    program = sw.compile(sw.from_norse(chip, input_shape=SHAPE), target="loihi1", data=held)
    spikes = sw.run(program, held, engine="reference").output
    for engine in ("fast", "torch"):
        np.testing.assert_array_equal(sw.run(program, held, engine=engine).output, spikes)
    assert spikes.sum() > 0
    with torch.no_grad():
        answers = host(torch.from_numpy(spikes.reshape(3 * STEPS, *SHAPE)).float()).reshape(3, STEPS, 4).sum(1)
        wanted = answer_of(hybrid, torch.from_numpy(held[:, 0]).float(), STEPS)
    torch.testing.assert_close(answers, wanted)


def test_the_whole_is_refused_with_what_to_do(hybrid):
    with pytest.raises(UnsupportedError, match=r"(?s)relu.*snn2hw convert"):
        sw.from_norse(settled(hybrid), input_shape=SHAPE)


def test_a_network_that_spikes_throughout_has_no_host_and_a_twin_no_chip():
    net = pair(pair_layout("hjh"), SHAPE, 4, spiking=True)
    chip, host = chip_and_host(net)
    assert kinds(chip) == kinds(net)
    assert kinds(host) == []
    with pytest.raises(InputError, match="nothing of it spikes"):
        chip_and_host(pair(pair_layout("hjh"), SHAPE, 4, spiking=False))
