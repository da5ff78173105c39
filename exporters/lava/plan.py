"""A Program said in Lava processes: which process for each thing, with which arrays, and what that cannot say.

A plan is data: a JSON description and the arrays it names, laid out as Lava wants them. `standalone/lava_graph.py`
makes processes of it without knowing a Program, so what is exported is what is run.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from exporters.artifact import Loss
from exporters.lava.registers import NEVER, WRITTEN, lava_order
from exporters.lava.weights import Piece, pieces
from exporters.schedule import Schedule, schedule
from sim.arithmetic.description import Int
from sim.arithmetic.loihi import VTH_SHIFT
from sim.arithmetic.registry import require_arithmetic
from sim.errors import UnsupportedError
from sim.program import INPUT, Connection, Conv, Dense, Json, Population, Program

__all__ = ["SCHEMA", "Plan", "plan"]

SCHEMA = "snn2hw.lava/1"
COMPUTED = ("loihi",)
"""The arithmetics that Lava's fixed-point models compute."""
STOCK_CONV_LIMIT = 1 << 23
"""Lava's Conv wraps its own sum to signed 24 bits."""
INT32_LIMIT = 1 << 31
DELAY_DENSE_STEPS = 64
DELAY_DENSE_ELEMENTS = 1 << 20
"""DelayDense builds a matrix of delay * weights in every step; beyond this a delay line is quicker."""

LACKS = {
    "most": "sends one spike a step",
    "at_threshold": "fires above its threshold only",
    "refractory": "never rests (LIFRefractory is floating-point)",
}
"""What lava-nc's fixed-point LIF does in place of a property."""

Shape = tuple[int, ...]
Arrays = dict[str, NDArray[np.integer]]


@dataclass(frozen=True, eq=False)
class Plan:
    """What a folder holds: the description, the arrays it refers to by name, and the losses in words."""

    digest: str
    description: Mapping[str, Json]
    arrays: Mapping[str, NDArray[np.integer]]
    losses: tuple[Loss, ...]


def plan(program: Program) -> Plan:
    """Plan the process graph of ``program``; refuse what Lava cannot run."""
    require_arithmetic(program.arithmetic, COMPUTED, "Lava")
    times = schedule(program)
    arrays: Arrays = {}
    losses: list[Loss] = []
    populations: list[Json] = [_population(program, times, p, arrays, losses) for p in program.populations]
    lo, hi = program.input.lo, program.input.hi
    description: dict[str, Json] = {
        "schema": SCHEMA,
        "digest": program.digest,
        "gap": times.gap,
        "quiet": all(_quiet(p) for p in program.populations),
        "input": {"shape": list(program.input.shape), "lo": lo, "hi": hi},
        "populations": populations,
        "losses": [str(loss) for loss in losses],
    }
    return Plan(program.digest, description, arrays, tuple(losses))


def _quiet(p: Population) -> bool:
    """Return whether nothing moves a population that hears nothing."""
    fires_at_0 = bool(p.fires and p.properties["at_threshold"] and not p.vth.all())
    return not (p.bias_mantissa.any() or p.u0.any() or p.v0.any() or fires_at_0)


def _population(program: Program, times: Schedule, p: Population, arrays: Arrays, losses: list[Loss]) -> Json:
    p.require_known(WRITTEN, LACKS, "Lava")
    registers = {
        "du": p.du,
        "dv": p.dv,
        "vth": p.vth if p.fires else np.full_like(p.vth, NEVER),
        "bias_mant": p.bias_mantissa,
        "bias_exp": p.bias_exponent,
        "u": p.u0,
        "v": p.v0,
    }
    for name, values in registers.items():
        arrays[f"{name}.{p.name}"] = lava_order(values, p.shape)
    kept = p.kept_properties()
    stock = p.reset == "zero" and not (p.u0.any() or p.v0.any() or kept)
    gated = any(c.lag > 0 and c.source == p.name for q in program.populations for c in q.inputs)
    _neuron_losses(p, gated, losses)
    return {
        "name": p.name,
        "shape": list(p.shape),
        "start": times.start[p.name],
        "stock": stock,
        "subtract": p.reset == "subtract",
        **({"unreset": True} if p.reset == "none" else {}),
        **kept,
        "gated": gated,
        "inputs": [_connection(program, times.delay[p.name][i], p, i, arrays, losses) for i, _ in enumerate(p.inputs)],
    }


def _neuron_losses(p: Population, gated: bool, losses: list[Loss]) -> None:
    def lose(what: str) -> None:
        losses.append(Loss(what, p.name))

    if p.reset == "subtract":
        lose("Lava's LIF cannot reset by subtraction; own process LIFStart, CPU only")
    elif p.reset == "none":
        lose("Lava's LIF always resets; own process LIFStart, CPU only")
    elif p.u0.any() or p.v0.any():
        lose("Lava's LIF cannot return to u0 and v0; own process LIFStart, CPU only")
    for name in p.kept_properties():
        lose(f"Lava's LIF {LACKS[name]}; own process LIFStart, CPU only")
    if not p.fires:
        most = NEVER - 1
        chip = f"a chip has {most} at most and then needs v <= {most << VTH_SHIFT}"
        lose(f"never fires by vth = {NEVER} on the CPU; {chip}")
    if gated:
        lose("a connection with a lag reads it; own process Gate between streamed samples, CPU only")


