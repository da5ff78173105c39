"""Lags that learn: heard between whole steps, rounded as training goes on, found where a task needs them, compiled."""

import json

import nir
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from exporters.program_file import read_program_file
from snn2hw.compiler.compile import compile_source
from snn2hw.models.stream import DT_S, StreamLayout
from snn2hw.network.float_reference import float_reference
from snn2hw.sources.graph import assemble
from snn2hw.sources.source import Source
from snn2hw.train.lags import LearntLags
from snn2hw.train.norse_scan import constants_of, spikes_in_time
from snn2hw.train.stream_cell import lif_cell
from snn2hw.train.stream_net import stream_net
from snn2hw.train.stream_source import cuba_cells, stream_source
from snn2hw.verification import verify
from tests.train.test_stream import trained

CHANNELS, STEPS, MOST = 6, 24, 8


def lags_of(values):
    lags = LearntLags(len(values), MOST)
    lags.lag.data = torch.tensor(values, dtype=torch.float32)
    return lags


def shifted(x, lags):
    """Delay by hand: (b, c, T)."""
    y = torch.zeros_like(x)
    for c, lag in enumerate(lags):
        y[:, c, lag:] = x[:, c, : x.shape[2] - lag]
    return y


def test_judged_lags_are_the_nearest_whole_ones():
    lags, x = lags_of([0.4, 2.6, 8.9, -1.0]).eval(), torch.rand(2, 4, 20)
    assert lags.whole().tolist() == [0, 3, 8, 0]
    assert torch.equal(lags(x), shifted(x, [0, 3, 8, 0]))


def test_near_its_end_a_lag_is_heard_between_its_two_whole_neighbours_and_then_rounded():
    lags, x = lags_of([2.25]).train(), torch.rand(1, 1, 20)
    lags.settle(0.7999)
    wanted = 0.75 * shifted(x, [2]) + 0.25 * shifted(x, [3])
    torch.testing.assert_close(lags(x), wanted, rtol=1e-3, atol=1e-3)
    lags.settle(0.8)
    assert torch.equal(lags(x), shifted(x, [2]))
    lags(x)[0, 0, 10].backward()
    assert lags.lag.grad.abs() > 0  # it may still move


def test_early_in_training_a_lag_hears_all_around_it_and_loses_nothing():
    lags = lags_of([4.0]).train()
    heard = lags(torch.eye(1, 20)[None])[0, 0]
    assert (heard[1:8] > 0).all()
    assert heard.sum().item() == pytest.approx(1)


def coincidences(count, seed=0):
    """Two classes: one spike on every channel, at this class's own time each, somewhere in the sample."""
    rng = np.random.default_rng(seed)
    times = np.array([[0, 3, 6, 1, 7, 4], [7, 4, 1, 6, 0, 3]])
    x, labels = np.zeros((count, STEPS, CHANNELS), np.int32), rng.integers(0, 2, count)
    for row, label in zip(x, labels, strict=True):
        row[times[label] + rng.integers(0, 8), np.arange(CHANNELS)] = 1
    return x, labels


class Detector(nn.Module):
    """Channels, each with its lag, to two neurons that forget at once: they fire where spikes arrive together."""

    def __init__(self):
        super().__init__()
        self.lags = nn.ModuleList(LearntLags(CHANNELS, MOST) for _ in range(2))
        self.weight = nn.ParameterList(nn.Parameter(torch.full((CHANNELS,), 0.4)) for _ in range(2))
        self.cell = lif_cell(0.0, 0.0)

    def forward(self, x):
        drive = torch.stack(
            [(lags(x.transpose(1, 2)) * w[:, None]).sum(1) for lags, w in zip(self.lags, self.weight, strict=True)], 2
        )
        return spikes_in_time(drive.transpose(0, 1).contiguous(), constants_of(self.cell), STEPS).sum(0)


