"""Rules for what only a network without time has: rectifiers, and a tail that runs on the host."""

from dataclasses import replace

from torch import Tensor

from snn2hw.sources.expression.operations import Relu
from snn2hw.sources.from_norse.pooling import POOLING
from snn2hw.sources.from_norse.spikes import is_rates
from snn2hw.sources.from_norse.tracer import HOST, Call, Rule, Tracer

__all__ = ["RATES"]


def _relu(rec: Tracer, call: Call) -> None:
    tag = rec.tag(call.args[0])
    cap = 6.0 if call.name == "relu6" else None
    if tag is not None:
        rec.apply(call, tag, Relu(cap))


def _clamp(rec: Tracer, call: Call) -> None:
    given = call.bind(input=None, min=None, max=None) | {
        new: call.kwargs[old] for old, new in (("min_val", "min"), ("max_val", "max")) if old in call.kwargs
    }
    tag = rec.tag(given["input"])
    low, high = given["min"], given["max"]
    if call.name == "hardtanh":
        low, high = (-1.0 if low is None else low), (1.0 if high is None else high)
    if tag is None or isinstance(low, Tensor) or isinstance(high, Tensor) or low is None or float(low) != 0.0:
        rec.unknown(call, f"{call.name} with a lower bound other than 0")
    else:
        rec.apply(call, tag, Relu(None if high is None else float(high)))


def _max_pool(rec: Tracer, call: Call) -> None:
    """The maximum of what rectifiers leave is an OR of the spikes that stand for it."""
    tag = rec.tag(call.args[0])
    if call.name in POOLING and tag is not None and all(map(is_rates, tag.values)):
        POOLING[call.name](rec, call)
        return
    rec.unknown(call, "a maximum of rates is no sum of spikes", "train with average pooling")


def _tail(rec: Tracer, call: Call) -> None:
    """A softmax or the like behind the last layer does not change which output is the largest."""
    tag = rec.tag(call.args[0])
    if tag is None:
        rec.unknown(call, f"{call.name} inside the network")
        return
    decoded = f"{tag.decoded}, {call.name}" if tag.decoded else call.name
    for tensor in call.out if isinstance(call.out, tuple) else (call.out,):
        rec.attach(tensor, replace(tag, decoded=decoded))


RATES: dict[str, Rule] = {
    **dict.fromkeys(("relu", "relu6"), _relu),
    **dict.fromkeys(("clamp", "clamp_min", "hardtanh"), _clamp),
    **dict.fromkeys(("max_pool1d", "max_pool2d", "adaptive_max_pool2d"), _max_pool),
    **dict.fromkeys(HOST, _tail),
}
"""By the torch function's name; they go before the rules of spiking networks."""
