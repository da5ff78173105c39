"""The scan against Norse: equal spikes bit for bit, and gradients against the recurrence written out."""

import itertools
from dataclasses import replace

import pytest
import torch
from norse.torch import LIFBoxCell, LIFBoxParameters, LIFCell, LIFParameters, LIFRecurrentCell

from sim.errors import UnsupportedError
from snn2hw.models.fold import folded
from snn2hw.models.layout import HARDWARE, Layout, Stage
from snn2hw.models.scnn import scnn
from snn2hw.models.stream import StreamLayout
from snn2hw.train import stream_net
from snn2hw.train.in_time import in_time
from snn2hw.train.norse_scan import Constants, constants_of, spikes_in_time
from snn2hw.train.recurrent_scan import Recurrent, recurrent_spikes
from snn2hw.train.reestimate import reestimate
from snn2hw.train.surrogate import SHARPNESS

STEPS = 12


def tensor(value):
    return torch.tensor(float(value))


CELLS = {
    "box": LIFBoxCell(LIFBoxParameters(tau_mem_inv=tensor(125))),
    "box, leak and reset": LIFBoxCell(
        LIFBoxParameters(tau_mem_inv=tensor(70), v_leak=tensor(0.3), v_reset=tensor(-0.2), v_th=tensor(0.9))
    ),
    "current": LIFCell(LIFParameters(tau_syn_inv=tensor(250), tau_mem_inv=tensor(125))),
    "current, leak and reset": LIFCell(
        LIFParameters(tau_syn_inv=tensor(90), tau_mem_inv=tensor(110), v_leak=tensor(0.2), v_reset=tensor(0.1))
    ),
}


def drive(seed=0, steps=STEPS):
    return 3 * torch.randn(steps, 4, 3, 5, 5, generator=torch.Generator().manual_seed(seed))


