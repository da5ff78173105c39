"""A Program as the tables that `sim.fast.kernels.general` reads: populations in order of computation, all in int64."""

from typing import NamedTuple, assert_never

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import DECAY_ONE, VTH_SHIFT, Int
from sim.fast.layout.records import record_of, table_of
from sim.order import step_order
from sim.program import INPUT, Connection, Conv, Dense, Population, Program, Reset, Wiring
from sim.wiring import fan_out

__all__ = ["NONE", "RESETS", "SUBTRACT", "ZERO", "CheckedTables", "tables"]

ZERO, SUBTRACT, NONE = range(3)
RESETS: dict[Reset, int] = {"zero": ZERO, "subtract": SUBTRACT, "none": NONE}
"""What the tables call a reset."""


class CheckedPopulation(NamedTuple):
    """A population as the checking kernels read it."""

    size: int
    first: int  # its first neuron among all
    reset: int  # ZERO, SUBTRACT or NONE
    fires: int
    most: int  # spikes in one message
    below: int  # 1 where v must exceed the threshold, 0 where it fires at it
    pause: int  # steps of rest after a spike
    connections: int  # its first connection
    connections_to: int


class CheckedConnection(NamedTuple):
    """A connection as the checking kernels read it; the fields of its window are 0 for a Dense."""

    conv: int
    source: int
    lag: int
    exponent: int
    weight_at: int
    fan_at: int
    height: int = 0  # of the source
    width: int = 0
    out_height: int = 0
    out_width: int = 0
    kernel_y: int = 0
    kernel_x: int = 0
    stride_y: int = 0
    stride_x: int = 0
    pad_y: int = 0
    pad_x: int = 0
    gap_y: int = 0  # source lines from one line of the window to the next
    gap_x: int = 0
    ins: int = 0  # source channels that an output reads
    outs: int = 0  # output channels of a group


class CheckedTables(NamedTuple):
    """What the general kernels read; source 0 is the input, source i + 1 the population at place i."""

    populations: NDArray[np.void]
    connections: NDArray[np.void]
    weights: Int
    fan_out: Int
    registers: Int  # neuron by (factor of u, factor of v, threshold, bias)
    initial: Int  # (u0, v0) by neuron


def tables(program: Program) -> CheckedTables:
    """Lay a program out."""
    order = step_order(program.populations)
    places = {INPUT: 0, **{p.name: i + 1 for i, p in enumerate(order)}}
    wired = [(p, c) for p in order for c in p.inputs]
    weights = [_columns(c.wiring) for _, c in wired]
    fans = [fan_out(c.wiring, program.shape_of(c.source), p.shape).reshape(-1) for p, c in wired]
    populations, first, connection = [], 0, 0
    for p in order:
        to = connection + len(p.inputs)
        row = CheckedPopulation(
            size=p.size,
            first=first,
            reset=RESETS[p.reset],
            fires=p.fires,
            most=int(p.properties["most"]),
            below=not p.properties["at_threshold"],
            pause=int(p.properties["refractory"]),
            connections=connection,
            connections_to=to,
        )
        populations.append(row)
        first, connection = first + p.size, to
    starts = zip(_starts(weights), _starts(fans), strict=True)
    rows = [
        CheckedConnection(
            conv=isinstance(c.wiring, Conv),
            source=places[c.source],
            lag=c.lag,
            exponent=c.exponent,
            weight_at=weight_at,
            fan_at=fan_at,
            **_geometry(program, p, c),
        )
        for (p, c), (weight_at, fan_at) in zip(wired, starts, strict=True)
    ]
    initial = [np.concatenate([getattr(p, name).reshape(-1) for p in order]) for name in ("u0", "v0")]
    return CheckedTables(
        populations=table_of(record_of(CheckedPopulation), populations),
        connections=table_of(record_of(CheckedConnection), rows),
        weights=_joined(weights),
        fan_out=_joined(fans),
        registers=np.concatenate([_registers(p) for p in order]),
        initial=np.stack(initial).astype(np.int64),
    )


def _columns(wiring: Wiring) -> Int:
    """Return the weights so that what one event adds stands together."""
    match wiring:
        case Dense():
            return wiring.weight.T.astype(np.int64).reshape(-1)
        case Conv():
            outs, ins, kh, kw = wiring.weight.shape
            grouped = wiring.weight.reshape(wiring.groups, outs // wiring.groups, ins, kh, kw)
            return grouped.transpose(0, 2, 3, 4, 1).astype(np.int64).reshape(-1)
        case _:
            assert_never(wiring)


def _geometry(program: Program, population: Population, connection: Connection) -> dict[str, int]:
    match connection.wiring:
        case Dense():
            return {}
        case Conv() as conv:
            outs, ins, *kernel = conv.weight.shape
            names = ("height", "width", "out_height", "out_width", "kernel_y", "kernel_x", "stride_y", "stride_x")
            sides = (*program.shape_of(connection.source)[1:], *population.shape[1:])
            fields = dict(zip(names, (*sides, *kernel, *conv.stride), strict=True))
            (pad_y, pad_x), (gap_y, gap_x) = conv.padding, conv.dilation
            pads = {"pad_y": pad_y, "pad_x": pad_x, "gap_y": gap_y, "gap_x": gap_x}
            return fields | pads | {"ins": ins, "outs": outs // conv.groups}
        case _:
            assert_never(connection.wiring)


def _registers(p: Population) -> Int:
    factor_u = DECAY_ONE - 1 - p.du.astype(np.int64)
    factor_v = DECAY_ONE - p.dv.astype(np.int64)
    bias = p.bias_mantissa.astype(np.int64) << p.bias_exponent
    return np.stack([r.reshape(-1) for r in (factor_u, factor_v, p.vth.astype(np.int64) << VTH_SHIFT, bias)], axis=1)


def _starts(arrays: list[Int]) -> list[int]:
    return [0, *np.cumsum([a.size for a in arrays]).tolist()][: len(arrays)]


def _joined(arrays: list[Int]) -> Int:
    return np.concatenate([*arrays, np.zeros(1, dtype=np.int64)])
