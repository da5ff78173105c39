"""Norse networks of every kind that the reader knows, with random weights and parameters: name -> builder(rng)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import norse.torch as norse
import numpy as np
import torch
from norse.torch.functional.reset import reset_subtract
from torch import nn
from torch.nn import functional as F

Rng = np.random.Generator
IMAGE = (2, 8, 8)


@dataclass(frozen=True)
class Case:
    """A module, the shape of one step of one sample, and how it reads its input."""

    module: nn.Module
    shape: tuple[int, ...]
    layout: str = "step"


def tensor(rng: Rng, low: float, high: float, shape: tuple[int, ...] = ()) -> torch.Tensor:
    return torch.tensor(rng.uniform(low, high, shape), dtype=torch.float32)


def lif(rng: Rng, shape: tuple[int, ...] = (), **extra: Any) -> norse.LIFParameters:
    return norse.LIFParameters(
        tau_syn_inv=tensor(rng, 100, 900, shape),
        tau_mem_inv=tensor(rng, 60, 400, shape),
        v_leak=tensor(rng, -0.1, 0.15, shape),
        v_th=tensor(rng, 0.2, 0.5, shape),
        v_reset=tensor(rng, -0.2, 0.1, shape),
        **extra,
    )


def box(rng: Rng, shape: tuple[int, ...] = (), **extra: Any) -> norse.LIFBoxParameters:
    p = lif(rng, shape)
    return norse.LIFBoxParameters(p.tau_mem_inv, p.v_leak, p.v_th, p.v_reset, **extra)


def li(rng: Rng, shape: tuple[int, ...] = ()) -> norse.LIParameters:
    p = lif(rng, shape)
    return norse.LIParameters(p.tau_syn_inv, p.tau_mem_inv, p.v_leak)


def iaf(rng: Rng) -> norse.IAFParameters:
    return norse.IAFParameters(v_th=tensor(rng, 0.4, 1.0), v_reset=tensor(rng, -0.2, 0.2))


def dense(n_in: int, n_out: int, bias: bool = True) -> nn.Linear:
    layer = nn.Linear(n_in, n_out, bias)
    nn.init.normal_(layer.weight, 0.25, 1.2 / np.sqrt(n_in))
    return layer


def conv(c_in: int, c_out: int, kernel: Any = 3, **options: Any) -> nn.Module:
    make = nn.Conv1d if options.pop("rank", 2) == 1 else nn.Conv2d
    layer = make(c_in, c_out, kernel, **options)
    nn.init.normal_(layer.weight, 0.15, 0.8 / np.sqrt(layer.weight[0].numel()))
    return layer


def norm(layer: Any, rng: Rng) -> nn.Module:
    n = layer.num_features
    layer.running_mean.copy_(tensor(rng, -0.2, 0.2, (n,)))
    layer.running_var.copy_(tensor(rng, 0.3, 2.0, (n,)))
    nn.init.uniform_(layer.weight, 0.5, 1.5)
    nn.init.uniform_(layer.bias, -0.1, 0.3)
    return layer


def chain(*layers: nn.Module) -> nn.Module:
    return norse.SequentialState(*layers)


def head(rng: Rng, n_in: int, n_out: int = 4) -> norse.LILinearCell:
    return norse.LILinearCell(n_in, n_out, p=li(rng))


class Loop(nn.Module):
    """The base of modules that thread the state by hand over the first axis."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state: Any = None
        outputs = []
        for ts in range(x.shape[0]):
            z, state = self.step(x[ts], state)
            outputs.append(z)
        return torch.stack(outputs)


