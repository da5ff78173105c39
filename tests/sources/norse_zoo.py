"""Norse networks of every kind that the reader knows, with random weights and parameters: name -> builder(rng)."""

from collections.abc import Callable
from typing import Any

import norse.torch as norse
import torch
from norse.torch.functional.reset import reset_subtract
from torch import nn

from tests.sources.norse_nets import (
    IMAGE,
    Case,
    Constants,
    CustomStart,
    Delayed,
    Ensemble,
    Feedback,
    LastStep,
    Learnable,
    MergedTime,
    Residual,
    Rng,
    Scnn,
    SharedWeights,
    Summed,
    Unregistered,
    box,
    chain,
    conv,
    dense,
    head,
    iaf,
    li,
    lif,
    norm,
    tensor,
)


def refrac(rng: Rng) -> norse.LIFRefracParameters:
    return norse.LIFRefracParameters(lif(rng), torch.tensor(2.5))


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
    "LIFRefracCell": lambda r: one(r, norse.LIFRefracCell(p=refrac(r))),
    "LIFRefracRecurrentCell": lambda r: Case(chain(norse.LIFRefracRecurrentCell(6, 9, p=refrac(r))), (6,)),
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
    "constants": lambda r: Case(Constants(r), IMAGE, "time_first"),
    "summed over time": lambda r: Case(Summed(r), (6,), "batch_first"),
    "last step": lambda r: Case(LastStep(r), (6,), "time_first"),
    "time in the batch": lambda r: Case(MergedTime(r), IMAGE, "time_first"),
    "learnable": lambda r: Case(Learnable(r), IMAGE),
    "cells in a list": lambda r: Case(Unregistered(r), (6,), "time_first"),
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
