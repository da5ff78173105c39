"""A Program as the layers of a `.net` file: a chain in which each layer is a synapse with the neurons behind it.

What a layer cannot say is refused here, by the name of its population, before anything is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Loss
from exporters.lava.registers import NEVER, WRITTEN, lava_order
from exporters.netx_export.weights import damage, fold
from sim.arithmetic.description import Int
from sim.arithmetic.loihi import ARITHMETIC, VTH_SHIFT
from sim.arithmetic.registry import require_arithmetic
from sim.errors import UnsupportedError
from sim.order import step_order
from sim.program import INPUT, Connection, Conv, Dense, Population, Program
from sim.weight_rule import weight_grid

__all__ = ["MESSAGE_BITS", "NetxChain", "NetxLayer", "layers"]

BIAS_EXPONENT = 6
"""The reader gives it to every bias."""
COMPUTED = ("loihi",)
"""The arithmetics of NetX's neurons."""
INT32_LIMIT = 1 << 31
NARROW_LIMIT = 127
MESSAGE_BITS = 24
"""Of graded input; 0 where messages are 0 or 1."""
ELSEWHERE = "export it to lava, onnx or c"
COMPILE = f"compile for a target with weight exponent 0 and bias exponent {BIAS_EXPONENT}, or {ELSEWHERE}"

NETX_HAS = {"most": "send one spike a step", "at_threshold": "fire above it", "refractory": "never rest"}
"""What a NetX neuron does in place of a property."""

Shape = tuple[int, ...]
Values = Mapping[str, NDArray[np.integer] | int]


@dataclass(frozen=True, eq=False)
class NetxLayer:
    """One group of the file: its type, its datasets, and its neurons' registers if it is a population."""

    type: str
    shape: Shape
    values: Values
    population: str = ""
    neuron: Values | None = None


@dataclass(frozen=True, eq=False)
class NetxChain:
    """All of them, in order; ``streams`` says whether samples may follow one another in one run."""

    layers: tuple[NetxLayer, ...]
    streams: bool
    losses: tuple[Loss, ...]


def layers(program: Program) -> NetxChain:
    """Lay ``program`` out as a chain; refuse what is no chain, or what a layer cannot say."""
    require_arithmetic(program.arithmetic, COMPUTED, "NetX")
    made = [NetxLayer("input", program.input.shape, {})]
    losses: list[Loss] = []
    lo, hi = program.input.lo, program.input.hi
    if lo < 0 or hi > 1:
        losses.append(Loss(f"input messages are {lo}..{hi}; read it with Network(input_message_bits={MESSAGE_BITS})"))
    source, recurrent, driven = INPUT, False, ""
    for p in step_order(program.populations):
        forward, loop = _links(p, source)
        driven = p.name if (p.bias_mantissa > 0).any() else driven
        if loop is not None:
            _check_quiet(p, driven)
            recurrent = True
        if isinstance(forward.wiring, Dense) and len(made[-1].shape) == 3:
            made.append(NetxLayer("flatten", (int(np.prod(made[-1].shape)),), {}))
        wired = _synapse(p, forward, loop, made[-1].shape)
        made.append(NetxLayer(*wired, p.name, _neuron(p, wired[1])))
        losses += [Loss(what, p.name) for what in _losses(p, forward, loop, made[-1], made[-2].shape)]
        source = p.name
    return NetxChain(tuple(made), not recurrent, tuple(losses))


def _refusal(p: Population, what: str, fix: str = ELSEWHERE) -> UnsupportedError:
    return UnsupportedError(f"population {p.name!r}: {what}", fix)


def _links(p: Population, source: str) -> tuple[Connection, Connection | None]:
    """Return the connection from the population before and the one from itself, if that is all there is."""
    forward = [c for c in p.inputs if c.source == source and c.lag == 0]
    loops = [c for c in p.inputs if c.source == p.name and c.lag == 1]
    others = [c for c in p.inputs if c not in forward and c not in loops]
    if others:
        what = f"reads {others[0].source!r} with lag {others[0].lag}"
        raise _refusal(p, f"{what}; NetX has chains only: each population reads the one before it, here {source!r}")
    if len(forward) != 1 or len(loops) > 1:
        what = f"has {len(forward)} connections from {source!r} and {len(loops)} from itself"
        raise _refusal(p, f"{what}; a NetX layer has one, and one more in a recurrent layer")
    if loops and not all(isinstance(c.wiring, Dense) for c in (*forward, *loops)):
        raise _refusal(p, "reads itself through a convolution; a NetX layer with recurrence is dense")
    return forward[0], loops[0] if loops else None


def _check_quiet(p: Population, driven: str) -> None:
    """Refuse recurrent neurons that may fire before their first step: what they send themselves survives the reset."""
    if driven:
        whose = "has a bias" if driven == p.name else f"stands behind {driven!r}, which has a bias"
        raise _refusal(p, f"reads itself and {whose}; its spikes from before the sample would arrive in it")