class Scnn(nn.Module):
    """Two convolutions with pooling of spikes, a hidden layer, a readout, the maximum over time."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv(1, 4, 5), conv(4, 6, 3)
        self.fc1, self.out = dense(6 * 2 * 2, 20), head(rng, 20, 10)
        self.lif0, self.lif1, self.lif2 = (norse.LIFCell(p=lif(rng)) for _ in range(3))
        with torch.no_grad():
            self.conv1.weight.mul_(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps, batch = x.shape[0], x.shape[1]
        s0 = s1 = s2 = so = None
        voltages = torch.zeros(steps, batch, 10, device=x.device, dtype=x.dtype)
        for ts in range(steps):
            z = 10 * self.conv1(x[ts, :])
            z, s0 = self.lif0(z, s0)
            z = F.max_pool2d(z, 2, 2)
            z = self.conv2(z)
            z, s1 = self.lif1(z, s1)
            z = F.max_pool2d(z, 2, 2)
            z = z.view(-1, 6 * 2 * 2)
            z, s2 = self.lif2(self.fc1(z), s2)
            v, so = self.out(z, so)
            voltages[ts, :, :] = v
        m, _ = torch.max(voltages, 0)
        return m


class Residual(Loop):
    def __init__(self, rng: Rng, sign: float = 1.0) -> None:
        super().__init__()
        self.first, self.second = conv(2, 3, padding=1), conv(3, 3, padding=1)
        self.lif1, self.lif2 = norse.LIFCell(p=lif(rng)), norse.LIFCell(p=lif(rng))
        self.sign = sign

    def step(self, x: torch.Tensor, state: Any) -> Any:
        s1, s2 = state or (None, None)
        a, s1 = self.lif1(self.first(x), s1)
        b = self.second(a) + a if self.sign > 0 else self.second(a) * 2.0 - a / 4
        z, s2 = self.lif2(b, s2)
        return z + a + a, (s1, s2)


class Feedback(Loop):
    """A recurrence by hand: spikes of the step before, through a layer with a bias, and from a deeper layer."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.inp, self.rec, self.mid, self.top = dense(6, 8), dense(8, 8), dense(8, 5), dense(5, 8, bias=False)
        self.lif1, self.lif2 = norse.LIFCell(p=lif(rng)), norse.LIFBoxCell(p=box(rng))

    def step(self, x: torch.Tensor, state: Any) -> Any:
        if state is None:
            state = (x.new_zeros(x.shape[0], 8), x.new_zeros(x.shape[0], 5), None, None)
        z1, z2, s1, s2 = state
        z1, s1 = self.lif1(self.inp(x) + 0.3 * self.rec(z1) + self.top(z2), s1)
        z2, s2 = self.lif2(self.mid(z1), s2)
        return z2, (z1, z2, s1, s2)


class Delayed(Loop):
    """Reads its input now, one and two steps before."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.now, self.before, self.cell = dense(6, 5), dense(6, 5, bias=False), norse.LIFCell(p=lif(rng))

    def step(self, x: torch.Tensor, state: Any) -> Any:
        one, two, s = state or (torch.zeros_like(x), torch.zeros_like(x), None)
        z, s = self.cell(self.now(x) + self.before(one + two), s)
        return z, (x, one, s)


class SharedWeights(Loop):
    """One Linear for two layers, one cell with two states."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.fc, self.cell = dense(6, 6), norse.LIFCell(p=lif(rng))

    def step(self, x: torch.Tensor, state: Any) -> Any:
        s1, s2 = state or (None, None)
        z, s1 = self.cell(self.fc(x), s1)
        z, s2 = self.cell(self.fc(z), s2)
        return z, (s1, s2)


class CustomStart(Loop):
    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.fc, self.cell, self.v = dense(6, 7), norse.LIFCell(p=lif(rng)), tensor(rng, -0.3, 0.3, (7,)).double()

    def step(self, x: torch.Tensor, state: Any) -> Any:
        if state is None:
            v = self.v.expand(x.shape[0], 7)
            state = norse.LIFFeedForwardState(v=v, i=torch.zeros_like(v))
        return self.cell(self.fc(x), state)


