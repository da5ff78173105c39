"""Published networks for sounds: both kinds from one description, each learns a step, and the spiking one compiles."""

import numpy as np
import pytest
import torch

import snn2hw as sw
from sim.errors import InputError
from snn2hw.network.float_reference import float_reference
from snn2hw.train.learnt_leak import LearntLeak
from snn2hw.train.pairs import PAIRS, answer_of, pair, pair_layout, settled
from snn2hw.train.sound_networks import sound_network
from snn2hw.train.whole_pool import WholePool
from tests.rows import a_third

SHAPES = {"m5": (1, 2400), "piczak": (1, 60, 41), "hjh": (1, 20, 20), "hjh-hybrid": (1, 20, 20), "tcy": (1, 40, 50)}
SHAPES |= {"esc-vgg": (1, 24, 24), "extractor": (1, 21, 30)}
WIDTHS = {
    "m5": 1 / 16,
    "piczak": 1 / 40,
    "hjh": 1.0,
    "hjh-hybrid": 1.0,
    "tcy": 1.0,
    "esc-vgg": 1 / 4,
    "extractor": 1 / 32,
}
THROUGHOUT = [name for name, layout in PAIRS.items() if not layout.hybrid]
DEEP = ("esc-vgg", "extractor")
STEPS = 5


def network(name, **more):
    torch.manual_seed(0)
    made = pair(pair_layout(name, WIDTHS[name]), SHAPES[name], 4, **{"spiking": True, **more})
    if name in DEEP:
        for norm in [m for m in made if isinstance(m, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d)]:
            torch.nn.init.uniform_(norm.bias, 2, 4)  # as it comes, nothing would reach the last layers
            torch.nn.init.constant_(norm.running_var, 0.05)
    return made


def weights(net):
    return [tuple(p.shape) for p in net.parameters() if p.dim() > 1]


def test_the_published_widths():
    assert [stage.channels for stage in PAIRS["m5"].stages] == [128, 128, 256, 512]
    kernels = [(128, 1, 80), (128, 128, 3), (256, 128, 3), (512, 256, 3), (35, 512)]
    assert weights(pair(PAIRS["m5"], (1, 16000), 35, spiking=False)) == kernels
    assert weights(pair(PAIRS["tcy"], (1, 40, 50), 10, spiking=False)) == [(10, 100)]
    assert weights(pair(PAIRS["hjh"], (1, 20, 20), 10, spiking=False)) == [(8, 1, 5, 5), (16, 8, 5, 5), (10, 16)]
    blocks = [(8, 1, 3, 3), (8, 8, 3, 3), (16, 8, 3, 3), (16, 16, 3, 3), (32, 16, 3, 3), (32, 32, 3, 3)]
    dense = [(7 * 6 * 8, 7 * 6 * 32), (7 * 6 // 2, 7 * 6 * 8), (10, 7 * 6 // 2)]
    assert weights(pair(PAIRS["esc-vgg"], (1, 60, 50), 10, spiking=False)) == [*blocks, *dense]


def test_the_published_extractor():
    """Its last convolutions are 512 of 3 x 3, 1024 of 2 x 2 and one answer per class at every place."""
    with torch.device("meta"):
        net = pair(PAIRS["extractor"], (1, 60, 50), 10, spiking=False)
    assert [p[0] for p in weights(net)] == [16, 16, 32, 32, 64, 64, 128, 128, 256, 256, 512, 1024, 10]
    assert weights(net)[-3:] == [(512, 256, 3, 3), (1024, 512, 2, 2), (10, 1024, 1, 1)]
    assert [type(m).__name__ for m in net][-3:] == ["Conv2d", "AdaptiveAvgPool2d", "Flatten"]


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (3, 4), (7, 5), (6, 8)])
def test_a_whole_pool_leaves_no_place_out(shape):
    """Turned over it is torch's own pool with a window that hangs over the far border."""
    x = torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(0))
    turned = torch.nn.MaxPool2d(2, ceil_mode=True)(x.flip(2, 3)).flip(2, 3)
    assert torch.equal(WholePool()(x), turned)
    assert not list(WholePool().parameters())


