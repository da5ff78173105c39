"""Networks for sounds that others published, each as a spiking network and as its twin of ReLUs: one description.

| name       | reads                  | layers                                                                   |
|------------|------------------------|--------------------------------------------------------------------------|
| m5         | the wave, (1, samples) | conv 80 stride 4, three convs 3: normalisation, neuron, max pool 4; mean |
| piczak     | a mel image, (1, b, t) | conv 57 x 6, pool 4 x 3; conv 1 x 3, pool 1 x 3; mean; two dense layers  |
| hjh        | a mel image            | a neuron; conv 5, norm, neuron, max pool 2; conv 5, neuron; mean         |
| hjh-hybrid | a mel image            | the same; only the neuron at the input spikes, behind it are ReLUs       |
| tcy        | a mel image            | the image averaged to 10 x 10, a neuron                                  |
| esc-vgg    | a mel image            | three times two convs 3, pool 2, dropout; dense n / 4, n / 64, normed    |
| extractor  | a mel image            | five times two convs 3, pool 2; convs 3, 2; classes at every place; mean |

and a linear map at the end of each but the last. n is how many values come out behind the pools; every convolution of
the last two has a normalisation and a neuron behind it. In the twin a ReLU stands for every neuron, and what comes in
is seen once; the spiking network sees it at every step, and its answers are summed over the steps. Where no neuron
stands before it the first convolution is analog: what it hears is a constant drive, no spikes. Widths are those
published, times ``width``.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.cures import one_of
from sim.errors import InputError
from snn2hw.models.stream import DT_S

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "DECAY",
    "PAIRS",
    "SIDE",
    "WAVES",
    "ConvStage",
    "PairLayout",
    "answer_of",
    "pair",
    "pair_layout",
    "settled",
    "twin_of",
]

Size = tuple[int, ...]

DECAY = 0.5
"""Share of a potential that is lost in a step, unless it is learnt."""
SIDE = 10
"""Places along each side of the image that TCY averages to."""


@dataclass(frozen=True)
class ConvStage:
    """A convolution and what follows it; sizes have one number along a wave and two in an image."""

    channels: int
    kernel: Size
    stride: Size = (1,)
    padding: Size = (0,)
    norm: bool = True
    pool: Size = ()
    pool_stride: Size = ()
    neuron: bool = True
    bias: bool = True
    whole: bool = False
    """The pool, of 2 x 2, leaves no place of an odd side out (`snn2hw.train.whole_pool`)."""
    dropout: float = 0.0
    """Behind the pool."""


@dataclass(frozen=True)
class PairLayout:
    """One description of both: ``input_neuron`` stands before everything, ``mean`` is over every place of the last.

    ``shares`` are more dense layers, before those of ``dense``: of n values that come out of the convolutions such a
    layer has n over its share. With ``dense_norm`` every dense layer has a normalisation. ``answers_everywhere``: a
    convolution of 1 x 1 answers at every place, and the mean is over its answers. Of a ``hybrid`` no other neuron
    spikes; its twin, and its weights, are those of the layout it is a hybrid of.
    """

    name: str
    stages: tuple[ConvStage, ...] = ()
    dense: tuple[int, ...] = ()
    input_neuron: bool = False
    mean: bool = True
    shares: tuple[int, ...] = ()
    dense_norm: bool = False
    answers_everywhere: bool = False
    decay: float = DECAY
    dropout: float = 0.0
    hybrid: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.decay <= 1 or not 0 <= self.dropout < 1:
            raise InputError(f"decay {self.decay}, dropout {self.dropout}", "keep 0 < decay <= 1 and 0 <= dropout < 1")


_M5 = tuple(ConvStage(n, (k,), (s,), pool=(4,)) for n, k, s in ((128, 80, 4), (128, 3, 1), (256, 3, 1), (512, 3, 1)))
_PICZAK = (
    ConvStage(80, (57, 6), (1, 1), norm=False, pool=(4, 3), pool_stride=(1, 3)),
    ConvStage(80, (1, 3), (1, 1), norm=False, pool=(1, 3), pool_stride=(1, 3)),
)
_HJH = (ConvStage(8, (5, 5), (1, 1), (2, 2), pool=(2, 2)), ConvStage(16, (5, 5), (1, 1), (2, 2), norm=False))


def _block(channels: int, *, whole: bool = False, dropout: float = 0.0) -> tuple[ConvStage, ConvStage]:
    """Return two convolutions of 3 x 3 and a pool."""
    first = ConvStage(channels, (3, 3), (1, 1), (1, 1), bias=False)
    return first, replace(first, pool=(2, 2), whole=whole, dropout=dropout)


_VGG = tuple(stage for n in (8, 16, 32) for stage in _block(n, dropout=0.2))
_EXTRACTOR = (
    *(stage for n in (16, 32, 64, 128, 256) for stage in _block(n, whole=True)),
    ConvStage(512, (3, 3), (1, 1), (1, 1), bias=False),
    ConvStage(1024, (2, 2), (1, 1), (1, 1), bias=False),
)
_HYBRID = "-hybrid"
PAIRS = {
    "m5": PairLayout("m5", _M5),
    "piczak": PairLayout("piczak", _PICZAK, (5000, 5000), dropout=0.5),
    "hjh": PairLayout("hjh", _HJH, input_neuron=True),
    "hjh-hybrid": PairLayout("hjh-hybrid", _HJH, input_neuron=True, hybrid=True),
    "tcy": PairLayout("tcy", input_neuron=True, mean=False),
    "esc-vgg": PairLayout("esc-vgg", _VGG, mean=False, shares=(4, 64), dense_norm=True, dropout=0.2),
    "extractor": PairLayout("extractor", _EXTRACTOR, answers_everywhere=True),
}
"""Published networks by name."""
WAVES = ("m5",)
"""Networks that read the wave itself."""


def twin_of(name: str) -> str:
    """Return the name of the layout whose weights these are: a hybrid has those of the network that spikes throughout.

    >>> twin_of("hjh-hybrid"), twin_of("m5")
    ('hjh', 'm5')
    """
    return name.removesuffix(_HYBRID)


def pair_layout(name: str, width: float = 1.0) -> PairLayout:
    """Return a published network, its channels and dense layers times ``width``, at least one of each."""
    if name not in PAIRS:
        raise InputError(f"there is no network {name!r}", f"choose {one_of(name, PAIRS)}")
    if not 0 < width <= 1:
        raise InputError(f"width {width}", "choose a share of the published width, up to 1")
    layout = PAIRS[name]
    stages = tuple(replace(stage, channels=max(1, round(width * stage.channels))) for stage in layout.stages)
    return replace(layout, stages=stages, dense=tuple(max(1, round(width * size)) for size in layout.dense))


def pair(
    layout: PairLayout,
    shape: tuple[int, ...],
    classes: int,
    *,
    spiking: bool,
    learnt: bool = False,
    learnt_threshold: bool = False,
) -> "nn.Module":
    """Return the untrained network for (b, *shape) a step.

    With ``learnt`` the decay of every layer of neurons is trained too, with ``learnt_threshold`` their threshold.
    """
    from norse.torch import SequentialState
    from torch import nn

    cell = _Cell(layout.decay, learnt, learnt_threshold)
    modules: list[nn.Module] = []
    if layout.name == "tcy":
        modules += [_averaging(shape)]
    modules += _neuron(cell, spiking) if layout.input_neuron else []
    behind = spiking and not layout.hybrid
    channels = shape[0]
    for stage in layout.stages:
        modules += _conv(stage, channels, len(shape) - 1)
        modules += _neuron(cell, behind) if stage.neuron else []
        modules += _pool(stage)
        modules += [nn.Dropout(stage.dropout)] if stage.dropout else []
        channels = stage.channels
    if layout.answers_everywhere:
        modules += [nn.Conv2d(channels, classes, 1)]
    if layout.mean:
        modules += [nn.AdaptiveAvgPool1d(1) if len(shape) == 2 else nn.AdaptiveAvgPool2d(1)]
    modules += [nn.Flatten()]
    before = _flat(modules, shape)
    for size in _dense_sizes(layout, before):
        modules += [nn.Linear(before, size), *([nn.BatchNorm1d(size)] if layout.dense_norm else [])]
        modules += [*_neuron(cell, behind), *([nn.Dropout(layout.dropout)] if layout.dropout else [])]
        before = size
    if not layout.answers_everywhere:
        modules += [nn.Linear(before, classes)]
    network: nn.Module = SequentialState(*modules) if spiking else nn.Sequential(*modules)
    return network


def answer_of(network: "nn.Module", x: "Tensor", steps: int) -> "Tensor":
    """Return the sum of a spiking network's answers to an input that stays for so many steps."""
    state: Any = None
    total: Tensor | None = None
    for _ in range(steps):
        answer, state = network(x, state)
        total = answer if total is None else total + answer
    if total is None:
        raise InputError(f"{steps} steps", "ask for one or more")
    return total