def detector(learn, epochs=60):
    torch.manual_seed(2)
    model = Detector()
    if not learn:
        for lags in model.lags:
            lags.lag.requires_grad_(False).zero_()
    x, labels = coincidences(64)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.15)
    for epoch in range(epochs):
        for lags in model.lags:
            lags.settle(epoch / epochs)
        optimiser.zero_grad()
        cross_entropy(2 * model.train()(torch.from_numpy(x).float()), torch.from_numpy(labels)).backward()
        optimiser.step()
    return model.eval()


def right(model):
    x, labels = coincidences(100, seed=1)
    with torch.no_grad():
        return float((model(torch.from_numpy(x).float()).argmax(1).numpy() == labels).mean())


def source_of(model):
    """Say it as a Source: a Delay of its own for each channel, once for each neuron."""
    nodes = {"input": nir.Input({"input": np.array([CHANNELS])}), "out": cuba_cells((2,), 0.0, 0.0)}
    edges = [("out", "output")]
    nodes["output"] = nir.Output({"output": np.array([2])})
    for k, (lags, weight) in enumerate(zip(model.lags, model.weight, strict=True)):
        rows = np.zeros((2, CHANNELS))
        rows[k] = weight.detach().double().numpy()
        nodes |= {f"wait{k}": nir.Delay(lags.whole().numpy() * DT_S), f"fc{k}": nir.Linear(rows)}
        edges += [("input", f"wait{k}"), (f"wait{k}", f"fc{k}"), (f"fc{k}", "out")]
    return Source(assemble(nodes, edges, "test"), DT_S, "euler", "value", "test")


def test_lags_are_learnt_where_only_they_can_tell_and_every_executor_has_them():
    fixed, model = detector(learn=False), detector(learn=True)
    assert right(model) > 0.95
    assert right(fixed) < 0.8
    x, _ = coincidences(12, seed=3)
    source = source_of(model)
    with torch.no_grad():
        wanted = model(torch.from_numpy(x).float()).numpy()
    assert (float_reference(source, x).output.sum(axis=1) == wanted).all()
    made = compile_source(source, "loihi2", x)
    verdict = verify(made.program, x, against=("fast", "onnx", "c"))
    assert verdict.equal, str(verdict)
    lags = {c.lag for p in made.program.populations for c in p.inputs}
    assert lags == {int(n) for each in model.lags for n in each.whole()}


SMALL = StreamLayout(channels=(3, 4), hidden=6, spread=(1, 2, 3), dropout=0.0)


def test_the_streaming_network_with_learnt_lags_means_the_same_as_a_source():
    torch.manual_seed(0)
    model = stream_net(SMALL, 12, 3, delays=5)
    for norm in model.norms:
        nn.init.normal_(norm.bias, std=0.5)
        norm.running_var.uniform_(0.5, 2)
    model.eval()
    assert len(set(model.lags.whole().tolist())) > 3
    messages = np.random.default_rng(0).integers(-20, 21, (2, 15, 1, 1, 12))
    with torch.no_grad():
        wanted = model(torch.from_numpy(messages[:, :, 0, 0] * 0.05).float()).numpy()
    found = float_reference(stream_source(model, SMALL, 12, 0.05, "test"), messages).output
    assert np.isclose(found, wanted, atol=1e-4).mean() > 0.99


def test_train_learns_lags_and_writes_them_into_the_program(tmp_path, capsys):
    assert trained(tmp_path, "--epochs", "1", "--size", "small", "--delays", "6") == 0
    program = read_program_file(tmp_path / "run" / "program.nir").program
    lags = {c.lag for c in program.by_name["hidden"].inputs}
    assert len(lags) > 3
    assert max(lags) <= 6
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["epochs"] == 1
    capsys.readouterr()
    assert trained(tmp_path, "--model", "vgg", "--delays", "6") == 2
    assert "delays 6: not in 0..63, or the model has none" in capsys.readouterr().err
