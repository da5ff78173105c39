"""From the float machine to the integer machine with real numbers in its registers, and what it cannot say.

    U = (1 - share_u) U + sum of links  W . s[t - lag]  +  always;     V = (1 - share_v) V + U + drive
    z = fires and V > threshold;     V = 0, V - threshold or V where z

A neuron may fire at its threshold, send several spikes in a step, and rest after a spike; chips that lack it say so.
Spikes that are read before the step's input (Spyx) are the same neuron one step later: whatever arrives at it does so a
step later, and the potential that it begins with is the one from which a step without input leads to the network's own.

A potential in volts is ``unit * V + origin``. Whatever gain an input has is divided out of the equations and sits in
``unit``: V only ever meets its own threshold, so the weights stay the network's own. With a_s, a_m the shares of the
synapse and the membrane:

| neuron | share_u | share_v | unit |
|---|---|---|---|
| with synapse and leak | a_s | a_m | a_m r a_s w_in |
| with leak | 1 | a_m | a_m r |
| integrator | 1 | 0 | r (of one step) |
| `ThresholdGate` (max pooling of spikes) | 1 | 1 | 1 |

The origin is v_reset where a spike resets to it, 0 where it subtracts, v_leak where nothing ever fires.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

import numpy as np

from sim.arithmetic import DECAY_ONE
from sim.errors import Snn2hwError
from sim.program import INPUT, Reset
from sim.validate import NAME, RESERVED
from snn2hw.network.lowering import network_of
from snn2hw.network.maps import Diagonal, SingleMap, is_identity
from snn2hw.network.network import ADDED, Always, FloatLayer, Link, Network, WiredLayer
from snn2hw.network.neurons import Float, Integrating, Leak, Membrane, Relay, Spiking, ThresholdGate
from snn2hw.network.stored import WeightMap, weighted_links, with_weights
from snn2hw.problems import Problem, refuse
from snn2hw.sources.shapes import Shape

if TYPE_CHECKING:
    from snn2hw.sources.source import Source

__all__ = ["RESETS", "RealMachine", "RealPopulation", "WeightMap", "machine_of", "real_machine"]

NEAR = 1e-6
"""Files store float32: a dt / tau this little above 1 was meant as 1."""

RESETS: Mapping[str, Reset] = {"value": "zero", "subtract": "subtract", "none": "none"}
"""What the machine calls the resets of a network."""


@dataclass(frozen=True, eq=False)
class RealPopulation(WiredLayer[WeightMap]):
    """One population with real registers; every array has the population's shape."""

    node: str
    """The name of its node in the Source; the population's own may differ where a name is not legal."""
    share_u: Float
    share_v: Float
    threshold: Float
    drive: Float
    u0: Float
    v0: Float
    unit: Float
    origin: Float
    reset: Reset
    fires: bool
    fires_at_threshold: bool = False
    """Whether V = threshold fires too (>=)."""
    many: bool = False
    """Whether it sends as many spikes in a step as its threshold fits into V; each is one threshold taken off."""
    refractory: int = 0
    """Steps after a spike in which V stays where the reset left it, and nothing is sent."""
    most: int = 0
    """The most spikes that it sends in one step, where there may be many; 0: as many as fit."""

    @property
    def adds_up(self) -> bool:
        """Whether it is an integrator that a rewrite has put into the current register, which loses least there."""
        return any(link.name == ADDED for link in self.links) and bool((self.share_u * DECAY_ONE <= 1).all())


@dataclass(frozen=True, eq=False)
class RealMachine:
    """All populations in an order in which each step can be computed; the last one is the output.

    ``network`` is the float machine whose potentials are these in volts.
    """

    network: Network
    input_shape: Shape
    populations: tuple[RealPopulation, ...]

    @property
    def by_name(self) -> Mapping[str, RealPopulation]:
        """Return the populations by name."""
        return {population.name: population for population in self.populations}

    @property
    def output(self) -> RealPopulation:
        """Return the population whose messages, or potentials, are the answer."""
        return self.populations[-1]

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """Return the shape of every source of messages."""
        return {INPUT: self.input_shape} | {p.name: p.shape for p in self.populations}


def machine_of(source: "Source") -> RealMachine:
    """Return the machine of a Source; raise `ProblemsError` with everything that no integer machine can say."""
    network = network_of(source)
    return real_machine(network)


