"""Norse networks that make steps of an image themselves: by an encoder, or by reading it in every step."""

from typing import Any

import norse.torch as norse
import torch
from norse.torch.functional.encode import poisson_encode
from norse.torch.models.conv import ConvNet4
from norse.torch.module.encode import PoissonEncoderStep
from torch import nn
from torch.nn import functional as F

from tests.sources.norse_nets import Rng, box, conv, dense, head, li, lif


def loud(module: nn.Module, factor: float) -> nn.Module:
    """Raise weights that would leave an untrained network silent."""
    with torch.no_grad():
        for weight in (p for p in module.parameters() if p.ndim > 1):
            weight.mul_(factor).add_(0.3 * weight.std())
    return module


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
