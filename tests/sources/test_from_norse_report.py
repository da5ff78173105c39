"""What from_norse refuses: everything at once, each with its place and what to write instead; what it leaves alone."""

from collections.abc import Callable
from typing import Any

import norse.torch as norse
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.module import _global_forward_hooks, _global_forward_pre_hooks

from sim.errors import Snn2hwError
from snn2hw.problems import ProblemsError
from snn2hw.sources.from_norse import from_norse

Sequence = norse.SequentialState


class Net(nn.Module):
    """fc and lif, threaded by ``each`` over the first axis."""

    def __init__(self, each: Callable[["Net", torch.Tensor, Any], Any]) -> None:
        super().__init__()
        self.fc, self.lif, self.second, self.each = nn.Linear(3, 4), norse.LIFCell(), norse.LIFCell(), each

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state, outputs = None, []
        for ts in range(x.shape[0]):
            z, state = self.each(self, x[ts], state)
            outputs.append(z)
        return torch.stack(outputs)


def forgets(net: Net, x: torch.Tensor, state: Any) -> Any:
    return net.lif(net.fc(x))[0], None


def changes_state(net: Net, x: torch.Tensor, state: Any) -> Any:
    z, state = net.lif(net.fc(x), state)
    return z, norse.LIFFeedForwardState(v=state.v * 0.5, i=state.i)


def membrane(net: Net, x: torch.Tensor, state: Any) -> Any:
    _, state = net.lif(net.fc(x), state)
    return state.v, state


def branches(net: Net, x: torch.Tensor, state: Any) -> Any:
    z, state = net.lif(net.fc(x), state)
    return (z if z[0, 0] > 0 else z * 0), state


def gates(net: Net, x: torch.Tensor, state: Any) -> Any:
    y = net.fc(x)
    return net.lif(y * y, state)


def slices(net: Net, x: torch.Tensor, state: Any) -> Any:
    z, state = net.lif(net.fc(x), state)
    return z[:, :2], state


def concatenates(net: Net, x: torch.Tensor, state: Any) -> Any:
    z, state = net.lif(net.fc(x), state)
    return torch.cat([z, z], 0), state


def fires_by_hand(net: Net, x: torch.Tensor, state: Any) -> Any:
    return net.lif((net.fc(x) > 0.5).float(), state)


def always_drops(net: Net, x: torch.Tensor, state: Any) -> Any:
    return net.lif(F.dropout(net.fc(x)), state)


def starts_otherwise(net: Net, x: torch.Tensor, state: Any) -> Any:
    return net.lif(x.new_ones(x.shape[0], 4), state) if state is None else net.lif(net.fc(x) + 0.5, state)


def changes_a_view(net: Net, x: torch.Tensor, state: Any) -> Any:
    y = net.fc(x)
    flat = y.view(-1, 4)
    y += 1.0
    return net.lif(flat, state)


def other_layers_state(net: Net, x: torch.Tensor, state: Any) -> Any:
    one, two = state or (None, None)
    z, one = net.lif(net.fc(x), two)
    z, two = net.second(z, one)
    return z, (one, two)