def real_machine(network: Network) -> RealMachine:
    """Return the machine of a network; raise `ProblemsError` with everything that no integer machine can say."""
    problems = list(_unspeakable(network))
    read = _read_by_output(network)
    names = _names(network, bare=read is None)
    populations: list[RealPopulation] = []
    for layer in network.layers:
        if layer.name not in names:
            continue
        try:
            populations.append(_population(network, layer, names))
        except Snn2hwError as error:
            problems.append(Problem(f"node {layer.name!r}", error.what, error.fix or "correct the model"))
    refuse(network.origin, problems + _graded(populations))
    last = names[network.output if read is None else read]
    return RealMachine(network, machine_shape(network.input_shape), _ordered(populations, last))


def _unspeakable(network: Network) -> Iterator[Problem]:
    """Find the orders of events that a machine neuron does not have."""
    where = f"semantics {network.semantics!r}"
    spiking = [layer.neuron for layer in network.layers if isinstance(layer.neuron, Spiking)]
    if any(neuron.sends_the_past and neuron.reset_at == "spike" for neuron in spiking):
        what = "spikes are read before the step's input, and the step's own have reset v by then"
        yield Problem(where, what, "use a neuron that reads v after its input, or resets in the next step")
    if any(neuron.residue == "tested_twice" and neuron.reset == "subtract" for neuron in spiking):
        yield Problem(where, "a residue above threshold is tested twice", "use reset_delay=True, or another neuron")


def _graded(populations: Sequence[RealPopulation]) -> list[Problem]:
    """Find links that read a membrane: a machine neuron sends 0 or 1."""
    silent = {population.name for population in populations if not population.fires}
    return [
        Problem(f"node {p.node!r}", f"reads the membrane of {link.source!r}, which never fires", "read spikes instead")
        for p in populations
        for link in p.links
        if link.source in silent
    ]


def machine_shape(shape: Shape) -> Shape:
    """Return the machine's form of a shape: (N,) or (C, H, W); a 1-d signal (C, L) has height 1.

    >>> machine_shape((4, 100))
    (4, 1, 100)
    """
    if len(shape) == 2:
        return (shape[0], 1, shape[1])
    if len(shape) in (1, 3):
        return shape
    raise Snn2hwError(f"shape {shape}", "use (N,), (channels, length) or (channels, height, width)")


def _read_by_output(network: Network) -> str | None:
    """Return the layer whose messages are the output as they are; None where the output needs a readout of its own."""
    output = network.by_name[network.output]
    if len(output.links) != 1 or output.always or output.links[0].source == network.input_name:
        return None
    (link,) = output.links
    return link.source if is_identity(link.map) and not link.lag else None


def _names(network: Network, *, bare: bool) -> dict[str, str]:
    """Return the population name of every message source and target: the node's own wherever the machine allows it."""
    names = {network.input_name: INPUT}
    neurons = [layer.name for layer in network.layers if not isinstance(layer.neuron, Relay)]
    for name in [*neurons, *([network.output] if bare else [])]:
        legal = (
            "readout" if name not in neurons else "".join(c if NAME.fullmatch("a" + c) else "_" for c in name) or "_"
        )
        legal = legal if NAME.fullmatch(legal) else f"n{legal}"
        while legal in RESERVED or legal in names.values():
            legal += "_"
        names[name] = legal
    return names


def _population(network: Network, layer: FloatLayer, names: Mapping[str, str]) -> RealPopulation:
    shape = machine_shape(layer.shape)
    shapes = {x.name: machine_shape(x.shape) for x in network.layers}
    shapes[network.input_name] = machine_shape(network.input_shape)
    late = isinstance(layer.neuron, Spiking) and layer.neuron.sends_the_past
    always = tuple(Always(np.asarray(a.values).reshape(shape), a.lag + late) for a in layer.always if a.values.any())
    bare = replace(_registers(layer, names[layer.name], shape), always=always)
    own: list[Link[SingleMap]] = []
    if late:
        bare = replace(bare, v0=_step_before(bare))
    if isinstance(layer.neuron, Spiking) and layer.neuron.reset_at == "after_decay" and bare.reset != "none":
        if bare.reset == "zero":  # the step after a spike ends at the reset value whatever arrives, and sends nothing
            bare = replace(bare, refractory=1)
        else:
            own = _late_reset(bare)
    heard = [replace(k, source=names[k.source], lag=k.lag + late) for k in weighted_links(layer, shapes)]
    return replace(bare, links=(*heard, *(with_weights(k, shape, shape) for k in own)))


def _step_before(population: RealPopulation) -> Float:
    """Return the V from which one step without input leads to v0:  (1 - share_v) V + drive = v0."""
    kept = 1 - population.share_v
    if ((kept == 0) & (population.v0 != population.drive)).any():
        what = "a membrane that forgets everything in a step, with spikes read before the step's input"
        raise Snn2hwError(what, "use a longer tau, or start it at the potential at which it rests")
    return np.asarray((population.v0 - population.drive) / np.where(kept == 0, 1.0, kept))


