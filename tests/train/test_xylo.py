"""Training for a Xylo chip: the chip's order of events, decays that are shifts, patterns of outputs, end to end."""

import json

import numpy as np
import pytest
import torch

from exporters.program_file import read_program_file
from exporters.xylo.specification import specify
from sim.engines import run
from sim.errors import InputError
from snn2hw.commands import main
from snn2hw.files.rasters import read_raster
from snn2hw.models.xylo import XyloLayout, answer_code
from snn2hw.network.float_reference import float_reference
from snn2hw.problems import ProblemsError
from snn2hw.train.xylo_net import XyloNet, xylo_source
from snn2hw.train.xylo_scan import xylo_spikes
from tests.train.tones import write_tones


def by_hand(x, share_syn, share_mem, most):
    """One neuron, one step after the other, as docs/xylo.md writes it without rounding."""
    i = v = 0.0
    sent = []
    for drive in x:
        i = (i + drive) * (1 - share_syn)
        v = v * (1 - share_mem) + i
        z = min(most, int(v)) if v >= 1 else 0
        v -= z
        sent.append(z)
    return sent


@pytest.mark.parametrize("most", [1, 31])
def test_spikes_come_in_the_chips_order_of_events(most):
    drive = np.random.default_rng(0).normal(0.4, 1.0, (40, 1, 3))
    syn, mem = np.array([0.5, 0.25, 0.125]), np.array([0.25, 0.125, 0.5])
    found = xylo_spikes(*(torch.from_numpy(a) for a in (drive, syn, mem)), most).numpy()
    for n in range(3):
        assert found[:, 0, n].tolist() == by_hand(drive[:, 0, n], syn[n], mem[n], most)
    assert found.max() == most if most == 1 else found.max() > 2


def test_gradients_follow_the_states_where_a_spike_is_smooth():
    """Between thresholds the surrogate is the slope of one function of v: its integral's differences say so."""
    drive = (0.02 * torch.rand(12, 2, 3, dtype=torch.float64)).requires_grad_()
    syn = torch.tensor([0.5, 0.25, 0.125], dtype=torch.float64, requires_grad=True)
    mem = torch.tensor([0.25, 0.125, 0.5], dtype=torch.float64, requires_grad=True)
    weight = torch.rand(12, 2, 3, dtype=torch.float64)

    def smooth(drive, syn, mem):
        i, v, total = 0, 0, 0
        for t in range(len(drive)):
            i = (1 - syn) * (i + drive[t])
            v = (1 - mem) * v + i
            total = total + (weight[t] * (1 / (2 * (1 + 2 * (1 - v))))).sum()  # its slope: 1 / (1 + 2 (1 - v))^2
        return total

    wanted = torch.autograd.grad(smooth(drive, syn, mem), (drive, syn, mem))
    found = torch.autograd.grad((weight * xylo_spikes(drive, syn, mem, 31)).sum(), (drive, syn, mem))
    for a, b in zip(wanted, found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


@pytest.fixture
def net():
    torch.manual_seed(1)
    net = XyloNet(XyloLayout(hidden=(20, 12), dropout=0.0), 16, 10)
    for norm in net.norms:
        norm.running_power.uniform_(0.0004, 0.001)
    return net.eval()


def test_the_source_means_what_the_network_computes(net):
    messages = np.random.default_rng(0).integers(0, 3, (3, 50, 1, 1, 16))
    with torch.no_grad():
        wanted = net.outputs(torch.from_numpy(messages[:, :, 0, 0] * 0.1).float()).numpy()
    found = float_reference(xylo_source(net, 0.1, "test"), messages).output
    assert wanted.mean() > 0.1
    assert found.max() == 1  # an output of the chip sends one spike a step
    assert (found == wanted).mean() > 0.99


def test_every_decay_is_a_shift(net):
    graph = xylo_source(net, 0.1, "test").graph
    for name in ("hidden1", "hidden2", "output_neurons"):
        for tau in (graph.nodes[name].tau_syn, graph.nodes[name].tau_mem):
            shifts = np.log2(tau / 1e-3)
            assert (shifts == np.rint(shifts)).all()


def test_ten_classes_have_patterns_of_four_outputs_that_differ_in_four():
    code = answer_code(10)
    assert code.shape == (10, 8)
    assert (code.sum(axis=1) == 4).all()
    apart = np.abs(code[:, None] - code[None]).sum(axis=2)
    assert apart[~np.eye(10, dtype=bool)].min() == 4
    assert answer_code(14).shape == (14, 8)
    assert len({tuple(word) for word in answer_code(35).tolist()}) == 35
    with pytest.raises(InputError, match="71 classes: eight outputs have patterns for 1 to 70"):
        answer_code(71)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"hidden": (1001,)}, "a Xylo chip has 1000"),
        ({"hidden": ()}, "a Xylo chip has 1000"),
        ({"dash_syn": (0.0, 1.0)}, "shifts lie between 1 and 15"),
        ({"dropout": 1.0}, "use a share from 0 to below 1"),
    ],
)
def test_a_layout_that_no_chip_has_is_refused(values, said):
    with pytest.raises(InputError, match=said):
        XyloLayout(**values)


