"""A module is left as it was, and nothing of it is dropped without a word."""

import cProfile
import random
import sys
from collections.abc import Callable
from typing import Any

import norse.torch as norse
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules.module import _global_forward_hooks, _global_forward_pre_hooks

from sim.errors import InputError, Snn2hwError
from snn2hw.problems import ProblemsError
from snn2hw.sources.from_norse import from_norse
from tests.sources.norse_habits import HABITS
from tests.sources.norse_loops import StateOnSelf, TenSteps, TwoHeads


class Keeps(nn.Module):
    """Everything that a forward may leave behind; ``end`` is called last."""

    def __init__(self, end: Callable[["Keeps", torch.Tensor], torch.Tensor] = lambda _, y: y) -> None:
        super().__init__()
        self.fc, self.lif, self.end = nn.Linear(3, 4), norse.LIFCell(), end
        self.state: Any = None
        self.seen: list[Any] = [{"calls": []}]
        self.counts = {"calls": 0}
        self.numbers = np.zeros(3)
        self.kept = torch.zeros(4)
        self.register_buffer("calls", torch.zeros(1))
        self.generator = torch.Generator().manual_seed(1)
        self.drop = nn.Dropout().eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = []
        for now in x:
            z, self.state = self.lif(self.fc(now), self.state)
            out.append(z)
        self.seen[0]["calls"].append(z)
        self.seen.append(z)
        self.counts["calls"] += 1
        self.late = z
        self.numbers += 1
        self.kept.add_(1)
        self.calls += 1
        self.fc.weight.data.mul_(2)
        self.fc.weight.grad = torch.ones_like(self.fc.weight)
        self.lif.register_forward_hook(lambda *_: None)
        torch.rand(3, generator=self.generator)
        torch.rand(3), random.random(), np.random.random()  # noqa: NPY002
        self.eval()
        return self.end(self, torch.stack(out))


def raises(module: Keeps, y: torch.Tensor) -> torch.Tensor:
    raise RuntimeError("in the middle")


def interrupted(module: Keeps, y: torch.Tensor) -> torch.Tensor:
    raise KeyboardInterrupt


