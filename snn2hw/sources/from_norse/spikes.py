"""Which values are spikes, 0 or 1 in every step: what a maximum of them and a rectifier make is simple."""

from collections.abc import Sequence

from snn2hw.sources.expression.operations import Flatten, Pool, Relu
from snn2hw.sources.expression.values import Applied, Neuron, Value
from snn2hw.sources.from_norse.tracer import Thread

__all__ = ["is_rates", "is_spikes"]


def is_rates(value: Value) -> bool:
    """Return whether ``value`` is what a rectifier leaves, for which a converted network sends spikes."""
    return isinstance(value, Applied) and isinstance(value.layer, Relu)


def is_spikes(value: Value, threads: Sequence[Thread]) -> bool:
    """Return whether ``value`` is 0 or 1 whatever the input: a firing layer's output, its maxima, its axes joined."""
    match value:
        case Neuron(index=index, port="z"):
            return threads[index].neurons.v_threshold is not None
        case Applied(layer=Pool(kind="max") | Flatten(), of=of):
            return is_spikes(of, threads)
        case _:
            return False