def test_the_whole_sound_classifier_is_the_twin():
    """Made of one description, weights and names of `--model esc-vgg` are those of `esc-vgg-ann`."""
    torch.manual_seed(0)
    classifier = sound_network("esc-vgg", 48, 40, 10)
    torch.manual_seed(0)
    twin = pair(PAIRS["esc-vgg"], (1, 40, 48), 10, spiking=False)
    wanted = {f"classifier.{name}": tensor for name, tensor in twin.state_dict().items()}
    found = classifier.state_dict()
    assert list(found) == list(wanted)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("name", PAIRS)
def test_both_kinds_have_the_same_weights(name):
    assert weights(network(name)) == weights(network(name, spiking=False))


@pytest.mark.parametrize("learnt", [False, True])
@pytest.mark.parametrize("name", PAIRS)
def test_the_spiking_one_learns_a_step(name, learnt):
    net = network(name, learnt=learnt).train()
    x = 4 * torch.rand(6, *SHAPES[name], generator=torch.Generator().manual_seed(1))
    before = {n: p.detach().clone() for n, p in net.named_parameters()}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    loss = torch.nn.functional.cross_entropy(answer_of(net, x, STEPS), torch.arange(6) % 4)
    loss.backward()
    optimizer.step()
    moved = [n for n, p in net.named_parameters() if not torch.equal(p, before[n])]
    assert torch.isfinite(loss)
    assert any("weight" in n for n in moved)
    leaks = [n for n, m in net.named_modules() if isinstance(m, LearntLeak)]
    assert bool(leaks) == learnt
    assert not learnt or any(n.endswith("pressed") for n in moved)


@pytest.mark.parametrize("name", PAIRS)
def test_the_twin_learns_a_step(name):
    net = network(name, spiking=False).train()
    x = torch.rand(6, *SHAPES[name])
    torch.nn.functional.cross_entropy(net(x), torch.arange(6) % 4).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


@pytest.mark.parametrize("learnt", [False, True])
@pytest.mark.parametrize("name", a_third(THROUGHOUT))
def test_the_spiking_one_is_read_and_compiled(name, learnt):
    net = settled(network(name, learnt=learnt).eval()) if learnt else network(name).eval()
    source = sw.from_norse(net, input_shape=SHAPES[name])
    raster = np.random.default_rng(0).integers(0, 9, (2, STEPS, *SHAPES[name]))
    with torch.no_grad():
        answers = answer_of(net, torch.from_numpy(raster[:, 0]).float(), STEPS).numpy()
    held = np.repeat(raster[:, :1], STEPS, axis=1)
    assert np.allclose(float_reference(source, held).output.sum(1), answers, rtol=1e-3, atol=1e-3)
    program = sw.compile(source, target="fixed", data=held)
    fed = held.reshape(2, STEPS, *program.input.shape)  # a wave is an image of height 1 to a program
    assert sw.run(program, fed, record=()).output.shape == (2, STEPS, 4)


def test_a_learnt_decay_becomes_norses():
    torch.manual_seed(1)
    leak = LearntLeak(0.3)
    x, state, other = torch.rand(7, 2, 5) * 3, None, None
    cell = leak.settled()
    assert leak.decay == pytest.approx(0.3)
    for t in range(7):
        z, state = leak(x[t], state)
        wanted, other = cell(x[t], other)
        assert torch.equal(z, wanted)


@pytest.mark.parametrize("decay_learnt", [False, True])
def test_a_learnt_threshold_becomes_norses(decay_learnt):
    torch.manual_seed(1)
    leak = LearntLeak(0.3, decay_learnt=decay_learnt, threshold_learnt=True)
    assert leak.threshold == 1
    leak.raised.data += 0.4
    assert leak.threshold == pytest.approx(np.exp(0.4))
    assert sorted(n for n, _ in leak.named_parameters()) == (["pressed", "raised"] if decay_learnt else ["raised"])
    x, state, other, cell = torch.rand(40, 2, 50) * 3, None, None, leak.settled()
    fired = 0
    for t in range(40):
        z, state = leak(x[t], state)
        wanted, other = cell(x[t], other)
        assert torch.equal(z, wanted)
        fired += int(z.sum())
    assert 0 < fired < x.numel()


