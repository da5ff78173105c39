"""One step of a network: layers of neurons, and what each of them and the output read. Needs no torch."""

from dataclasses import dataclass

from snn2hw.sources.expression.operations import Array, Shape
from snn2hw.sources.expression.values import Value

__all__ = ["RESERVED", "NetworkStep", "NeuronLayer", "NeuronParameters"]

RESERVED = ("input", "output")
"""Names that the graph's ends have, and no layer may."""


@dataclass(frozen=True, eq=False)
class NeuronParameters:
    """One layer of neurons, arrays of the layer's full shape.

    leak = dt / tau_mem, None for integrators, which never leak; synapse = dt / tau_syn, None where the input acts at
    once; v_threshold and v_reset None for neurons that never fire.
    """

    v0: Array
    leak: Array | None = None
    synapse: Array | None = None
    v_leak: Array | None = None
    v_threshold: Array | None = None
    v_reset: Array | None = None
    subtract: bool = False
    recurrent: Array | None = None
    refractory: int = 0
    """Steps after a spike in which v stays and nothing is sent."""


@dataclass(frozen=True, eq=False)
class NeuronLayer:
    """A layer of neurons and the value it reads, times relative to now."""

    name: str
    where: str
    shape: Shape
    neurons: NeuronParameters
    reads: Value


@dataclass(frozen=True, eq=False)
class NetworkStep:
    """The network in one step: its layers of neurons in the order of their first call, its output and its reading."""

    layers: tuple[NeuronLayer, ...]
    output: Value
    decoded: str
