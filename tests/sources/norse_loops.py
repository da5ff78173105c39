"""Norse networks in loops over the steps, with what people put into such loops and behind them."""

from typing import Any

import norse.torch as norse
import torch
from norse.torch.functional.leaky_integrator import LIState, li_feed_forward_step, li_step
from norse.torch.functional.lif import LIFFeedForwardState, LIFState, lif_feed_forward_step, lif_step
from norse.torch.functional.lift import lift
from torch import nn
from torch.nn import functional as F

from tests.sources.norse_nets import Rng, conv, dense, head, li, lif, tensor

# --- what the output does not need -----------------------------------------------------------------------------------


class Looped(nn.Module):
    """fc, lif and a readout in a loop over the first axis; ``each`` sees what every step made."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.fc, self.lif, self.out = dense(6, 8), norse.LIFCell(p=lif(rng)), head(rng, 8)

    def forward(self, x: torch.Tensor) -> Any:
        s = so = None
        voltages, spikes = [], []
        self.begin()
        for t in range(x.shape[0]):
            z, s = self.lif(self.fc(x[t]), s)
            v, so = self.out(z, so)
            self.each(z, v)
            voltages.append(v)
            spikes.append(z)
        return self.end(torch.stack(voltages), torch.stack(spikes))

    def begin(self) -> None:
        pass

    def each(self, z: torch.Tensor, v: torch.Tensor) -> None:
        pass

    def end(self, voltages: torch.Tensor, spikes: torch.Tensor) -> Any:
        return voltages


class Rates(Looped):
    """Logs the rate of every layer as a number."""

    def begin(self) -> None:
        self.rates: list[float] = []

    def each(self, z: torch.Tensor, v: torch.Tensor) -> None:
        self.rates.append(z.mean().item())
        self.total = sum(self.rates) / len(self.rates) + 0.5 * (z > 0).sum().item()


class Extremes(Looped):
    """Keeps the least and the greatest potential."""

    def each(self, z: torch.Tensor, v: torch.Tensor) -> None:
        self.least, self.greatest = v.min(), v.abs().max()
        self.text = f"{v.std().item():.3f}"


class Bounds(Looped):
    """Keeps the range of the potential as numbers, and warns of a silent layer."""

    def begin(self) -> None:
        self.low, self.high, self.silent = 0.0, 0.0, False

    def each(self, z: torch.Tensor, v: torch.Tensor) -> None:
        self.low, self.high = min(self.low, v.min().item()), max(self.high, v.max().item())
        if z.sum() == 0:
            self.silent = True


class Kept(Looped):
    """Keeps spikes in a list that grows over calls, and stacks them for somebody else."""

    def __init__(self, rng: Rng) -> None:
        super().__init__(rng)
        self.record: list[torch.Tensor] = []

    def each(self, z: torch.Tensor, v: torch.Tensor) -> None:
        self.record.append(z.detach().cpu())

    def end(self, voltages: torch.Tensor, spikes: torch.Tensor) -> Any:
        self.activity = torch.stack(self.record).mean(dim=(0, 1))
        return voltages.max(0).values


class Auxiliary(Looped):
    """Returns a loss of sparsity beside the voltages."""

    def end(self, voltages: torch.Tensor, spikes: torch.Tensor) -> Any:
        return voltages.mean(0), (spikes.mean() - 0.1).pow(2)


class DeadBranch(Looped):
    """A second population that nothing reads."""

    def __init__(self, rng: Rng) -> None:
        super().__init__(rng)
        self.probe, self.state = norse.LSNNCell(), None

    def each(self, z: torch.Tensor, v: torch.Tensor) -> None:
        self.seen, _ = self.probe(z)


# --- rectifiers, readouts, fixed loops -------------------------------------------------------------------------------


class Rectified(Looped):
    def each(self, z: torch.Tensor, v: torch.Tensor) -> None:
        self.last = F.relu(z)

    def end(self, voltages: torch.Tensor, spikes: torch.Tensor) -> Any:
        return F.relu(spikes).clamp(0, 1).sum(0)


class SoftmaxOfLast(Looped):
    def end(self, voltages: torch.Tensor, spikes: torch.Tensor) -> Any:
        return F.softmax(voltages[-1], dim=-1)


class SoftmaxInside(nn.Module):
    """A softmax as the last layer of every step, their mean over time."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.net = norse.SequentialState(dense(6, 8), norse.LIFCell(p=lif(rng)), dense(8, 4), norse.LICell(p=li(rng)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s, out = None, []
        for now in x:
            v, s = self.net(now, s)
            out.append(torch.softmax(v, dim=1))
        return torch.stack(out).mean(0)