def test_what_is_not_learnt_is_as_it_was():
    """A cell whose threshold is given computes, learns and is stored as before thresholds could be learnt."""
    leak = LearntLeak(0.5)
    assert leak.threshold == 1
    assert list(leak.state_dict()) == ["pressed"]
    x = torch.full((3,), 4.0, requires_grad=True)
    z, held = leak(x)
    assert z.tolist() == [1.0, 1.0, 1.0]
    assert held.tolist() == [0.0, 0.0, 0.0]


def test_the_slope_of_a_threshold_is_that_of_the_surrogate():
    """dz/db = -1 / (1 + |v - b|)^2, and b = exp(raised): Norse 1.1.0 takes no notice of how steep it is told to be."""
    leak = LearntLeak(0.5, decay_learnt=False, threshold_learnt=True)
    leak.raised.data.fill_(0.2)
    x = torch.tensor([0.4, 3.0, 5.0])
    z, _ = leak(x)
    z.sum().backward()
    over = 0.5 * x.numpy() - np.exp(np.float32(0.2))
    wanted = -np.exp(0.2) * (1 / (1 + np.abs(over)) ** 2).sum()
    assert float(leak.raised.grad) == pytest.approx(wanted, rel=1e-5)


def test_a_threshold_is_positive_however_far_it_is_pulled_down():
    leak = LearntLeak(0.5, threshold_learnt=True)
    leak.raised.data.fill_(-50.0)
    assert 0 < leak.threshold < 1e-20


@pytest.mark.parametrize("name", a_third(THROUGHOUT))
def test_learnt_thresholds_are_compiled_and_equal_on_every_engine(name):
    net = network(name, learnt_threshold=True).eval()
    leaks = [m for m in net.modules() if isinstance(m, LearntLeak)]
    for k, leak in enumerate(leaks):
        leak.raised.data.fill_(0.5 * (-1) ** k)
    ready = settled(net)
    raster = np.random.default_rng(0).integers(0, 9, (2, 1, *SHAPES[name])).repeat(STEPS, axis=1)
    with torch.no_grad():
        x = torch.from_numpy(raster[:, 0]).float()
        answers = answer_of(ready, x, STEPS)
        assert torch.equal(answers, answer_of(net, x, STEPS))
    source = sw.from_norse(ready, input_shape=SHAPES[name])
    assert np.allclose(float_reference(source, raster).output.sum(1), answers.numpy(), rtol=1e-3, atol=1e-3)
    program = sw.compile(source, target="fixed", data=raster)
    fed = raster.reshape(2, STEPS, *program.input.shape)
    wanted = sw.run(program, fed, engine="reference")
    silent = [
        population for population, spikes in wanted.spikes.items() if population != "readout" and not spikes.any()
    ]
    assert not silent or name not in DEEP
    plain = sw.compile(sw.from_norse(network(name).eval(), input_shape=SHAPES[name]), target="fixed", data=raster)
    first = next(iter(wanted.spikes))
    assert wanted.spikes[first].sum() != sw.run(plain, fed).spikes[first].sum()
    for engine in ("fast", "torch"):
        found = sw.run(program, fed, engine=engine)
        np.testing.assert_array_equal(found.output, wanted.output)
        for population in wanted.spikes:
            np.testing.assert_array_equal(found.spikes[population], wanted.spikes[population])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: pair_layout("hj"), "did you mean 'hjh'"),
        (lambda: pair_layout("m5", 0), "width 0"),
        (lambda: pair(PAIRS["m5"], (1, 100), 4, spiking=True), "is too small"),
        (lambda: pair(PAIRS["tcy"], (1, 41, 50), 4, spiking=True), "both multiples of 10"),
        (lambda: pair(PAIRS["m5"], (1, 60, 41), 4, spiking=True), "feed it what it was described for"),
        (lambda: pair(PAIRS["esc-vgg"], (1, 8, 8), 4, spiking=True), "32 values behind the last pool"),
        (lambda: answer_of(None, None, 0), "0 steps"),
    ],
)
def test_what_cannot_be_built_is_refused(make, said):
    with pytest.raises(InputError, match=said):
        make()