def trained(tmp_path, *options):
    where = ["--data", str(write_tones(tmp_path / "data")), "-o", str(tmp_path / "run")]
    return main(["train", "folder", "--target", "xylo2", *where, "--batch", "16", *options])


def test_train_leaves_a_program_that_a_xylo_chip_holds(tmp_path, capsys):
    assert trained(tmp_path, "--epochs", "2", "--size", "xylo-small", "--validation", "0.2") == 0
    run_folder = tmp_path / "run"
    summary = json.loads((run_folder / "summary.json").read_text())
    assert set(summary["accuracy"]["test"]) == {"float", "integer"}
    program = read_program_file(run_folder / "program.nir").program
    assert specify(program).arguments["weights_in"].shape[0] == 16
    raster = read_raster(run_folder / "test.npz", program.input.shape)
    assert raster.spikes.min() >= 0
    assert 0 < raster.spikes.max() <= 15
    run(program, raster.spikes)
    capsys.readouterr()
    assert main(["listen", str(run_folder / "program.nir"), str(tmp_path / "data" / "0.wav")]) == 2
    assert "does not say how it listens" in capsys.readouterr().err


def test_what_is_pruned_is_zero_in_the_chips_weights(tmp_path):
    assert trained(tmp_path, "--epochs", "3", "--size", "xylo-small", "--prune", "0.5", "--prune-scope", "layer") == 0
    saved = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["best"]["weights"]
    shares = {name: float((w == 0).float().mean()) for name, w in saved.items() if w.ndim > 1}
    assert set(shares.values()) == {0.5}
    program = read_program_file(tmp_path / "run" / "program.nir").program
    zeros = [int((c.wiring.weight == 0).sum()) for p in program.populations for c in p.inputs]
    sizes = [c.wiring.weight.size for p in program.populations for c in p.inputs]
    assert all(z >= size // 2 for z, size in zip(zeros, sizes, strict=True))


def test_more_classes_than_outputs_are_written_as_patterns(tmp_path, net):
    from dataclasses import replace

    from snn2hw.train.stream_data import Spoken, centred, stream_recipe_for
    from snn2hw.train.stream_program import compiled_stream, judged_stream, write_stream

    recipe = replace(stream_recipe_for("fsdd", "xylo"), xylo=XyloLayout(hidden=(20, 12)))
    power = np.random.default_rng(0).gamma(0.3, 1.0, (8, recipe.frames, 129)).astype(np.float32)
    data = Spoken(power, np.full(8, recipe.frames), np.arange(8))
    recipe = centred(recipe, data)
    names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    compiled = compiled_stream(net, recipe, data)
    assert judged_stream(net, compiled, recipe, data)["integer"].count == 8
    write_stream(compiled, recipe, names, 1.0, tmp_path / "p.nir")
    found = read_program_file(tmp_path / "p.nir")
    assert found.attachments["patterns"] == {"classes": list(names), "code": answer_code(10).tolist()}
    assert found.attachments["purpose"].get("classes") is None  # no output stands for one class


def test_what_a_xylo_chip_does_not_run_is_refused(tmp_path, capsys):
    assert trained(tmp_path, "--model", "cnn") == 2
    assert "--model cnn: does not run on a Xylo chip" in capsys.readouterr().err
    assert trained(tmp_path, "--size", "medium") == 2
    assert "is no size of a streaming network  fix: choose xylo-small" in capsys.readouterr().err


def test_a_front_end_of_before_keeps_its_form():
    from snn2hw.audio.mel_stream import MelFront, front_from, front_to, heard

    assert "events" not in front_to(MelFront())
    front = MelFront(events=True, mean="none")
    assert front_from(front_to(front), "x") == front
    assert front.messages == (0, 63)
    assert heard(np.zeros(2000), MelFront(events=True)).min() == 0


@pytest.mark.parametrize("most", [True, -1, 256, 1.5])
def test_a_bound_of_spikes_that_is_none_is_refused(net, most):
    from snn2hw.sources.graph import assemble

    graph = xylo_source(net, 0.1, "test").graph
    graph.nodes["hidden1"].metadata["most"] = most
    with pytest.raises(ProblemsError, match="metadata most is"):
        assemble(graph.nodes, graph.edges, "test")


def test_a_bound_of_spikes_holds_on_other_chips_and_in_nir(net):
    from snn2hw.compiler.compile import compile_source
    from snn2hw.network.to_nir import to_nir

    source = xylo_source(net, 0.1, "test")
    program = compile_source(source, "loihi2", messages=(0, 15), steps=10).program
    assert program.output.most_sent == 1
    assert program.by_name["hidden1"].most_sent > 1
    assert to_nir(source).nodes["output_neurons"].metadata["most"] == 1
