"""Ways in which people write Norse networks, each as a small module of our own: name -> Habit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import norse.torch as norse
import torch
from norse.task.speech_commands.model import lif_model
from norse.torch.functional.encode import poisson_encode
from norse.torch.functional.leaky_integrator import LIState, li_feed_forward_step, li_step
from norse.torch.functional.lif import LIFFeedForwardState, LIFState, lif_feed_forward_step, lif_step
from norse.torch.functional.lift import lift
from norse.torch.models.conv import ConvNet, ConvNet4
from norse.torch.module.encode import PoissonEncoderStep
from torch import nn
from torch.nn import functional as F

from tests.sources.norse_nets import Rng, box, conv, dense, head, li, lif, tensor

Spikes = Callable[[Any, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Habit:
    """A module, the shape that it reads, how it is fed, and which of its outputs is compared.

    ``spikes`` returns (T, B, *shape) of an image as the module's own encoder does; ``steps`` is how long a module runs
    that counts its steps itself.
    """

    make: Callable[[Rng], nn.Module]
    shape: tuple[int, ...]
    fed: str = "time_first"
    steps: int = 15
    output: int | str | None = None
    spikes: Spikes | None = None


# --- images and encoders -------------------------------------------------------------------------------------------


class Encoded(nn.Module):
    """An encoder in front of a loop, the maximum over time, a log softmax."""

    def __init__(self, rng: Rng, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.fc, self.lif, self.out = dense(12, 9), norse.LIFCell(p=lif(rng)), head(rng, 9)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spikes = self.encoder(x.flatten(1) * 3.0).to(x.dtype)
        s = so = None
        voltages = []
        for z in spikes:
            z, s = self.lif(self.fc(z), s)
            v, so = self.out(z, so)
            voltages.append(v)
        return F.log_softmax(torch.stack(voltages).max(0).values, dim=1)


class Digits(nn.Module):
    """The network of Norse's own MNIST task: encoded pixels, put back into an image, a ConvNet4."""

    def __init__(self, rng: Rng, steps: int) -> None:
        super().__init__()
        self.encoder, self.steps, self.side = norse.ConstantCurrentLIFEncoder(steps), steps, 16
        self.rsnn = loud(ConvNet4(feature_size=self.side, dtype=torch.get_default_dtype()), 3.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch = x.shape[0]
        x = self.encoder(x.view(-1, self.side * self.side) * 4)
        x = x.reshape(self.steps, batch, 1, self.side, self.side)
        m, _ = torch.max(self.rsnn(x), 0)
        return F.log_softmax(m, dim=1)


class HeldImage(nn.Module):
    """The network of Norse's own CIFAR-10 task, smaller: the image in every step, noise on the voltages."""

    def __init__(self, rng: Rng, steps: int = 12, noise: float = 1e-3) -> None:
        super().__init__()
        self.seq_length, self.noise = steps, noise
        self.features = norse.SequentialState(
            conv(3, 4, padding=1, bias=False), norse.LIFCell(p=lif(rng)), nn.MaxPool2d(2),
            conv(4, 6, padding=1, bias=False), norse.LIFCell(p=lif(rng)), nn.MaxPool2d(2), nn.Flatten(),
        )  # fmt: skip
        self.classification = norse.SequentialState(dense(24, 5, bias=False), norse.LICell(p=li(rng)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        voltages = torch.empty(self.seq_length, x.shape[0], 5, device=x.device, dtype=x.dtype)
        sf = sc = None
        for ts in range(self.seq_length):
            out_f, sf = self.features(x, sf)
            out_c, sc = self.classification(out_f, sc)
            voltages[ts, :, :] = out_c + self.noise * torch.randn(x.shape[0], 5, device=x.device)
        y_hat, _ = torch.max(voltages, 0)
        return y_hat


class HeldCurrent(nn.Module):
    """The current is computed once, the neurons run on it."""

    def __init__(self, rng: Rng, steps: int = 10) -> None:
        super().__init__()
        self.fc, self.lif, self.out, self.steps = dense(6, 8), norse.LIFBoxCell(p=box(rng)), head(rng, 8), steps

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        current = self.fc(image)
        s = so = None
        for _ in range(self.steps):
            z, s = self.lif(current, s)
            v, so = self.out(z, so)
        return v


class Repeated(nn.Module):
    """The image is repeated along a new axis of steps, for layers in time."""

    def __init__(self, rng: Rng, steps: int = 9) -> None:
        super().__init__()
        self.steps = steps
        self.net = norse.SequentialState(dense(6, 8), norse.LIF(p=lif(rng)), dense(8, 4), norse.LI(p=li(rng)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, _ = self.net(x.unsqueeze(0).repeat(self.steps, 1, 1))
        return y[-1]


class PoissonEveryStep(nn.Module):
    def __init__(self, rng: Rng, steps: int = 11) -> None:
        super().__init__()
        self.encode, self.steps = PoissonEncoderStep(f_max=700), steps
        self.fc, self.lif = dense(6, 8), norse.LIFCell(p=lif(rng))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s, out = None, []
        for _ in range(self.steps):
            z, s = self.lif(self.fc(self.encode(x).to(x.dtype)), s)
            out.append(z)
        return torch.stack(out).mean(0)


class DrawnByHand(PoissonEveryStep):
    def __init__(self, rng: Rng) -> None:
        super().__init__(rng)
        self.encode = Drawn()


class Drawn(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (torch.rand_like(x) < x).to(x.dtype)


class EncodedByFunction(nn.Module):
    def __init__(self, rng: Rng) -> None:
        super().__init__()
        self.net = norse.SequentialState(dense(6, 8), norse.LIF(p=lif(rng)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z, _ = self.net(poisson_encode(x, 20, f_max=600).to(x.dtype))
        return z.sum(0)


def by_encoder(module: Any, x: torch.Tensor) -> torch.Tensor:
    return module.encoder(x.flatten(1) * 3.0).to(x.dtype)


def by_pixels(module: Any, x: torch.Tensor) -> torch.Tensor:
    return module.encoder(x.flatten(1) * 4).reshape(module.steps, len(x), 1, 16, 16)


def by_function(module: Any, x: torch.Tensor) -> torch.Tensor:
    return poisson_encode(x, 20, f_max=600).to(x.dtype)


def every_step(module: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.stack([module.encode(x).to(x.dtype) for _ in range(module.steps)])


# --- what the output does not need ---------------------------------------------------------------------------------


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


# --- rectifiers, readouts, fixed loops -----------------------------------------------------------------------------


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


# --- step functions ------------------------------------------------------------------------------------------------


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


# --- branches, heads, state ----------------------------------------------------------------------------------------


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


# --- layouts -------------------------------------------------------------------------------------------------------


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


# --- storing, and maps that are no convolution ---------------------------------------------------------------------


class StoresInto(Looped):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        s = so = None
        out = torch.zeros(x.shape[0], x.shape[1], 4, dtype=x.dtype)
        other = torch.empty(x.shape[1], x.shape[0], 8, dtype=x.dtype)
        for t in range(x.shape[0]):
            z, s = self.lif(self.fc(x[t]), s)
            v, so = self.out(z, so)
            out[t][:] = v
            other[:, t].copy_(z)
        return out.max(0).values + 0 * other.sum() if x is None else out


def middle(rng: Rng) -> nn.Module:
    layers = (dense(6, 8), norse.LICell(p=li(rng)), dense(8, 5), norse.LIFCell(p=lif(rng)))
    return norse.SequentialState(*layers)


def pooled_up(rng: Rng) -> nn.Module:
    """The head of VGG on a small image: 1 x 1 is spread over 3 x 3."""
    fc = dense(36, 5)
    nn.init.normal_(fc.weight, 0.0, 0.4)
    layers = (conv(2, 4, 8), norse.LIFCell(p=lif(rng)), nn.AdaptiveAvgPool2d((3, 3)), nn.Flatten(), fc)
    return norse.SequentialState(*layers, norse.LIFCell(p=lif(rng)))


def decoder(rng: Rng) -> nn.Module:
    up = nn.ConvTranspose2d(3, 2, 3, stride=2)
    nn.init.normal_(up.weight, 0.1, 0.4)
    return norse.SequentialState(conv(2, 3, 3, stride=2), norse.LIFCell(p=lif(rng)), up, norse.LIFCell(p=lif(rng)))


def upsampled(rng: Rng) -> nn.Module:
    layers = (nn.AvgPool2d(2), conv(2, 3), norse.LIFCell(p=lif(rng)), nn.Upsample(scale_factor=2), conv(3, 2))
    return norse.SequentialState(*layers, norse.LIFCell(p=lif(rng)))


def loud(module: nn.Module, factor: float) -> nn.Module:
    """Raise weights that would leave an untrained network silent."""
    with torch.no_grad():
        for weight in (p for p in module.parameters() if p.ndim > 1):
            weight.mul_(factor).add_(0.3 * weight.std())
    return module


def behind(encoder: Callable[[], nn.Module]) -> Habit:
    return Habit(lambda rng: Encoded(rng, encoder()), (3, 2, 2), "static", spikes=by_encoder)


IMAGE = (2, 8, 8)
HABITS: dict[str, Habit] = {
    "constant current encoder": behind(lambda: norse.ConstantCurrentLIFEncoder(14)),
    "Poisson encoder": behind(lambda: norse.PoissonEncoder(13, f_max=300)),
    "signed Poisson encoder": behind(lambda: norse.SignedPoissonEncoder(13, f_max=300)),
    "latency encoder": behind(lambda: norse.SpikeLatencyLIFEncoder(12)),
    "first spikes of an encoder": behind(
        lambda: nn.Sequential(norse.ConstantCurrentLIFEncoder(14), norse.SpikeLatencyEncoder())
    ),
    "Norse's MNIST task": Habit(lambda r: Digits(r, 6), (1, 16, 16), "static", spikes=by_pixels),
    "Norse's CIFAR-10 task": Habit(HeldImage, (3, 8, 8), "static", steps=12),
    "current computed once": Habit(HeldCurrent, (6,), "static", steps=10),
    "image repeated": Habit(Repeated, (6,), "static", steps=9),
    "Poisson in every step": Habit(PoissonEveryStep, (6,), "static", spikes=every_step),
    "drawn by hand": Habit(DrawnByHand, (6,), "static", spikes=every_step),
    "encoding function": Habit(EncodedByFunction, (6,), "static", spikes=by_function),
    "rates": Habit(Rates, (6,)),
    "extremes": Habit(Extremes, (6,)),
    "spikes kept": Habit(Kept, (6,)),
    "auxiliary loss": Habit(Auxiliary, (6,), output=0),
    "dead population": Habit(DeadBranch, (6,)),
    "Norse's ConvNet": Habit(lambda r: loud(ConvNet(feature_size=16, dtype=torch.float64), 3.0), (1, 16, 16)),
    "Norse's ConvNet4": Habit(lambda r: loud(ConvNet4(feature_size=16, dtype=torch.float64), 3.0), (1, 16, 16)),
    "Norse's speech commands task": Habit(lambda r: loud(lif_model(n_features=20, n_input=12), 3.0), (12,)),
    "relu of spikes": Habit(Rectified, (6,)),
    "softmax of the last step": Habit(SoftmaxOfLast, (6,)),
    "softmax in every step": Habit(SoftmaxInside, (6,)),
    "mean of the last ten": Habit(LastSteps, (6,)),
    "mean of the end of a list": Habit(LastOfList, (6,)),
    "ten steps": Habit(TenSteps, (6,), steps=10),
    "eighty steps": Habit(lambda r: TenSteps(r, 80), (6,), steps=80),
    "step functions": Habit(StepFunctions, (6,)),
    "recurrent step function": Habit(RecurrentFunction, (6,)),
    "lifted step function": Habit(Lifted, (6,)),
    "branches": Habit(Branches, (6,)),
    "channels side by side": Habit(Skips, IMAGE, "step"),
    "first of two heads": Habit(TwoHeads, (6,), output=None),
    "second of two heads": Habit(TwoHeads, (6,), output=1),
    "heads by name": Habit(NamedHeads, (6,), output="where"),
    "state on self": Habit(StateOnSelf, (6,), "step"),
    "state set to None": Habit(ResetsItself, (6,)),
    "flag beside the input": Habit(Flagged, (6,)),
    "state of a sequence": Habit(StateOfSequence, (6,)),
    "batch first": Habit(BatchFirst, IMAGE, "batch_first"),
    "stored into views": Habit(StoresInto, (6,)),
    "LICell in the middle": Habit(middle, (6,), "step"),
    "pooled up": Habit(pooled_up, IMAGE, "step"),
    "transposed convolution": Habit(decoder, IMAGE, "step"),
    "nearest upsampling": Habit(upsampled, IMAGE, "step"),
}  # fmt: skip