def _late_reset(population: RealPopulation) -> list[Link[SingleMap]]:
    """Return the links that make a reset at once equal to one after the next decay.

    (1 - a)(V - theta z) + x - a theta z = (1 - a) V + x - theta z: a neuron that inhibits itself one step later. Behind
    a synaptic filter that message would linger; a second one, a step later, takes away what the filter kept of it.
    """
    inhibition = population.share_v * population.threshold
    scales = [-inhibition]
    if (population.share_u < 1).any():
        scales.append((1 - population.share_u) * inhibition)
    shape = population.shape
    return [Link(population.name, Diagonal(scale, shape), lag) for lag, scale in enumerate(scales, 1)]


def _registers(layer: FloatLayer, name: str, shape: Shape) -> RealPopulation:
    """Return the registers of one layer, without its connections."""
    zero, one = np.zeros(shape), np.ones(shape)
    still = RealPopulation(
        name=name,
        node=layer.name,
        shape=shape,
        links=(),
        always=(),
        share_u=one,
        share_v=one,
        threshold=zero,
        drive=zero,
        u0=zero,
        v0=zero,
        unit=one,
        origin=zero,
        reset="zero",
        fires=False,
    )
    match layer.neuron:
        case Relay():
            return still
        case ThresholdGate(threshold):
            if (threshold < 0).any():
                raise Snn2hwError("a threshold below 0, which fires without any input", "raise it to 0 or above")
            return replace(still, threshold=threshold.reshape(shape), fires=True)
        case Integrating(membrane):
            return _settled(still, membrane, membrane.v_leak)
        case Spiking() as neuron:
            to_value = neuron.reset == "value"
            made = _settled(still, neuron.membrane, neuron.v_reset if to_value else zero)
            threshold = (neuron.threshold.reshape(shape) - made.origin) / made.unit
            if (threshold < 0).any():
                raise Snn2hwError("v_threshold below the value it resets to", "raise v_threshold or lower v_reset")
            many = neuron.spikes_per_step == "many"
            if many and (threshold <= 0).any():
                raise Snn2hwError("v_threshold of zero, which fits into v without end", "raise v_threshold")
            return replace(
                made,
                threshold=threshold,
                reset=RESETS[neuron.reset],
                fires=True,
                fires_at_threshold=neuron.fires_at == ">=",
                many=many,
                refractory=neuron.refractory,
                most=neuron.most,
            )
        case _:
            assert_never(layer.neuron)


def _settled(still: RealPopulation, membrane: Membrane, origin: Float) -> RealPopulation:
    """Return the registers of a membrane whose V is counted from ``origin``."""
    shape = still.shape
    r, rest, v0, origin = (values.reshape(shape) for values in (membrane.r, membrane.v_leak, membrane.v0, origin))
    share_v, unit = np.zeros(shape), r
    if membrane.leak is not None:
        share_v = _share(membrane.leak).reshape(shape)
        unit = r * share_v
    share_u = np.ones(shape)
    if membrane.synapse is not None and membrane.w_in is not None:
        share_u = _share(membrane.synapse).reshape(shape)
        unit = unit * share_u * membrane.w_in.reshape(shape)
    if not (unit > 0).all():
        raise Snn2hwError("r or w_in of zero or below", "give positive r and w_in; put signs into the weights")
    return replace(
        still,
        share_u=share_u,
        share_v=share_v,
        drive=share_v * (rest - origin) / unit,
        v0=(v0 - origin) / unit,
        unit=unit,
        origin=origin,
    )


def _share(leak: Leak) -> Float:
    """Return how much of a state is lost in one step; refuse what a decay cannot say."""
    if not (leak.share > 0).all():
        raise Snn2hwError("a time constant of zero or below", "give positive time constants")
    if (leak.share > 1 + NEAR).any():
        raise Snn2hwError(
            f"dt / tau = {leak.share.max():g} is above 1 and makes the neuron unstable", "use a smaller dt"
        )
    return np.minimum(leak.share, 1.0)


def _ordered(populations: Sequence[RealPopulation], last: str) -> tuple[RealPopulation, ...]:
    """Sort: sources of links without lag before their targets, but the output last."""
    waiting, done = list(populations), list[RealPopulation]()
    while waiting:
        ready = {INPUT, *(p.name for p in done)}
        following = next(x for x in waiting if all(k.lag > 0 or k.source in ready for k in x.links))
        waiting.remove(following)
        done.append(following)
    return tuple(sorted(done, key=lambda population: population.name == last))