class LastSteps(Looped):
    def end(self, voltages: torch.Tensor, spikes: torch.Tensor) -> Any:
        return voltages[-10:].mean(0)


class LastOfList(nn.Module):
    """The mean of the last five outputs of a list."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.fc, self.cell = dense(6, 5), norse.LIBoxCell(p=norse.LIBoxParameters(tensor(rng, 60, 300)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s, out = None, []
        for now in x:
            v, s = self.cell(self.fc(now), s)
            out.append(v)
        return torch.stack(out[-5:]).mean(0)


class TenSteps(nn.Module):
    """Counts to ten by itself."""

    def __init__(self, rng: Rng, steps: int = 10) -> None:
        super().__init__()
        self.fc, self.lif, self.steps = dense(6, 8), norse.LIFCell(p=lif(rng)), steps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s, total = None, 0
        for t in range(self.steps):
            z, s = self.lif(self.fc(x[t]), s)
            total = total + z
        return total / 10


# --- step functions --------------------------------------------------------------------------------------------------


class StepFunctions(nn.Module):
    """Two layers by the functions that the modules call."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.fc1, self.fc2, self.p, self.li = dense(6, 8), dense(8, 4), lif(rng), li(rng)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        zeros, four = torch.zeros_like(self.fc1(x[0])), torch.zeros_like(self.fc2(self.fc1(x[0])))
        state, readout = LIFFeedForwardState(v=zeros, i=zeros), LIState(v=four, i=four)
        out = []
        for now in x:
            z, state = lif_feed_forward_step(self.fc1(now), state, self.p)
            v, readout = li_feed_forward_step(self.fc2(z), readout, p=self.li)
            out.append(v)
        return torch.stack(out)