def _synapse(p: Population, forward: Connection, loop: Connection | None, before: Shape) -> tuple[str, Shape, Values]:
    """Return type, shape and datasets of the layer that holds ``p``."""
    if isinstance(forward.wiring, Conv):
        conv, weight = forward.wiring, _folded(p, forward)
        if len(before) != 3:
            raise _refusal(p, f"a convolution reads {forward.source!r}, which is flat in NetX")
        if np.abs(weight).max() >= INT32_LIMIT:
            raise _refusal(p, f"weights << {forward.exponent} do not fit 32 bits", "lower the weight exponent")
        sides = {name: np.array(getattr(conv, name)) for name in ("stride", "padding", "dilation")}
        counts = {"inChannels": before[0], "outChannels": p.shape[0], "groups": conv.groups}
        kernel = {"kernelSize": np.array(weight.shape[2:]), "weight": weight}
        return "conv", p.shape, {**counts, **sides, **kernel, **_bias(p, p.shape)}
    flat: Shape = (p.size,)
    matrices = [_folded(p, c) for c in (forward, loop) if c is not None]
    harm = damage(matrices)
    if harm is not None:
        raise _refusal(p, f"lava-dl would change its weights: {harm}", COMPILE)
    recurrent = {} if loop is None else {"weight_rec": matrices[1]}
    counts = {"inFeatures": matrices[0].shape[1], "outFeatures": p.size}
    kind = "dense" if loop is None else "dense_rec"
    return kind, flat, {**counts, "weight": matrices[0], **recurrent, **_bias(p, flat)}


def _folded(p: Population, connection: Connection) -> Int:
    weight = fold(connection.wiring.weight.astype(np.int64), connection.exponent)
    if weight is None:
        what = (
            f"its weights from {connection.source!r} have exponent {connection.exponent}, for which NetX has no field"
        )
        raise _refusal(p, f"{what}; they are not all multiples of {1 << -connection.exponent}", COMPILE)
    return weight


def _bias(p: Population, shape: Shape) -> Values:
    """Return the bias in units of 64, per channel where that says it all."""
    bias = p.bias_mantissa.astype(np.int64) << p.bias_exponent
    if not bias.any():
        return {}
    mantissa = bias >> BIAS_EXPONENT
    low, high = ARITHMETIC.spans["bias_mantissa"]
    if (mantissa << BIAS_EXPONENT != bias).any() or mantissa.min() < low or mantissa.max() > high:
        what = f"bias {bias.min()}..{bias.max()}; NetX takes multiples of {1 << BIAS_EXPONENT} in"
        raise _refusal(p, f"{what} {low << BIAS_EXPONENT}..{high << BIAS_EXPONENT}", COMPILE)
    if len(shape) == 3 and (mantissa == mantissa[:, :1, :1]).all():
        return {"bias": mantissa[:, 0, 0]}
    return {"bias": lava_order(mantissa, shape)}


def _neuron(p: Population, shape: Shape) -> Values:
    """Return the registers under NetX's names: one value where all neurons agree, else an array as Lava lays it out."""
    p.require_known(WRITTEN, NETX_HAS, "NetX")
    if p.reset != "zero":
        does = "resets by subtraction" if p.reset == "subtract" else "does not reset"
        raise _refusal(p, f"{does}; NetX's neurons reset to 0")
    for name, value in p.kept_properties().items():
        raise _refusal(p, f"has {name} {value}; NetX's neurons {NETX_HAS[name]}")
    if p.u0.any() or p.v0.any():
        raise _refusal(p, "starts at u0 or v0 other than 0; NetX's neurons start at 0")
    vth = p.vth if p.fires else np.full_like(p.vth, NEVER)
    registers = {"iDecay": p.du + 1, "vDecay": p.dv, "vThMant": vth}
    values = {n: int(r.flat[0]) if (r == r.flat[0]).all() else lava_order(r, shape) for n, r in registers.items()}
    return {**values, "refDelay": 1, "gradedSpike": False}


def _losses(
    p: Population, forward: Connection, loop: Connection | None, layer: NetxLayer, before: Shape
) -> Sequence[str]:
    """Say what the file leaves to its reader, and what is exact on a CPU but in doubt on a chip."""
    said = []
    if "bias" in layer.values:
        said.append("its bias acts between samples too; read it with Network(reset_interval=T) for samples of T steps")
    if loop is not None:
        said.append("its last spikes would reach the next sample; start the network afresh for each")
    if not p.fires:
        most = NEVER - 1
        said.append(
            f"never fires by vThMant = {NEVER} on the CPU; a chip has {most} and then needs v <= {most << VTH_SHIFT}"
        )
    arrays = [name for name, values in (layer.neuron or {}).items() if np.ndim(values)]
    if arrays:
        said.append(f"{', '.join(arrays)} per neuron; exact on the CPU, Lava documents one value for a whole layer")
    if isinstance(forward.wiring, Conv):
        weight = np.asarray(layer.values["weight"])
        low, high, step = weight_grid(8, "loihi", forward.wiring.weight)
        if weight.min() < low or weight.max() > high or (weight % step).any():
            said.append("weights that no 8-bit synapse holds; Lava's Conv takes them on the CPU")
        sides = (*before, *p.shape, *weight.shape[2:], *forward.wiring.padding, *forward.wiring.dilation)
        if max(*sides, forward.wiring.groups) > NARROW_LIMIT:
            said.append(f"a size beyond {NARROW_LIMIT}; on the CPU it needs lava_shim.py, which lies beside the file")
    return said