def by_norse(cell, x, steps):
    state, spikes = None, []
    for t in range(steps):
        z, state = cell(x[t if len(x) > 1 else 0], state)
        spikes.append(z)
    return torch.stack(spikes).detach()


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("steps_in", [STEPS, 1])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_spikes_are_those_of_norse(cell, steps_in, compiled):
    x = drive(steps=steps_in)
    expected = by_norse(cell, x, STEPS)
    assert 0.02 < expected.mean() < 0.6
    assert torch.equal(spikes_in_time(x, constants_of(cell), STEPS, compiled=compiled), expected)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_channels_last_gives_the_same_spikes_and_gradients(cell):
    x = drive()
    other = x.flatten(0, 1).contiguous(memory_format=torch.channels_last).unflatten(0, x.shape[:2])
    weight = torch.randn(x.shape)
    results = []
    for values in (x, other):
        leaf = values.clone(memory_format=torch.preserve_format).requires_grad_()
        spikes = spikes_in_time(leaf, constants_of(cell), STEPS, compiled=True)
        (spikes * weight).sum().backward()
        results.append((spikes.detach(), leaf.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("steps_in", [STEPS, 1])
@pytest.mark.parametrize("sizes", [(1, 6), (1, 6, 1), (3, 6, 4, 1), (1, 1, 1, 1)])
def test_a_gradient_lies_in_memory_as_its_input(sizes, steps_in, compiled):
    """Every order of the axes, in which steps or a batch of one say nothing by their strides."""
    shape, generator = (steps_in, *sizes), torch.Generator().manual_seed(2)
    weight = torch.randn(STEPS, *sizes, generator=generator)
    values = 3 * torch.randn(shape, generator=generator)
    k = constants_of(CELLS["current"])
    plain = values.clone().requires_grad_()
    (spikes_in_time(plain, k, STEPS, compiled=False) * weight).sum().backward()
    for order in itertools.permutations(range(len(shape))):
        back = sorted(range(len(shape)), key=order.__getitem__)
        other = values.permute(order).contiguous().permute(back).requires_grad_()
        (grad,) = torch.autograd.grad((spikes_in_time(other, k, STEPS, compiled=compiled) * weight).sum(), other)
        torch.testing.assert_close(grad, plain.grad, rtol=1e-4, atol=1e-6)
        wide = [axis for axis, size in enumerate(shape) if size > 1]
        assert [grad.stride(axis) for axis in wide] == [other.stride(axis) for axis in wide]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("compiled", [True, False])
def test_a_batch_of_one_has_the_gradient_of_a_larger_one(compiled, training, monkeypatch):
    monkeypatch.setattr(
        stream_net, "spikes_in_time", lambda *x, **learnt: spikes_in_time(*x, **learnt, compiled=compiled)
    )
    torch.manual_seed(0)
    model = stream_net.stream_net(StreamLayout(dropout=0.0), 40, 3).train(training)
    x = torch.randn(1, 30, 40)
    slopes = []
    for copies in (1, 2):  # the same clip twice leaves the normalisation's mean and variance as they are
        inputs = x.repeat(copies, 1, 1).requires_grad_()
        (slope,) = torch.autograd.grad(model(inputs)[:, :, 1].sum(), inputs)
        slopes.append(slope[0])
    assert slopes[0].abs().max() > 0
    torch.testing.assert_close(slopes[0], slopes[1], rtol=1e-3, atol=1e-3 * float(slopes[0].abs().max()))


def by_autograd(x, k, steps, back=None):
    """The recurrence with a surrogate that autograd differentiates itself; constants may be tensors."""

    class Surrogate(torch.autograd.Function):
        @staticmethod
        def forward(ctx, above):
            ctx.save_for_backward(above)
            return (above > 0).double()

        @staticmethod
        def backward(ctx, grad):
            (above,) = ctx.saved_tensors
            return grad / (1 + SHARPNESS * above.abs()) ** 2

    v, current, spikes = torch.full_like(x[0], k.leak), torch.zeros_like(x[0]), []
    for t in range(steps):
        jump = x[t if len(x) > 1 else 0] + current
        if back is not None and spikes:
            jump = jump + spikes[-1] @ back.T
        v = v + k.membrane * (k.leak - v + jump)
        current = jump * (0 if k.synapse is None else 1 - k.synapse)
        z = Surrogate.apply(v - k.threshold)
        spikes.append(z)
        v = torch.where(z.detach() > 0, torch.full_like(v, k.reset), v)
    return torch.stack(spikes)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("steps_in", [STEPS, 1])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_gradients_are_those_of_the_recurrence(cell, steps_in, compiled):
    x = drive(steps=steps_in)
    k = constants_of(cell)
    weight = torch.randn(STEPS, *x.shape[1:], generator=torch.Generator().manual_seed(1))
    mine, theirs = x.clone().requires_grad_(), x.double().requires_grad_()
    (spikes_in_time(mine, k, STEPS, compiled=compiled) * weight).sum().backward()
    (by_autograd(theirs, k, STEPS) * weight).sum().backward()
    assert theirs.grad.abs().mean() > 0.01
    torch.testing.assert_close(mine.grad.double(), theirs.grad, rtol=1e-4, atol=1e-5)


def among(size, seed=3):
    """Return drives (T, b, n) and weights from every neuron to every other one."""
    generator = torch.Generator().manual_seed(seed)
    x, back = torch.randn(STEPS, 4, size, generator=generator), torch.randn(size, size, generator=generator)
    return 3 * x, back / size**0.5


@pytest.mark.parametrize("name", ["current", "current, leak and reset"])
def test_neurons_that_hear_one_another_spike_as_those_of_norse(name):
    x, back = among(20)
    cell = LIFRecurrentCell(
        20, 20, CELLS[name].p, input_weights=torch.eye(20), recurrent_weights=back, autapses=True, dt=CELLS[name].dt
    )
    expected = by_norse(cell, x, STEPS)
    assert 0.02 < expected.mean() < 0.6
    assert torch.equal(recurrent_spikes(x, back, constants_of(CELLS[name])), expected)
    alone = spikes_in_time(x, constants_of(CELLS[name]), STEPS)
    assert not torch.equal(alone, expected)


@pytest.mark.parametrize("name", ["current", "current, leak and reset"])
def test_gradients_through_what_neurons_hear_of_one_another_are_those_of_the_recurrence(name):
    x, back = among(20)
    k, weight = constants_of(CELLS[name]), torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    mine, theirs = (x.clone().requires_grad_(), back.clone().requires_grad_()), (x.double(), back.double())
    (recurrent_spikes(*mine, k) * weight).sum().backward()
    theirs = tuple(values.requires_grad_() for values in theirs)
    (by_autograd(theirs[0], k, STEPS, theirs[1]) * weight).sum().backward()
    for found, wanted in zip(mine, theirs, strict=True):
        assert wanted.grad.abs().mean() > 0.01
        torch.testing.assert_close(found.grad.double(), wanted.grad, rtol=1e-4, atol=1e-4)


def test_the_twin_of_neurons_that_hear_one_another_has_relus():
    x, back = among(5)
    layer = Recurrent(5)
    layer.back.weight.data = back
    y, said = torch.zeros(4, 5), layer(x, None)
    for t in range(STEPS):
        y = torch.relu(x[t] + y @ back.T)
        assert torch.equal(said[t], torch.relu(x[t] + layer.back(said[t - 1] if t else torch.zeros(4, 5))))
        torch.testing.assert_close(said[t], y)
    with pytest.raises(UnsupportedError, match="without a current"):
        recurrent_spikes(x, back, constants_of(CELLS["box"]))


def of_constants(k):
    """Return the constants with those that may be learnt as a tensor in double, and that tensor."""
    learnt = torch.tensor([k.membrane, k.synapse or 0.0, k.threshold], dtype=torch.float64, requires_grad=True)
    synapse = None if k.synapse is None else learnt[1]
    return replace(k, membrane=learnt[0], synapse=synapse, threshold=learnt[2]), learnt


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("steps_in", [STEPS, 1])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_gradients_of_constants_are_those_of_the_recurrence(cell, steps_in, compiled, double):
    if compiled and double:
        return  # kernels are of float32
    k, kind = constants_of(cell), torch.float64 if double else torch.float32
    x = drive(steps=steps_in)[:, :, :, :3].to(kind)
    weight = torch.randn(STEPS, *x.shape[1:], generator=torch.Generator().manual_seed(1))
    same, wanted = of_constants(k)
    (by_autograd(x.double(), same, STEPS) * weight).sum().backward()
    learnt, mine = wanted.detach().to(kind).requires_grad_(), x.clone().requires_grad_()
    spikes = spikes_in_time(mine, k, STEPS, compiled=compiled, learnt=learnt)
    (spikes * weight).sum().backward()
    assert wanted.grad.abs().gt(0.1).tolist() == [True, k.synapse is not None, True]
    close = {"rtol": 1e-9, "atol": 1e-9} if double else {"rtol": 1e-4, "atol": 1e-3}  # sums of 2,000 terms of float32
    torch.testing.assert_close(learnt.grad.double(), wanted.grad, **close)
    plain = x.clone().requires_grad_()
    others = spikes_in_time(plain, k, STEPS, compiled=compiled)
    (others * weight).sum().backward()
    assert torch.equal(others, spikes)
    assert torch.equal(plain.grad, mine.grad)


def test_gradients_of_constants_are_of_every_block_and_of_a_first_step_above_the_threshold():
    """More neurons than a block of the kernel has, that rest above their threshold and are reset to below it."""
    k = Constants(0.3, 0.4, 1.5, 1.0, -0.5)
    x = drive().flatten(1).repeat(1, 8)[:, :2100]
    weight = torch.randn(x.shape, generator=torch.Generator().manual_seed(4))
    same, wanted = of_constants(k)
    (by_autograd(x.double(), same, STEPS) * weight).sum().backward()
    for compiled in (True, False):
        learnt = wanted.detach().float().requires_grad_()
        (spikes_in_time(x, k, STEPS, compiled=compiled, learnt=learnt) * weight).sum().backward()
        torch.testing.assert_close(learnt.grad.double(), wanted.grad, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("name", ["current", "current, leak and reset"])
def test_gradients_of_constants_of_neurons_that_hear_one_another_are_those_of_the_recurrence(name):
    x, back = (values.double() for values in among(20))
    k, weight = constants_of(CELLS[name]), torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    same, wanted = of_constants(k)
    (by_autograd(x, same, STEPS, back) * weight).sum().backward()
    learnt = wanted.detach().clone().requires_grad_()
    spikes = recurrent_spikes(x, back, k, learnt)
    (spikes * weight).sum().backward()
    assert torch.equal(spikes, recurrent_spikes(x, back, k))
    assert wanted.grad.abs().min() > 0.1
    torch.testing.assert_close(learnt.grad, wanted.grad, rtol=1e-9, atol=1e-9)


def test_neurons_with_parameters_of_their_own_are_refused():
    cell = LIFBoxCell(LIFBoxParameters(v_th=torch.ones(5)))
    with pytest.raises(UnsupportedError, match="one value per layer"):
        constants_of(cell)


NETS = {
    "hardware": HARDWARE,
    "pools": Layout((Stage(3, 3, 1, pool=True), Stage(4, 3, 1, pool=True)), hidden=16),
    "current": replace(HARDWARE, synapse=0.25),
}


def live(layout):
    """A network whose layers all fire: driven hard, its normalisation measured on its input."""
    torch.manual_seed(0)
    net = scnn(layout, 32, 10)
    values = torch.randint(0, 32, (1, 16, 1, 32, 32), generator=torch.Generator().manual_seed(0)).float() / 31
    for module in net.modules():
        if hasattr(module, "reset_running_stats"):
            torch.nn.init.uniform_(module.weight, 1.0, 3.0)
    reestimate(net, lambda x: in_time(net, x, STEPS), lambda: [values])
    return net.eval(), values


@pytest.mark.parametrize("layout", NETS.values(), ids=NETS.keys())
def test_the_network_in_time_is_the_network_step_by_step(layout):
    net, x = live(layout)
    record = {}
    with torch.no_grad():
        whole = in_time(net, x, STEPS, record)
        state, outputs = None, []
        for _ in range(STEPS):
            out, state = net(x[0], state)
            outputs.append(out)
    assert all(0.005 < spikes.mean() < 0.7 for spikes in record.values())
    assert len(record) == 3
    torch.testing.assert_close(whole, torch.stack(outputs), rtol=0, atol=1e-6)


@pytest.mark.parametrize("layout", NETS.values(), ids=NETS.keys())
def test_the_folded_network_on_integers_spikes_as_the_trained_one(layout):
    net, values = live(layout)
    integers = (values * 31).round()
    flat = folded(net.double(), 31)
    assert not any(hasattr(module, "running_mean") or hasattr(module, "running_power") for module in flat.modules())
    with torch.no_grad():
        expected = in_time(net, integers.double() / 31, STEPS)
        torch.testing.assert_close(in_time(flat, integers.double(), STEPS), expected, rtol=0, atol=1e-9)
    assert expected.abs().max() > 0.01


def test_a_network_with_synaptic_currents_folds_to_no_bias_at_all():
    net, _ = live(NETS["current"])
    assert [m.bias for m in folded(net, 31).children() if hasattr(m, "bias")] == [None] * 4


def test_dropout_silences_the_same_neurons_at_every_step():
    net = torch.nn.Sequential(torch.nn.Dropout(0.5)).train()
    out = in_time(net, torch.ones(6, 3, 40), 6)
    assert torch.equal(out, out[:1].expand_as(out))
    assert set(out.unique().tolist()) == {0.0, 2.0}
