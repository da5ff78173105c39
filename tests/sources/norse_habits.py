"""Ways in which people write Norse networks, each as a small module of our own: name -> Habit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import norse.torch as norse
import torch
from norse.task.speech_commands.model import lif_model
from norse.torch.models.conv import ConvNet, ConvNet4
from torch import nn

from tests.sources.norse_inputs import (
    Digits,
    DrawnByHand,
    Encoded,
    EncodedByFunction,
    HeldCurrent,
    HeldImage,
    PoissonEveryStep,
    Repeated,
    by_encoder,
    by_function,
    by_pixels,
    every_step,
    loud,
)
from tests.sources.norse_loops import (
    Auxiliary,
    BatchFirst,
    Bounds,
    Branches,
    DeadBranch,
    Extremes,
    Flagged,
    Kept,
    LastOfList,
    LastSteps,
    Lifted,
    NamedHeads,
    Rates,
    Rectified,
    RecurrentFunction,
    ResetsItself,
    Skips,
    SoftmaxInside,
    SoftmaxOfLast,
    StateOfSequence,
    StateOnSelf,
    StepFunctions,
    StoresInto,
    TenSteps,
    TwoHeads,
)
from tests.sources.norse_nets import Rng, conv, dense, li, lif, norm

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


def behind_a_matrix(rng: Rng) -> nn.Module:
    """Norm, neurons, pooling, a grouped convolution and a flattening behind bilinear upsampling."""
    up = nn.Upsample(scale_factor=2, mode="bilinear")
    grouped = conv(4, 6, 3, groups=2, padding=1, stride=2, dilation=2)
    nn.init.normal_(grouped.weight, 0.05, 0.4)
    first = (nn.AvgPool2d(2), conv(2, 4), norse.LIFCell(p=lif(rng)), up, norm(nn.BatchNorm2d(4), rng))
    then = (norse.LIFCell(p=lif(rng)), nn.AvgPool2d(2, 1, padding=1), grouped, norse.LIFCell(p=lif(rng)))
    return norse.SequentialState(*first, *then, nn.Flatten(), dense(24, 4), norse.LICell(p=li(rng)))


def upsampled(rng: Rng) -> nn.Module:
    layers = (nn.AvgPool2d(2), conv(2, 3), norse.LIFCell(p=lif(rng)), nn.Upsample(scale_factor=2), conv(3, 2))
    return norse.SequentialState(*layers, norse.LIFCell(p=lif(rng)))


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
    "bounds as numbers": Habit(Bounds, (6,)),
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
    "layers behind a matrix": Habit(behind_a_matrix, IMAGE, "step"),
    "nearest upsampling": Habit(upsampled, IMAGE, "step"),
}  # fmt: skip