class Summed(nn.Module):
    """Batch first; adds the spikes up in place."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.fc, self.cell = dense(6, 5), norse.LIFCell(p=lif(rng))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state, count = None, torch.zeros(x.shape[0], 5, dtype=x.dtype)
        for t in range(x.shape[1]):
            z, state = self.cell(self.fc(x[:, t]), state)
            count += z
        return count


class LastStep(nn.Module):
    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.fc, self.cell = (
            dense(6, 5),
            norse.LIBoxCell(p=norse.LIBoxParameters(tensor(rng, 60, 300), tensor(rng, 0, 1))),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = None
        for now in x:
            v, state = self.cell(self.fc(now), state)
        return v


class MergedTime(nn.Module):
    """Folds time into the batch for the convolution, as one does for speed."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.conv, self.bn = conv(2, 3), norm(nn.BatchNorm2d(3), rng)
        self.lif, self.fc = norse.LIF(p=lif(rng)), dense(3 * 6 * 6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps, batch = x.shape[:2]
        y = self.bn(self.conv(x.flatten(0, 1)))
        z, _ = self.lif(y.view(steps, batch, *y.shape[1:]))
        return self.fc(z.flatten(2)).mean(0)


class Learnable(nn.Module):
    """Parameters that training changes, one per channel."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.conv = conv(2, 3)
        self.tau = nn.Parameter(tensor(rng, 60, 300, (3, 1, 1)))
        self.th = nn.Parameter(tensor(rng, 0.2, 0.5, (3, 1, 1)))
        self.cell = norse.LIFCell(p=lif(rng)._replace(tau_mem_inv=self.tau, v_th=self.th))

    def forward(self, x: torch.Tensor, state: Any = None) -> Any:
        return self.cell(self.conv(x), state)


class Ensemble(nn.Module):
    """Two states in the signature, two readouts summed; weights given by functions."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.w = nn.Parameter(tensor(rng, -0.4, 1.0, (7, 6)))
        self.mask = (tensor(rng, 0, 1, (7, 6)) > 0.3).float()
        self.cell, self.read = norse.LIFBoxCell(p=box(rng)), head(rng, 7)

    def forward(self, x: torch.Tensor, s1: Any = None, s2: Any = None) -> Any:
        z, s1 = self.cell(F.linear(x, self.w * self.mask) + x @ self.w.T, s1)
        v, s2 = self.read(z, s2)
        return v, s1, s2


def reset_box(rng: Rng) -> norse.LIFBoxCell:
    return norse.LIFBoxCell(p=box(rng, reset_method=reset_subtract))


def conv_case(rng: Rng, c_out: int = 4, **options: Any) -> Case:
    options = {"kernel": 3, **options}
    rank = options.get("rank", 2)
    shape = IMAGE if rank == 2 else (2, 20)
    return Case(chain(conv(2, c_out, **options), norse.LIFCell(p=lif(rng))), shape)


def pool_case(rng: Rng, pool: nn.Module, rank: int = 2, weight: float = 0.4) -> Case:
    last = conv(4, 3, 2, rank=rank)
    nn.init.normal_(last.weight, weight / 3, weight)
    layers = (conv(2, 4, 3, padding=1, rank=rank), norse.LIFCell(p=lif(rng)), pool, last)
    return Case(chain(*layers, norse.LIFCell(p=lif(rng))), IMAGE if rank == 2 else (2, 20))


def first_pool(rng: Rng, pool: nn.Module) -> Case:
    return Case(chain(pool, conv(2, 3, 2), norse.LIFCell(p=lif(rng)), nn.Flatten(), nn.LazyLinear(4)), IMAGE)


def one(rng: Rng, cell: nn.Module, n: int = 6) -> Case:
    return Case(chain(dense(6, n), cell), (6,))


ZOO: dict[str, Callable[[Rng], Case]] = {
    "LIFCell": lambda r: one(r, norse.LIFCell(p=lif(r))),
    "LIFCell defaults": lambda r: Case(chain(dense(6, 9), norse.LIFCell()), (6,)),
    "LIFCell per neuron": lambda r: one(r, norse.LIFCell(p=lif(r, (6,)))),
    "LIFCell dt": lambda r: one(r, norse.LIFCell(p=lif(r), dt=2e-4)),
    "LIFCell two dts": lambda r: Case(
        chain(dense(6, 8), norse.LIFCell(p=lif(r), dt=5e-4), dense(8, 5), norse.LIFCell(p=lif(r), dt=1e-3)), (6,)
    ),
    "LIFCell float64 parameters": lambda r: one(
        r, norse.LIFCell(p=norse.LIFParameters(*(t.double() for t in lif(r)[:5])))
    ),
    "LIFCell tanh surrogate": lambda r: one(r, norse.LIFCell(p=lif(r, method="tanh"))),
    "LIFCell custom start": lambda r: Case(CustomStart(r), (6,), "time_first"),
    "LIFBoxCell": lambda r: one(r, norse.LIFBoxCell(p=box(r))),
    "LIFBoxCell subtract": lambda r: one(r, reset_box(r)),
    "LIFBoxCell per channel": lambda r: Case(chain(conv(2, 3), norse.LIFBoxCell(p=box(r, (3, 1, 1)))), IMAGE),
    "LIFRecurrentCell": lambda r: Case(chain(norse.LIFRecurrentCell(6, 9, p=lif(r))), (6,)),
    "LIFRecurrentCell autapses": lambda r: Case(chain(norse.LIFRecurrentCell(6, 9, p=lif(r), autapses=True)), (6,)),
    "LIFRecurrentCell alone": lambda r: Case(norse.LIFRecurrentCell(6, 9, p=lif(r)), (6,)),
    "LICell": lambda r: one(r, norse.LICell(p=li(r))),
    "LICell per neuron": lambda r: one(r, norse.LICell(p=li(r, (6,)))),
    "LIBoxCell": lambda r: one(r, norse.LIBoxCell(p=norse.LIBoxParameters(tensor(r, 60, 300), tensor(r, -0.5, 0.5)))),
    "LILinearCell": lambda r: Case(chain(dense(6, 8), norse.LIFCell(p=lif(r)), head(r, 8)), (6,)),
    "IAFCell": lambda r: one(r, norse.IAFCell(p=iaf(r))),
    "LIF": lambda r: Case(
        chain(dense(6, 8), norse.LIF(p=lif(r)), dense(8, 4), norse.LIF(p=lif(r))), (6,), "time_first"
    ),
    "LI": lambda r: Case(chain(dense(6, 8), norse.LIF(p=lif(r)), dense(8, 4), norse.LI(p=li(r))), (6,), "time_first"),
    "LIFRecurrent": lambda r: Case(chain(norse.LIFRecurrent(6, 9, p=lif(r)), dense(9, 4)), (6,), "time_first"),
    "IAF": lambda r: Case(chain(dense(6, 8), norse.module.iaf.IAF(p=iaf(r))), (6,), "time_first"),
    "Linear without bias": lambda r: Case(chain(dense(6, 5, bias=False), norse.LIFCell(p=lif(r))), (6,)),
    "Conv2d": conv_case,
    "Conv2d without bias": lambda r: conv_case(r, bias=False),
    "Conv2d stride and padding": lambda r: conv_case(r, kernel=(3, 2), stride=(2, 1), padding=(1, 0)),
    "Conv2d dilation": lambda r: conv_case(r, dilation=(2, 1)),
    "Conv2d groups": lambda r: conv_case(r, groups=2),
    "Conv2d same": lambda r: conv_case(r, padding="same"),
    "Conv2d same, even kernel": lambda r: conv_case(r, kernel=(4, 2), padding="same", dilation=(1, 2)),
    "Conv2d valid": lambda r: conv_case(r, padding="valid"),
    "Conv1d": lambda r: conv_case(r, rank=1),
    "Conv1d stride, groups, same": lambda r: conv_case(r, rank=1, groups=2, dilation=3, padding="same"),
    "Conv1d stride": lambda r: conv_case(r, rank=1, kernel=5, stride=3, padding=2),
    "BatchNorm2d": lambda r: Case(chain(conv(2, 4), norm(nn.BatchNorm2d(4), r), norse.LIFCell(p=lif(r))), IMAGE),
    "BatchNorm2d first": lambda r: Case(
        chain(norm(nn.BatchNorm2d(2), r), conv(2, 4, padding=1), norse.LIFCell(p=lif(r))), IMAGE
    ),
    "BatchNorm2d behind a pool": lambda r: Case(
        chain(conv(2, 4), nn.AvgPool2d(2), norm(nn.BatchNorm2d(4), r), norse.LIFCell(p=lif(r))), IMAGE
    ),
    "BatchNorm1d": lambda r: Case(
        chain(dense(6, 8), norm(nn.BatchNorm1d(8), r), norse.LIFCell(p=lif(r)), dense(8, 3), norse.LICell(p=li(r))),
        (6,),
    ),
    "BatchNorm1d of signals": lambda r: Case(
        chain(conv(2, 4, rank=1), norm(nn.BatchNorm1d(4), r), norse.LIFCell(p=lif(r))), (2, 20)
    ),
    "AvgPool2d": lambda r: pool_case(r, nn.AvgPool2d(2)),
    "AvgPool2d overlapping": lambda r: pool_case(r, nn.AvgPool2d(3, 2, 1)),
    "AvgPool2d without padding's share": lambda r: pool_case(r, nn.AvgPool2d(3, 2, 1, count_include_pad=False)),
    "AvgPool2d divisor": lambda r: pool_case(r, nn.AvgPool2d(2, divisor_override=3)),
    "AvgPool2d first": lambda r: first_pool(r, nn.AvgPool2d(2)),
    "AvgPool1d": lambda r: pool_case(r, nn.AvgPool1d(3, 2), rank=1),
    "LPPool2d": lambda r: pool_case(r, nn.LPPool2d(1, 2), weight=0.15),
    "MaxPool2d": lambda r: pool_case(r, nn.MaxPool2d(2)),
    "MaxPool2d overlapping": lambda r: pool_case(r, nn.MaxPool2d(3, 2, 1)),
    "MaxPool2d dilated": lambda r: pool_case(r, nn.MaxPool2d(2, 2, dilation=2)),
    "MaxPool2d ceil without effect": lambda r: pool_case(r, nn.MaxPool2d(2, ceil_mode=True)),
    "MaxPool1d": lambda r: pool_case(r, nn.MaxPool1d(2), rank=1),
    "AdaptiveAvgPool2d": lambda r: pool_case(r, nn.AdaptiveAvgPool2d(4)),
    "AdaptiveAvgPool2d overlapping": lambda r: pool_case(r, nn.AdaptiveAvgPool2d((2, 8))),
    "AdaptiveAvgPool1d": lambda r: pool_case(r, nn.AdaptiveAvgPool1d(5), rank=1),
    "global pooling": lambda r: Case(
        chain(
            conv(2, 4),
            norse.LIFCell(p=lif(r)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            dense(4, 3),
            norse.LICell(p=li(r)),
        ),
        IMAGE,
    ),
    "Flatten, Dropout, Identity": lambda r: Case(
        chain(
            nn.Dropout(0.5),
            conv(2, 3),
            norse.LIFCell(p=lif(r)),
            nn.Dropout2d(),
            nn.Flatten(),
            nn.Identity(),
            dense(108, 5),
        ),
        IMAGE,
    ),
    "SCNN": lambda r: Case(Scnn(r), (1, 16, 16), "time_first"),
    "residual": lambda r: Case(Residual(r), IMAGE, "time_first"),
    "residual, scaled": lambda r: Case(Residual(r, -1.0), IMAGE, "time_first"),
    "feedback by hand": lambda r: Case(Feedback(r), (6,), "time_first"),
    "delays by hand": lambda r: Case(Delayed(r), (6,), "time_first"),
    "shared weights": lambda r: Case(SharedWeights(r), (6,), "time_first"),
    "summed over time": lambda r: Case(Summed(r), (6,), "batch_first"),
    "last step": lambda r: Case(LastStep(r), (6,), "time_first"),
    "time in the batch": lambda r: Case(MergedTime(r), IMAGE, "time_first"),
    "learnable": lambda r: Case(Learnable(r), IMAGE),
    "two states": lambda r: Case(Ensemble(r), (6,)),
    "Lift": lambda r: Case(
        chain(
            norse.Lift(conv(2, 3)),
            norse.LIF(p=lif(r)),
            norse.Lift(nn.MaxPool2d(2)),
            nn.Flatten(2),
            dense(27, 6),
            norse.Lift(norse.LIFCell(p=lif(r))),
        ),
        IMAGE,
        "time_first",
    ),
    "nested sequences": lambda r: Case(
        chain(
            chain(conv(2, 3), norse.LIFCell(p=lif(r))),
            nn.Sequential(nn.AvgPool2d(2), nn.Flatten()),
            chain(dense(27, 5), reset_box(r)),
        ),
        IMAGE,
    ),
    "RecurrentSequential": lambda r: Case(
        norse.RecurrentSequential(dense(6, 8), norse.LIFCell(p=lif(r)), dense(8, 6), norse.LIFCell(p=lif(r))), (6,)
    ),
    "RecurrentSequential within": lambda r: Case(
        chain(dense(6, 5), norse.RecurrentSequential(norse.LIFCell(p=lif(r))), head(r, 5)), (6,)
    ),
    "mixed neurons": lambda r: Case(
        chain(
            conv(2, 4),
            norse.LIFBoxCell(p=box(r)),
            nn.MaxPool2d(2),
            conv(4, 4, 2),
            norse.IAFCell(p=iaf(r)),
            nn.Flatten(),
            norse.LIFRecurrentCell(16, 8, p=lif(r)),
            dense(8, 5),
            reset_box(r),
            head(r, 5),
        ),
        IMAGE,
    ),
}