def settled(network: "nn.Module") -> "nn.Module":
    """Return a copy with Norse's own cells in place of those that learnt: what can be compiled."""
    import copy

    from norse.torch import SequentialState

    from snn2hw.train.learnt_leak import LearntLeak

    parts = [part.settled() if isinstance(part, LearntLeak) else copy.deepcopy(part) for part in network.children()]
    made: nn.Module = SequentialState(*parts).eval()
    return made


class _Cell(NamedTuple):
    """The neurons of a network: what they lose in a step, and what of them is learnt."""

    decay: float
    decay_learnt: bool
    threshold_learnt: bool


def _neuron(cell: _Cell, spiking: bool) -> "list[nn.Module]":
    from torch import nn

    from snn2hw.train.learnt_leak import LearntLeak, leaky_cell

    if not spiking:
        return [nn.ReLU()]
    if cell.decay_learnt or cell.threshold_learnt:
        return [LearntLeak(cell.decay, decay_learnt=cell.decay_learnt, threshold_learnt=cell.threshold_learnt)]
    return [leaky_cell(cell.decay, DT_S)]


def _dense_sizes(layout: PairLayout, before: int) -> tuple[int, ...]:
    if before < max(layout.shares, default=1):
        raise InputError(f"{before} values behind the last pool", "give longer sounds or more bands, or more width")
    return (*(before // share for share in layout.shares), *layout.dense)


def _conv(stage: ConvStage, before: int, axes: int) -> "list[nn.Module]":
    from torch import nn

    made: tuple[Any, Any] = (nn.Conv1d, nn.BatchNorm1d) if axes == 1 else (nn.Conv2d, nn.BatchNorm2d)
    if len(stage.kernel) != axes:
        raise InputError(f"a kernel of {stage.kernel} over {axes} axes", "feed it what it was described for")
    stride, padding = (size * axes if len(size) < axes else size for size in (stage.stride, stage.padding))
    conv = made[0](before, stage.channels, stage.kernel, stride, padding, bias=stage.bias)
    return [conv, made[1](stage.channels)] if stage.norm else [conv]


def _pool(stage: ConvStage) -> "list[nn.Module]":
    from torch import nn

    if not stage.pool:
        return []
    if stage.whole:
        from snn2hw.train.whole_pool import WholePool

        return [WholePool()]
    if len(stage.pool) == 1:
        return [nn.MaxPool1d(stage.pool[0])]
    return [nn.MaxPool2d(stage.pool, stage.pool_stride or stage.pool)]


def _averaging(shape: tuple[int, ...]) -> "nn.Module":
    from torch import nn

    if len(shape) != 3 or any(side % SIDE for side in shape[1:]):
        raise InputError(f"an image of {shape}", f"give (channels, bands, frames), both multiples of {SIDE}")
    return nn.AvgPool2d((shape[1] // SIDE, shape[2] // SIDE))


def _flat(modules: "list[nn.Module]", shape: tuple[int, ...]) -> int:
    """Return how many values come out of maps and pools; neurons keep the shape."""
    import torch
    from torch import nn

    x = torch.zeros(1, *shape)
    keep: tuple[type, ...] = (nn.Conv1d, nn.Conv2d, nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool2d, nn.Flatten)
    keep += (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)
    try:
        with torch.no_grad():
            for module in modules:
                x = module(x) if isinstance(module, keep) else x
    except RuntimeError as error:
        raise InputError(f"an input of {shape} is too small ({error})", "give a longer or larger one") from None
    return x.shape[1]