class RecurrentFunction(nn.Module):
    """A recurrent layer and a readout whose weights are the module's own."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.w_in, self.w_rec, self.w_out = (
            nn.Parameter(tensor(rng, -0.6, 1.0, shape)) for shape in ((8, 6), (8, 8), (4, 8))
        )
        self.p, self.li = lif(rng), li(rng)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        zeros = x.new_zeros(x.shape[1], 8)
        s = LIFState(z=zeros, v=zeros + self.p.v_leak, i=zeros)
        so = LIState(v=x.new_zeros(x.shape[1], 4), i=x.new_zeros(x.shape[1], 4))
        voltages = []
        for ts in range(x.shape[0]):
            z, s = lif_step(x[ts], s, self.w_in, self.w_rec, self.p, 0.001)
            v, so = li_step(z, so, self.w_out, self.li)
            voltages += [v]
        return torch.stack(voltages, dim=0).max(dim=0)[0]


class Lifted(nn.Module):
    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.fc, self.step = dense(6, 8), lift(lif_feed_forward_step, p=lif(rng))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        zeros = x.new_zeros(x.shape[1], 8)
        z, _ = self.step(self.fc(x), state=LIFFeedForwardState(zeros, zeros))
        return z


# --- branches, heads, state ------------------------------------------------------------------------------------------


class Branches(nn.Module):
    """Two branches side by side, and a third layer that reads both."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.a, self.b, self.c = dense(6, 5), dense(6, 3), dense(8, 4)
        self.one, self.two, self.three = (norse.LIFCell(p=lif(rng)) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s1 = s2 = s3 = None
        out = []
        for now in x:
            z1, s1 = self.one(self.a(now), s1)
            z2, s2 = self.two(self.b(now), s2)
            z, s3 = self.three(self.c(torch.cat([z1, z2], dim=1)), s3)
            out.append(z)
        return torch.stack(out)


class Skips(nn.Module):
    """The spikes of one layer beside those of the next, as channels of an image."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.a, self.b, self.c = conv(2, 3, padding=1), conv(3, 2, padding=1), conv(5, 2)
        self.one, self.two, self.three = (norse.LIFCell(p=lif(rng)) for _ in range(3))

    def forward(self, x: torch.Tensor, state: Any = None) -> Any:
        s1, s2, s3 = state or (None, None, None)
        z1, s1 = self.one(self.a(x), s1)
        z2, s2 = self.two(self.b(z1), s2)
        z3, s3 = self.three(self.c(torch.cat((z1, z2), -3)) - 4, s3)
        return z3, (s1, s2, s3)


class TwoHeads(nn.Module):
    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.fc, self.lif, self.left, self.right = dense(6, 8), norse.LIFCell(p=lif(rng)), head(rng, 8), head(rng, 8, 3)

    def forward(self, x: torch.Tensor) -> Any:
        s = sl = sr = None
        left, right = [], []
        for now in x:
            z, s = self.lif(self.fc(now), s)
            v, sl = self.left(z, sl)
            w, sr = self.right(z, sr)
            left.append(v)
            right.append(w)
        return self.both(torch.stack(left), torch.stack(right))

    def both(self, left: torch.Tensor, right: torch.Tensor) -> Any:
        return left, right


class NamedHeads(TwoHeads):
    def both(self, left: torch.Tensor, right: torch.Tensor) -> Any:
        return {"what": left.max(0).values, "where": right.mean(0)}


class StateOnSelf(nn.Module):
    """Keeps its state itself, called once per step, returns spikes and potential."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.fc, self.lif = dense(6, 8), norse.LIFCell(p=lif(rng))
        self.state: Any = None

    def forward(self, x: torch.Tensor) -> Any:
        z, self.state = self.lif(self.fc(x), self.state)
        return z, self.state.v


class ResetsItself(nn.Module):
    """Sets its state to None before every sample, runs a block that keeps its own."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.block, self.out = StateOnSelf(rng), head(rng, 8)

    def forward(self, x: torch.Tensor) -> Any:
        self.block.state = None
        so, voltages = None, torch.zeros(x.shape[0], x.shape[1], 4, dtype=x.dtype)
        for t in range(x.shape[0]):
            z, _ = self.block(x[t])
            voltages[t], so = self.out(z, so)
        return voltages, self.block.state


# --- layouts ---------------------------------------------------------------------------------------------------------


class Flagged(nn.Module):
    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.net = Looped(rng)

    def forward(self, x: torch.Tensor, flag: Any = None) -> torch.Tensor:
        s = so = None
        out = []
        for t in range(x.shape[0]):
            z, s = self.net.lif(self.net.fc(x[t]), s)
            v, so = self.net.out(z, so)
            out.append(v)
        return torch.stack(out) if flag is None else out[-1]


class StateOfSequence(nn.Module):
    """All steps and a state in, all steps and a state out."""

    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.fc, self.lif = dense(6, 8), norse.LIFCell(p=lif(rng))

    def forward(self, x: torch.Tensor, state: Any = None) -> Any:
        out = []
        for t in x:
            z, state = self.lif(self.fc(t), state)
            out.append(z)
        return torch.stack(out), state


class BatchFirst(nn.Module):
    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.fc, self.lif = conv(2, 3), norse.LIFCell(p=lif(rng))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s, out = None, []
        for t in range(x.size(1)):
            z, s = self.lif(self.fc(x[:, t, ...]), s)
            out.append(z)
        return torch.stack(out, dim=1)


# --- storing, and maps that are no convolution -----------------------------------------------------------------------


class StoresInto(Looped):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s = so = None
        out = torch.zeros(x.shape[0], x.shape[1], 4, dtype=x.dtype)
        third = torch.zeros_like(out)
        other = torch.empty(x.shape[1], x.shape[0], 8, dtype=x.dtype)
        for t in range(x.shape[0]):
            z, s = self.lif(self.fc(x[t]), s)
            v, so = self.out(z, so)
            out[t][:] = v
            other[:, t].copy_(z)
            third[t] += v
            third[t].mul_(2)
        return out + third