def refused(module: Keeps, y: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.gelu(y)


def content(module: Keeps) -> list[Any]:
    """Return everything of a module that can be compared."""
    weights = [v.clone() for v in module.state_dict().values()]
    random_states = [torch.get_rng_state(), torch.tensor(random.getstate()[1]), module.generator.get_state()]
    drawn = np.random.get_state()  # noqa: NPY002
    plain = [
        module.state, module.seen.copy(), module.seen[0]["calls"].copy(), dict(module.counts),
        module.numbers.tolist(), sorted(vars(module)), [m.training for m in module.modules()],
        len(module.lif._forward_hooks), [p.grad for p in module.parameters()],
        [p.requires_grad for p in module.parameters()], drawn[1].tolist(), drawn[2],
        len(_global_forward_hooks), len(_global_forward_pre_hooks),
    ]  # fmt: skip
    return [*map(torch.Tensor.tolist, [*weights, *random_states, module.kept]), *plain]


@pytest.mark.parametrize(
    ("end", "error"),
    [(lambda _, y: y, None), (refused, ProblemsError), (raises, Snn2hwError), (interrupted, KeyboardInterrupt)],
)
def test_reading_leaves_no_trace(end: Any, error: Any) -> None:
    module = Keeps(end)
    before = content(module)
    if error is None:
        from_norse(module, (3,))
    else:
        with pytest.raises(error):
            from_norse(module, (3,))
    assert content(module) == before


def test_a_state_on_self_does_not_leak_into_the_next_reading() -> None:
    module = StateOnSelf(np.random.default_rng(1))
    first, second = from_norse(module, (6,)), from_norse(module, (6,))
    assert module.state is None
    for name, node in first.nodes.items():
        assert ("v0" in node.metadata) == ("v0" in second.nodes[name].metadata)
    assert module(torch.zeros(5, 6))[0].shape == (5, 8)


def test_gradients_and_graphs_that_a_state_holds_survive() -> None:
    module = StateOnSelf(np.random.default_rng(1))
    module(torch.ones(2, 6))
    held = module.state
    from_norse_with_fresh_state(module)
    assert module.state is held
    module.state.v.sum().backward()
    assert module.fc.weight.grad is not None


def from_norse_with_fresh_state(module: StateOnSelf) -> None:
    with pytest.raises(Snn2hwError):
        from_norse(module, (7,))  # stops in the middle


class Log(nn.Module):
    """A hook of the user's own keeps what it sees in a list that it closes over."""

    def __init__(self) -> None:
        super().__init__()
        self.net = norse.SequentialState(nn.Linear(3, 4), norse.LIFCell())
        log: list[Any] = []
        self.net[0].register_forward_hook(lambda module, args, out: log.append(out))
        self.length: Callable[[], int] = lambda: len(log)

    def forward(self, x: torch.Tensor, state: Any = None) -> Any:
        return self.net(x, state)


def test_what_a_hook_closes_over_is_put_back() -> None:
    module = Log()
    from_norse(module, (3,))
    assert module.length() == 0


def test_a_profiler_goes_on() -> None:
    seen: list[str] = []

    def mine(frame: Any, event: str, argument: Any) -> None:
        seen.append(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(mine)
    try:
        from_norse(StateOnSelf(np.random.default_rng(1)), (6,))
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(before)
    profile = cProfile.Profile()
    profile.enable()
    from_norse(StateOnSelf(np.random.default_rng(1)), (6,))
    content(Keeps())
    profile.disable()
    assert any(entry.code is content.__code__ for entry in profile.getstats())


# --- several outputs -----------------------------------------------------------------------------------------------


def heads(make: Callable[[torch.Tensor, torch.Tensor], Any]) -> nn.Module:
    module = TwoHeads(np.random.default_rng(0))
    module.both = make  # type: ignore[method-assign]  # one class stands for many modules
    return module


@pytest.mark.parametrize(
    ("make", "output", "left_out"),
    [
        (lambda a, b: (a, b), None, "'1'"),
        (lambda a, b: (a, b), 1, "'0'"),
        (lambda a, b: {"one": a, "two": b}, None, "'two'"),
        (lambda a, b: {"one": a, "two": b}, "two", "'one'"),
        (lambda a, b: (a, {"aux": b}), None, "'1.aux'"),
        (lambda a, b: ([a, b], a), "0.0", "'0.1', '1'"),
    ],
)
def test_an_output_is_read_or_named(make: Any, output: Any, left_out: str) -> None:
    source = from_norse(heads(make), (6,), output=output)
    assert any(f"left out: output {left_out}" in note for note in source.notes), source.notes


def test_the_output_that_is_asked_for_is_read() -> None:
    both = heads(lambda a, b: (a, b))
    (left,), (right,) = (from_norse(both, (6,), output=n).graph.outputs.values() for n in (0, 1))
    assert left.output_type["output"].tolist() == [4]
    assert right.output_type["output"].tolist() == [3]


def test_populations_that_no_output_needs_are_named_and_not_compiled() -> None:
    source = from_norse(heads(lambda a, b: (a, b)), (6,))
    assert "right" not in source.nodes
    assert any("does not need it: right" in note for note in source.notes)


@pytest.mark.parametrize("output", [2, "three"])
def test_an_output_that_is_not_there_is_refused(output: Any) -> None:
    with pytest.raises(InputError, match=rf"no output {output!r}  fix: the module returns 0, 1"):
        from_norse(heads(lambda a, b: (a, b)), (6,), output=output)


def test_a_lone_output_is_number_0() -> None:
    module = heads(lambda a, b: a)
    assert from_norse(module, (6,), output=0).nodes.keys() == from_norse(module, (6,)).nodes.keys()
    with pytest.raises(InputError, match="returns 0, its only one"):
        from_norse(module, (6,), output=1)


# --- readouts over a part of the time, numbers of steps ------------------------------------------------------------


class Read(nn.Module):
    """What ``read`` makes of all steps of a readout."""

    def __init__(self, read: Callable[[nn.Module, torch.Tensor], Any]) -> None:
        super().__init__()
        self.net, self.read = heads(lambda a, b: a), read

    def forward(self, x: torch.Tensor) -> Any:
        return self.read(self, self.net(x))


@pytest.mark.parametrize(
    ("read", "how"),
    [
        (lambda a: a[-10:].mean(0), "mean over steps [-10:]"),
        (lambda a: a[5:].sum(0), "sum over steps [5:]"),
        (lambda a: a[2:-1].max(0).values, "max over steps [2:-1]"),
        (lambda a: a[::2].mean(0), "mean over steps [::2]"),
        (lambda a: a[-10:], "steps [-10:]"),
        (lambda a: torch.stack(list(a)[-5:]).mean(0), "mean over the last 5 steps"),
        (lambda a: a.mean(0), "mean over time"),
        (lambda a: a[-1], "last step"),
    ],
)
def test_a_readout_over_a_part_of_the_time_is_called_one(read: Any, how: str) -> None:
    module = Read(lambda _, a: read(a))
    module.five = 5
    assert f"output: {how}" in from_norse(module, (6,)).notes


@pytest.mark.parametrize("steps", [2, 3, 4, 5, 10, 23, 100])
def test_a_forward_that_counts_its_steps_is_run_so_long(steps: int) -> None:
    source = from_norse(TenSteps(np.random.default_rng(0), steps), (6,))
    assert f"steps: {steps}, fixed in the forward" in source.notes


def test_steps_can_be_said_and_are_refused_where_they_are_too_few() -> None:
    module = TenSteps(np.random.default_rng(0), 10)
    assert from_norse(module, (6,), steps=10).nodes.keys() == from_norse(module, (6,)).nodes.keys()
    with pytest.raises(InputError, match="reads step 6 of 6"):
        from_norse(module, (6,), steps=6, layout="time_first")
    with pytest.raises(InputError, match="run 2 or more"):
        from_norse(module, (6,), steps=1)


@pytest.mark.parametrize(
    ("total", "how", "scaled"),
    [
        (lambda a: a.sum(0) / a.shape[0], "mean over time", False),
        (lambda a: sum(a) / len(a), "mean over time", False),
        (lambda a: sum(a) * (1 / len(a)), "mean over time", False),
        (lambda a: a.sum(0) / 4, "sum over time", True),
        (lambda a: sum(a) / 7, "sum over time", True),
    ],
)
def test_a_sum_divided_by_the_steps_is_a_mean_and_by_a_number_is_not(total: Any, how: str, scaled: bool) -> None:
    source = from_norse(Read(lambda module, a: total(a)), (6,))
    assert f"output: {how}" in source.notes
    assert any(type(node).__name__ == "Scale" for node in source.nodes.values()) == scaled


def leaky(module: nn.Module, a: torch.Tensor) -> torch.Tensor:
    total, out = 0, []
    for now in a:
        total = 0.9 * total + now
        out.append(total)
    return torch.stack(out)


@pytest.mark.parametrize(
    "read",
    [
        leaky,
        lambda module, a: leaky(module, a)[-1],
        lambda module, a: sum(now * 0.5**n for n, now in enumerate(a)),
        lambda module, a: torch.stack([*a[:2], *(now * 2 for now in a[2:])]),
        lambda module, a: torch.stack(list(a)[len(a) // 2 :]).mean(0),
    ],
)
def test_what_depends_on_how_long_it_runs_is_refused(read: Any) -> None:
    with pytest.raises(ProblemsError, match=r"runs? in|something else in|reads a later"):
        from_norse(Read(read), (6,))


# --- inputs --------------------------------------------------------------------------------------------------------


@pytest.fixture
def made() -> Callable[[str], Any]:
    return lambda name: HABITS[name].make(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("constant current encoder", "input: the output of constant_current_lif_encode of encoder"),
        ("Poisson in every step", "input: the output of poisson_encode_step of encode"),
        ("Norse's CIFAR-10 task", "input: a constant current, the same image in every step"),
        ("Norse's CIFAR-10 task", "random numbers that are added in every step are left out: HeldImage"),
    ],
)
def test_the_source_says_what_its_input_is(name: str, note: str, made: Any) -> None:
    source = from_norse(made(name), HABITS[name].shape)
    assert any(n.startswith(note) for n in source.notes), source.notes


def test_a_layout_can_be_said(made: Any) -> None:
    name = "Norse's MNIST task"
    source = from_norse(made(name), HABITS[name].shape, layout="static")
    assert source.input_shape == (1, 16, 16)
    with pytest.raises(Snn2hwError):
        from_norse(made(name), HABITS[name].shape, layout="step")


# --- numbers that are looked at ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        lambda z, n: z if n > 0.5 else 2 * z,
        lambda z, n: z if n else 2 * z,
        lambda z, n: z * n,
        lambda z, n: z + torch.tensor(n),
        lambda z, n: z * (n / 2 + 1),
        lambda z, n: z * max(n, 0.1),
    ],
)
def test_a_number_of_a_signal_that_comes_back_is_refused(use: Any) -> None:
    class Uses(TwoHeads):
        def forward(self, x: torch.Tensor) -> Any:
            left, _ = super().forward(x)
            return use(left, left.mean().item())

    with pytest.raises(ProblemsError, match="the forward looks at the numbers of a signal") as caught:
        from_norse(Uses(np.random.default_rng(0)), (6,))
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("use", "what"),
    [
        (lambda y: torch.where(y > 0, y, 2 * y), "gt is not an operation"),
        (lambda y: y * (torch.rand(y.shape[1:]) > 0.5).to(y.dtype), "gt of random numbers"),
        (lambda y: y * torch.rand(y.shape), "multiplies two signals"),
    ],
)
def test_what_follows_from_a_cause_in_its_own_line_is_not_told_again(use: Any, what: str) -> None:
    with pytest.raises(ProblemsError) as caught:
        from_norse(Read(lambda _, a: use(a)), (6,))
    (problem,) = caught.value.problems
    assert what in problem.what


@pytest.mark.parametrize(
    ("cell", "what"),
    [
        (norse.LIFAdExCell, "LIFAdExCell has no NIR node"),
        (lambda: nn.Sequential(nn.GELU(), nn.Linear(4, 4)), "gelu is not an operation"),
        (norse.LSNNCell, "LSNNCell has no NIR node"),
        (lambda: norse.IzhikevichCell(norse.tonic_spiking), "IzhikevichCell has no NIR node"),
        (lambda: nn.ReLU(), "relu is not an operation"),
    ],
)
def test_one_cause_is_one_message(cell: Any, what: str) -> None:
    layers = (nn.Linear(3, 4), cell(), nn.Linear(4, 5), norse.LIFCell(), nn.Linear(5, 2), norse.LICell())
    with pytest.raises(ProblemsError) as caught:
        from_norse(norse.SequentialState(*layers), (3,))
    (problem,) = caught.value.problems
    assert what in problem.what