class LinearAtTheEnd(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(super().forward(x).max(0).values[:, :3])


class AddsPicture(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.arange(36.0).view(6, 6)


class Backwards(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.flip(0))


class EverySecond(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x[::2])


class EncodesSpikes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.lif, self.second = nn.Linear(3, 4), norse.LIFCell(), norse.LIFCell()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z, _ = self.lif(self.fc(x))
        s, out = None, []
        for now in norse.functional.encode.poisson_encode(z, 10):
            y, s = self.second(now, s)
            out.append(y)
        return torch.stack(out)


class TwoEncoders(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = norse.ConstantCurrentLIFEncoder(10), norse.SpikeLatencyLIFEncoder(10)
        self.snn = Net(lambda n, x, s: n.lif(n.fc(x), s))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.snn(self.one(x) + self.two(x))


def dense(cell: nn.Module) -> nn.Module:
    return Sequence(nn.Linear(3, 4), cell)


def conv(*layers: nn.Module) -> nn.Module:
    return Sequence(*layers, norse.LIFCell())


FORGETS = f"test_from_norse_report.py:{forgets.__code__.co_firstlineno + 1}"
REFUSED: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str, str]] = {
    "ReLU": (lambda: Sequence(nn.Linear(3, 4), nn.ReLU(), norse.LIFCell()), (3,), "1 (ReLU): relu", "snn2hw convert"),
    "GELU": (lambda: Sequence(nn.Linear(3, 4), nn.GELU(), norse.LIFCell()), (3,), "1 (GELU): gelu", "a neuron is"),
    "softmax": (lambda: dense(nn.Softmax(1)), (3,), "1 (Softmax): softmax", "behind the reduction over time"),
    "LSTM": (lambda: Sequence(nn.LSTM(3, 4), norse.LIFCell()), (3,), "0 (LSTM): lstm", "use LIFRecurrentCell"),
    "adaptive threshold": (lambda: dense(norse.LSNNCell()), (3,), "1 (LSNNCell): LSNNCell has no NIR node", "LIFCell"),
    "Izhikevich": (lambda: dense(norse.IzhikevichCell(norse.tonic_spiking)), (3,), "1 (IzhikevichCell)", "use one of"),
    "two encoders": (TwoEncoders, (3,), "input: reads several inputs", "one input"),
    "threshold by hand": (
        lambda: Net(fires_by_hand), (3,), "gt is not an operation", "a threshold is part of a neuron",
    ),
    "reset by a function of one's own": (
        lambda: dense(norse.LIFBoxCell(norse.LIFBoxParameters(reset_method=lambda z, v, r, t: v))),
        (3,), "1 (LIFBoxCell): reset method <lambda>", "reset_value or norse.torch.reset_subtract",
    ),
    "no leak": (
        lambda: dense(norse.LIFCell(norse.LIFParameters(tau_mem_inv=torch.tensor(0.0)))),
        (3,), "1 (LIFCell): dt * tau_mem_inv is 0", "give a tau_mem_inv above 0",
    ),
    "not a number": (
        lambda: dense(norse.LIFCell(norse.LIFParameters(v_th=torch.tensor(float("nan"))))),
        (3,), "1 (LIFCell): v_th is not finite", "finite parameters",
    ),
    "max of sums": (
        lambda: conv(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2)),
        (1, 8, 8), "1 (MaxPool2d): max pooling of something that is not spikes", "behind the neuron",
    ),
    "ceil_mode": (
        lambda: conv(nn.AvgPool2d(3, 2, ceil_mode=True), nn.Conv2d(1, 2, 3)),
        (1, 8, 8), "0 (AvgPool2d): ceil_mode adds a window", "ceil_mode=False",
    ),
    "adaptive pooling with uneven windows": (
        lambda: conv(nn.AdaptiveAvgPool2d(3), nn.Conv2d(1, 2, 3)),
        (1, 8, 8), "windows differ in size", "divide the input's",
    ),
    "large transposed convolution": (
        lambda: conv(nn.ConvTranspose2d(1, 2, 3, stride=2)), (1, 64, 64), "conv_transpose2d as a matrix", "a stride",
    ),
    "circular padding": (
        lambda: conv(nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular")), (1, 8, 8), "0 (Conv2d): pad", "padding=",
    ),
    "batch norm without statistics": (
        lambda: conv(nn.BatchNorm2d(1, track_running_stats=False)), (1, 8, 8), "without running statistics", "eval()",
    ),
    "Linear over the last axis": (lambda: conv(nn.Linear(8, 4)), (1, 8, 8), "the last axis of (1, 8, 8)", "Flatten"),
    "unflatten": (lambda: conv(nn.Unflatten(1, (1, 3)), nn.Conv1d(1, 2, 2)), (3,), "(3,) to (1, 3)", "input_shape"),
    "LPPool of norm 2": (lambda: conv(nn.LPPool2d(2, 2)), (1, 8, 8), "LPPool with norm 2", "norm_type=1"),
    "compiled": (
        lambda: torch.jit.trace(nn.Linear(3, 4), torch.zeros(1, 3)), (3,), "its operations cannot be watched", "before",
    ),
    "no neuron": (lambda: nn.Linear(3, 4), (3,), "holds no neuron", "snn2hw convert"),
    "state forgotten": (lambda: Net(forgets), (3,), f"{FORGETS}: LIFCell starts without its state", "keep the state"),
    "state changed": (lambda: Net(changes_state), (3,), "the state of LIFCell is changed", "hand the state on"),
    "another's state": (lambda: Net(other_layers_state), (3,), "gets the state of", "its own state"),
    "membrane of a spiking layer": (lambda: Net(membrane), (3,), "reads the state variable v of lif", "LICell"),
    "branch": (lambda: Net(branches), (3,), "looks at the numbers of a signal", "the same for every input"),
    "product of signals": (lambda: Net(gates), (3,), "multiplies two signals", "multiply by a constant"),
    "slice": (lambda: Net(slices), (3,), "takes a part of a signal", "linear layer"),
    "concatenation of samples": (lambda: Net(concatenates), (3,), "concatenates signals along another", "dim=1"),
    "dropout that stays": (lambda: Net(always_drops), (3,), "dropout that is always on", "training=self.training"),
    "first step differs": (lambda: Net(starts_otherwise), (3,), "computes something else in step 0", "in every step"),
    "constant that differs along an image": (
        lambda: conv(nn.Conv2d(1, 2, 3), AddsPicture()), (1, 8, 8), "adds a constant that is no", "one number per",
    ),
    "in place on a view": (lambda: Net(changes_a_view), (3,), "another one is a view of", "without the underscore"),
    "layer behind the maximum over time": (
        lambda: LinearAtTheEnd(lambda n, x, s: n.lif(n.fc(x), s)), (3,), "linear behind max over time", "in front",
    ),
    "backwards in time": (lambda: Backwards(forgets), (3,), "flip is not an operation", "use Linear"),
    "every second step": (
        lambda: EverySecond(lambda n, x, s: n.lif(n.fc(x), s)), (3,), "runs in 2 of 4 steps", "once in every step",
    ),
    "plain Sequential": (
        lambda: nn.Sequential(nn.Linear(3, 4), norse.LIFCell()), (3,), "gets all of them", "SequentialState",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.torch.jit.:DeprecationWarning")
@pytest.mark.parametrize("name", REFUSED)
def test_refusals_name_place_and_cure(name: str) -> None:
    make, shape, where_and_what, fix = REFUSED[name]
    with pytest.raises(Snn2hwError) as caught:
        from_norse(make(), shape)
    assert isinstance(caught.value, ProblemsError)
    matching = [p for p in caught.value.problems if where_and_what in f"{p.where}: {p.what}"]
    assert matching, str(caught.value)
    assert fix in matching[0].fix, str(caught.value)


def test_an_encoder_behind_neurons_is_refused() -> None:
    with pytest.raises(ProblemsError, match=r"poisson_encode encodes a signal of the network  fix: encode the input"):
        from_norse(EncodesSpikes(), (3,), layout="static")


def test_one_report_lists_everything_unsupported() -> None:
    layers = (
        nn.Conv2d(1, 2, 3), nn.GELU(), norse.LIFCell(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Tanh(),
        norse.LIFAdExCell(), nn.Flatten(), nn.LayerNorm(50),
        norse.LIFBoxCell(norse.LIFBoxParameters(tau_mem_inv=torch.tensor(-1.0))),
    )  # fmt: skip
    with pytest.raises(ProblemsError) as caught:
        from_norse(Sequence(*layers), (1, 12, 12))
    places = [p.where.split()[0] for p in caught.value.problems]
    assert places == ["1", "3", "4", "5", "7", "8"]
    assert str(caught.value).startswith("norse: SequentialState: 6 problems\n  1 (GELU): gelu")


def test_a_forward_that_stops_says_where_and_with_which_shape() -> None:
    with pytest.raises(
        Snn2hwError, match=r"0 \(Linear\).*cannot be multiplied.*fix: it was given .B, \*shape. with shape"
    ):
        from_norse(dense(norse.LIFCell()), (5,))


def test_a_module_is_left_as_it_was() -> None:
    module = Sequence(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(), norse.LIFCell())
    module[2].eval()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    rng = torch.get_rng_state()
    from_norse(module, (1, 6, 6))
    assert [m.training for m in module.modules()] == [True, True, True, False, True]
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    assert not _global_forward_hooks
    assert not _global_forward_pre_hooks
    assert torch.equal(torch.get_rng_state(), rng)
    assert all(p.grad is None for p in module.parameters())


def test_hooks_are_gone_after_a_refusal() -> None:
    module = dense(nn.Softmax(1))
    with pytest.raises(ProblemsError):
        from_norse(module, (3,))
    assert not _global_forward_hooks
    assert not _global_forward_pre_hooks


def test_the_leak_is_taken_in_the_dtype_in_which_norse_multiplies() -> None:
    tau = torch.tensor(1 / 0.0123)
    source = from_norse(dense(norse.LIFCell(norse.LIFParameters(tau_mem_inv=tau))), (3,))
    node = next(n for n in source.nodes.values() if type(n).__name__ == "CubaLIF")
    assert abs(source.dt / node.tau_mem[0] - float((0.001 * tau).double())) < 1e-16
    assert abs(source.dt / node.tau_mem[0] - 0.001 / 0.0123) > 1e-10


@pytest.mark.parametrize(
    ("reduction", "note"),
    [
        (lambda y: y.max(0).values, "max over time"),
        (lambda y: torch.max(y, dim=0)[0], "max over time"),
        (lambda y: y.amax(0), "max over time"),
        (lambda y: y.mean(dim=0), "mean over time"),
        (lambda y: y.sum(0).softmax(1).argmax(1), "sum over time, softmax, argmax"),
        (lambda y: F.log_softmax(y[-1], dim=1), "last step, log_softmax"),
        (lambda y: y[-1].max(1).indices, "last step, max"),
        (lambda y: y, None),
        (lambda y: sum(y), "sum over time"),
    ],
)
def test_what_follows_the_last_layer_is_noted(reduction: Callable[[Any], Any], note: str | None) -> None:
    class Read(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return reduction(super().forward(x))

    source = from_norse(Read(lambda n, x, s: n.lif(n.fc(x), s)), (3,))
    assert source.notes == (() if note is None else (f"output: {note}",))


def test_a_layer_in_time_says_that_it_reads_all_steps() -> None:
    with pytest.raises(ProblemsError, match=r"1 \(LIF\).*reads all steps and gets one  fix: use LIFCell"):
        from_norse(dense(norse.LIF()), (3,), layout="step")


@pytest.mark.parametrize("layer", [nn.Linear(3, 4), nn.Conv2d(1, 2, 3)])
def test_weights_that_are_not_finite_are_refused_where_they_are(layer):
    nn.init.constant_(layer.weight, float("nan"))
    shape = (3,) if isinstance(layer, nn.Linear) else (1, 5, 5)
    with pytest.raises(ProblemsError) as caught:
        from_norse(Sequence(layer, norse.LIFCell()), shape)
    (problem,) = caught.value.problems
    assert "weight" in problem.what
    assert "not finite" in problem.what
    assert "0" in problem.where
