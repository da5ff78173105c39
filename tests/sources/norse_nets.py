"""Parts of Norse networks with random weights and parameters, and modules that thread their states by hand."""

from dataclasses import dataclass
from typing import Any

import norse.torch as norse
import numpy as np
import torch
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


class Constants(Loop):
    """Numbers added to a signal: one, one per channel, and beside a sum."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.conv, self.fc = conv(2, 3), dense(3 * 36, 5)
        self.offset = nn.Parameter(tensor(rng, -0.2, 0.2, (3, 1, 1)))
        self.lif1, self.lif2 = norse.LIFCell(p=lif(rng)), norse.LIFBoxCell(p=box(rng))

    def step(self, x: torch.Tensor, state: Any) -> Any:
        s1, s2, before = state or (None, None, torch.zeros(x.shape[0], 3, 6, 6, dtype=x.dtype))
        z, s1 = self.lif1(self.conv(x) + self.offset - 0.01, s1)
        y, s2 = self.lif2(0.2 * self.fc((z + before - 0.25).flatten(1)), s2)
        return y, (s1, s2, z)


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


class Unregistered(nn.Module):
    """Cells in a plain list, which no module knows of, and layers called input and output."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.input, self.output, self.fc = dense(6, 6), head(rng, 6), dense(6, 6)
        self.cells = [norse.LIFCell(p=lif(rng)), norse.LIFBoxCell(p=box(rng))]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s1 = s2 = so = None
        seen = []
        for now in x:
            z, s1 = self.cells[0](self.input(now), s1)
            z, s2 = self.cells[1](self.fc(z), s2)
            v, so = self.output(z, so)
            seen.append(v)
        return torch.stack(seen, 1).transpose(0, 1)


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
