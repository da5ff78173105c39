"""Networks for sounds that others published, each as a spiking network and as its twin of ReLUs: one description.

| name       | reads                  | layers                                                                   |
|------------|------------------------|--------------------------------------------------------------------------|
| m5         | the wave, (1, samples) | conv 80 stride 4, three convs 3: normalisation, neuron, max pool 4; mean |
| piczak     | a mel image, (1, b, t) | conv 57 x 6, pool 4 x 3; conv 1 x 3, pool 1 x 3; mean; two dense layers  |
| hjh        | a mel image            | a neuron; conv 5, norm, neuron, max pool 2; conv 5, neuron; mean         |
| hjh-hybrid | a mel image            | the same; only the neuron at the input spikes, behind it are ReLUs       |
| tcy        | a mel image            | the image averaged to 10 x 10, a neuron                                  |

and a linear map at the end of each. In the twin a ReLU stands for every neuron, and what comes in is seen once; the
spiking network sees it at every step, and its answers are summed over the steps. The first convolution of m5 and of
piczak is analog: what it hears is a constant drive, no spikes. Widths are those published, times ``width``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.cures import one_of
from sim.errors import InputError
from snn2hw.models.stream import DT_S

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["DECAY", "PAIRS", "ConvStage", "PairLayout", "answer_of", "pair", "pair_layout", "settled", "twin_of"]

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


@dataclass(frozen=True)
class PairLayout:
    """One description of both: ``input_neuron`` stands before everything, ``mean`` is over every place of the last.

    Of a ``hybrid`` no other neuron spikes; its twin, and its weights, are those of the layout it is a hybrid of.
    """

    name: str
    stages: tuple[ConvStage, ...] = ()
    dense: tuple[int, ...] = ()
    input_neuron: bool = False
    mean: bool = True
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
_HYBRID = "-hybrid"
PAIRS = {
    "m5": PairLayout("m5", _M5),
    "piczak": PairLayout("piczak", _PICZAK, (5000, 5000), dropout=0.5),
    "hjh": PairLayout("hjh", _HJH, input_neuron=True),
    "hjh-hybrid": PairLayout("hjh-hybrid", _HJH, input_neuron=True, hybrid=True),
    "tcy": PairLayout("tcy", input_neuron=True, mean=False),
}
"""Published networks by name."""


def twin_of(name: str) -> str:
    """Return the name of the layout whose weights these are: a hybrid has those of the network that spikes throughout.

    >>> twin_of("hjh-hybrid"), twin_of("m5")
    ('hjh', 'm5')
    """
    return name.removesuffix(_HYBRID)


def pair_layout(name: str, width: float = 1.0) -> PairLayout:
    """Return a published network, its channels and dense layers times ``width``, at least one of each."""
    from dataclasses import replace

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
        channels = stage.channels
    if layout.mean:
        modules += [nn.AdaptiveAvgPool1d(1) if len(shape) == 2 else nn.AdaptiveAvgPool2d(1)]
    modules += [nn.Flatten()]
    before = _flat(modules, shape)
    for size in layout.dense:
        modules += [nn.Linear(before, size), *_neuron(cell, behind)]
        modules += [nn.Dropout(layout.dropout)] if layout.dropout else []
        before = size
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


def _conv(stage: ConvStage, before: int, axes: int) -> "list[nn.Module]":
    from torch import nn

    made: tuple[Any, Any] = (nn.Conv1d, nn.BatchNorm1d) if axes == 1 else (nn.Conv2d, nn.BatchNorm2d)
    if len(stage.kernel) != axes:
        raise InputError(f"a kernel of {stage.kernel} over {axes} axes", "feed it what it was described for")
    stride, padding = (size * axes if len(size) < axes else size for size in (stage.stride, stage.padding))
    conv = made[0](before, stage.channels, stage.kernel, stride, padding)
    return [conv, made[1](stage.channels)] if stage.norm else [conv]


def _pool(stage: ConvStage) -> "list[nn.Module]":
    from torch import nn

    if not stage.pool:
        return []
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