def _connection(
    program: Program, delay: int, p: Population, index: int, arrays: Arrays, losses: list[Loss]
) -> dict[str, Json]:
    connection = p.inputs[index]
    where = f"population {p.name!r}: reads {connection.source!r}"
    source = program.shape_of(connection.source)
    bound = _largest_sum(program, connection)
    facts: dict[str, Json] = {"source": connection.source, "lag": connection.lag, "delay": delay}
    key = f"weight.{p.name}.{index}"
    match connection.wiring:
        case Dense():
            weight = connection.wiring.weight[np.ix_(_flat_order(p.shape), _flat_order(source))]
            facts |= _dense(weight, connection.exponent, delay, key, arrays)
        case Conv():
            # alone, this sum is all of a, and the machine keeps |a| < 2^21
            fits = len(p.inputs) == 1 or bound < STOCK_CONV_LIMIT
            facts |= _conv(connection.wiring, connection.exponent, delay, fits, key, arrays, where)
        case _:
            assert_never(connection.wiring)
    losses += [Loss(f"reads {connection.source!r}: {what}", p.name) for what in _wiring_losses(facts, connection)]
    if len(p.inputs) > 1 and bound >= INT32_LIMIT and (connection.exponent < 0 or isinstance(connection.wiring, Conv)):
        what = f"its sum from {connection.source!r} alone may pass 2^31 where another cancels it; Lava's would overflow"
        losses.append(Loss(what, p.name))
    return facts


def _wiring_losses(facts: Mapping[str, Json], connection: Connection) -> list[str]:
    """Say for what Lava has no process, and what no chip has a register for."""
    said = []
    if facts["process"] == "WideConv":
        said.append("Lava's Conv knows no exponents and wraps its sums at 24 bits; own process WideConv, CPU only")
    elif facts["shift"]:
        said.append(f"weights beyond 8 bits with exponent {connection.exponent}; own process ShiftSum, CPU only")
    if facts["line"]:
        said.append(f"a delay of {facts['delay']} steps; own process Delay, CPU only")
    if facts["process"] in ("Conv", "WideConv") and connection.exponent > 0:
        said.append(f"Lava's Conv knows no exponents; {connection.exponent} is folded into its weights")
    return said


def _dense(weight: NDArray[np.integer], exponent: int, delay: int, key: str, arrays: Arrays) -> dict[str, Json]:
    """Say a matrix as one Dense, or as several into one port."""
    parts: tuple[Piece, ...] = pieces(weight, exponent)
    shift = 0
    if len(parts) > 1 and exponent < 0:  # the floor is of the whole sum
        parts, shift = pieces(weight, 0), -exponent
    delayed = 1 < delay <= DELAY_DENSE_STEPS and weight.size * delay <= DELAY_DENSE_ELEMENTS
    described: list[Json] = []
    for number, part in enumerate(parts):
        arrays[f"{key}.{number}"] = part.weight
        described.append({"weight": f"{key}.{number}", "exponent": part.exponent, "sign": part.sign})
    return {
        "process": "DelayDense" if delayed else "Dense",
        "line": 0 if delayed else delay - 1,
        "shift": shift,
        "pieces": described,
    }


def _conv(conv: Conv, exponent: int, delay: int, fits: bool, key: str, arrays: Arrays, where: str) -> dict[str, Json]:
    """Say a convolution: (W, H, C) and truly convolved, so the kernel is flipped and its axes are reversed."""
    weight = conv.weight.astype(np.int64) << max(exponent, 0)
    if np.abs(weight).max() >= INT32_LIMIT:
        raise UnsupportedError(f"{where}: weights << {exponent} do not fit 32 bits", "lower the weight exponent")
    arrays[key] = np.ascontiguousarray(weight[:, :, ::-1, ::-1].transpose(0, 3, 2, 1).astype(np.int32))
    return {
        "process": "Conv" if fits and exponent >= 0 else "WideConv",
        "line": delay - 1,
        "shift": max(-exponent, 0),
        "pieces": [{"weight": key, "exponent": 0, "sign": None}],
        "stride": [*conv.stride[::-1]],
        "padding": [*conv.padding[::-1]],
        "dilation": [*conv.dilation[::-1]],
        "groups": conv.groups,
    }


def _flat_order(shape: Shape) -> Int:
    """Return, for each place of the flattened Lava array, the place in our C order."""
    places = np.arange(int(np.prod(shape))).reshape(shape)
    return lava_order(places, shape).ravel().astype(np.int64)


def _largest_sum(program: Program, connection: Connection) -> int:
    """Bound one connection's |W . s| << max(e, 0) over every input in range."""
    lo, hi = program.input.lo, program.input.hi
    message = max(-lo, hi) if connection.source == INPUT else program.by_name[connection.source].most_sent
    weight = connection.wiring.weight
    per_target = np.abs(weight.astype(np.int64)).reshape(len(weight), -1).sum(axis=1)
    return int(per_target.max()) * message << max(connection.exponent, 0)
