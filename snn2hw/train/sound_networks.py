"""Networks of images of sound that do not spike: classifiers of the literature, and teachers of streaming networks.

| name            | layers                                                                                            |
|-----------------|---------------------------------------------------------------------------------------------------|
| vgg             | `snn2hw.train.stream_vgg`: three times conv, max pool 2; one conv; the mean over time; linear     |
| baseline        | three convs of 8 channels, max pool 4, linear to n / 4, n / 64, classes                           |
| esc-vgg         | `snn2hw.train.pairs`: three blocks of two convs of C, 2 C, 4 C channels; linear n / 4, n / 64     |
| lstm            | an LSTM over frames, its output at the last one, linear                                           |
| crnn-a          | conv 20 frames x 5 bands of stride 8 x 2, two layers of GRU of 64, attention over time, linear    |
| extractor       | five times two convs and max pool 2, 16 to 256 channels; convs of 512 and 1024; classes; the mean |
| efficientnet-b0 | the convolutions of torchvision's network, the mean, linear                                       |
| vgg-19          | the same                                                                                          |

All kernels are 3 x 3 where nothing is said, with normalisation and ReLU behind a convolution. Each is called on
(b, T, bands) and returns one answer for the whole, (b, 1, classes).
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sim.cures import install, one_of
from sim.errors import FileError, InputError, MissingToolError
from snn2hw.train.pairs import pair, pair_layout
from snn2hw.train.stream_recipe import PRETRAINED, WHOLE
from snn2hw.train.stream_vgg import TEMPERATURE, SoundVgg

__all__ = ["begin_with", "sound_network"]

CHANNELS, DROPOUT = 8, 0.2
HIDDEN = 64
SLOPES = 16
"""Channels of the one convolution before the recurrence."""
START = "features."
"""How torchvision calls the weights of its convolutions."""


def sound_network(name: str, bands: int, frames: int, classes: int) -> nn.Module:
    """Return an untrained network for images of so many frames and bands."""
    if name == "vgg":
        return SoundVgg(bands, classes)
    if name in PRETRAINED:
        return Answering(_Transferred(name, classes))
    if name not in _MADE:
        raise InputError(f"there is no network {name!r}", f"choose {one_of(name, WHOLE)}")
    return Answering(_MADE[name](bands, frames, classes))


def begin_with(model: nn.Module, weights: Mapping[str, Any], where: str) -> None:
    """Fill the convolutions of one of `PRETRAINED` from the state of torchvision's network; ``where`` is its file."""
    features = model.get_submodule("classifier.features")
    found = {name.removeprefix(START): value for name, value in weights.items() if name.startswith(START)}
    try:
        features.load_state_dict(found)
    except (RuntimeError, AttributeError, TypeError) as error:
        what = f"{where}: weights of another network ({' '.join(str(error).split())[:200]})"
        raise FileError(
            what, "give the state_dict of torchvision's network of this name, as torch.save writes it"
        ) from None


class Answering(nn.Module):
    """A classifier of images (b, 1, T, bands) as a network that answers once for a whole sound."""

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, x: Tensor) -> Tensor:
        """Look at the whole image."""
        answers: Tensor = self.classifier(x[:, None])[:, None] / TEMPERATURE
        return answers


def _conv(before: int, after: int) -> list[nn.Module]:
    return [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]


def _dense(n: int, classes: int) -> list[nn.Module]:
    """Return three linear maps, to a quarter, a 64th, and the classes."""
    if n < 64:
        raise InputError(f"{n} values behind the last pool", "give longer sounds or more bands")
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in ((n, n // 4), (n // 4, n // 64)):
        layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU(), nn.Dropout(DROPOUT)]
    return [*layers, nn.Linear(n // 64, classes)]


def _baseline(bands: int, frames: int, classes: int) -> nn.Module:
    convs = [layer for k in range(3) for layer in _conv(CHANNELS if k else 1, CHANNELS)]
    return nn.Sequential(*convs, nn.MaxPool2d(4), *_dense(CHANNELS * (frames // 4) * (bands // 4), classes))


def _vgg(bands: int, frames: int, classes: int) -> nn.Module:
    return pair(pair_layout("esc-vgg"), (1, frames, bands), classes, spiking=False)


def _extractor(_bands: int, _frames: int, classes: int) -> nn.Module:
    layers, before = list[nn.Module](), 1
    for after in (16, 32, 64, 128, 256):
        layers += [*_conv(before, after), *_conv(after, after), nn.MaxPool2d(2, ceil_mode=True)]
        before = after
    wide = [nn.Conv2d(512, 1024, 2, padding=1, bias=False), nn.BatchNorm2d(1024), nn.ReLU()]
    ends = [nn.Conv2d(1024, classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, *_conv(before, 512), *wide, *ends)


class _Lstm(nn.Module):
    def __init__(self, bands: int, _frames: int, classes: int) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(bands, 2 * HIDDEN, batch_first=True)
        self.answer = nn.Linear(2 * HIDDEN, classes)

    def forward(self, x: Tensor) -> Tensor:
        answers: Tensor = self.answer(self.recurrent(x[:, 0])[0][:, -1])
        return answers


class _CrnnA(nn.Module):
    def __init__(self, bands: int, frames: int, classes: int) -> None:
        super().__init__()
        if frames < 20 or bands < 5:
            raise InputError(f"{frames} frames of {bands} bands", "give 20 frames and 5 bands or more")
        self.front = nn.Sequential(nn.Conv2d(1, SLOPES, (20, 5), (8, 2), bias=False), nn.BatchNorm2d(SLOPES), nn.ReLU())
        self.recurrent = nn.GRU(SLOPES * ((bands - 5) // 2 + 1), HIDDEN, 2, batch_first=True)
        self.energy = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 1, bias=False))
        self.answer = nn.Linear(HIDDEN, classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.recurrent(self.front(x).transpose(1, 2).flatten(2))[0]  # b t hidden
        looked_at = torch.softmax(self.energy(y), 1)
        answers: Tensor = self.answer((looked_at * y).sum(1))
        return answers


class _Transferred(nn.Module):
    """The convolutions of a network for photographs, on one image three times."""

    def __init__(self, name: str, classes: int) -> None:
        super().__init__()
        models = _torchvision().models
        if name == "vgg-19":  # its three dense layers, six times as large as the rest, are not even made
            self.features: nn.Module = models.vgg.make_layers(models.vgg.cfgs["E"])
        else:
            self.features = models.efficientnet_b0(weights=None).features
        self.answer = nn.Linear(512 if name == "vgg-19" else 1280, classes)

    def forward(self, x: Tensor) -> Tensor:
        answers: Tensor = self.answer(self.features(x.expand(-1, 3, -1, -1)).mean((2, 3)))
        return answers


_MADE: dict[str, Callable[[int, int, int], nn.Module]] = {
    "baseline": _baseline,
    "esc-vgg": _vgg,
    "lstm": _Lstm,
    "crnn-a": _CrnnA,
    "extractor": _extractor,
}


def _torchvision() -> Any:
    """Import torchvision, also where its compiled operators belong to another build of torch: its models need none."""
    from importlib import import_module

    try:
        return import_module("torchvision")
    except ImportError:
        raise MissingToolError("this network is torchvision's", install("vision")) from None
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
        for name in ("nms", "qnms"):
            torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return import_module("torchvision")
