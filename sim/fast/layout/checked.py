"""A Program as the tables that `sim.fast.kernels.general` reads: populations in order of computation, all in int64."""

from typing import NamedTuple, assert_never

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import DECAY_ONE, VTH_SHIFT, Int
from sim.order import step_order
from sim.program import INPUT, Connection, Conv, Dense, Population, Program, Wiring
from sim.wiring import fan_out

__all__ = ["CheckedTables", "tables"]


def _record(fields: str) -> np.dtype[np.void]:
    return np.dtype([(name, np.int64) for name in fields.split()])


POPULATION = _record("size first subtract fires connections connections_to")
CONNECTION = _record(
    "conv source lag exponent weight_at fan_at height width out_height out_width kernel_y kernel_x"
    " stride_y stride_x pad_y pad_x gap_y gap_x ins outs"
)


class CheckedTables(NamedTuple):
    """What the general kernels read; source 0 is the input, source i + 1 the population at place i."""

    populations: NDArray[np.void]
    connections: NDArray[np.void]
    weights: Int
    fan_out: Int
    registers: Int  # neuron by (u kept, v kept, threshold, bias)
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
        populations.append((p.size, first, p.reset == "subtract", p.fires, connection, to))
        first, connection = first + p.size, to
    starts = zip(_starts(weights), _starts(fans), strict=True)
    rows = [
        (isinstance(c.wiring, Conv), places[c.source], c.lag, c.exponent, *start, *_geometry(program, p, c))
        for (p, c), start in zip(wired, starts, strict=True)
    ]
    return CheckedTables(
        np.array(populations, dtype=POPULATION),
        np.array(rows, dtype=CONNECTION),
        _joined(weights),
        _joined(fans),
        np.concatenate([_registers(p) for p in order]),
        np.stack([np.concatenate([getattr(p, name).reshape(-1) for p in order]) for name in ("u0", "v0")]).astype(
            np.int64
        ),
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


def _geometry(program: Program, population: Population, connection: Connection) -> tuple[int, ...]:
    match connection.wiring:
        case Dense():
            return (0,) * 14
        case Conv() as conv:
            outs, ins, *kernel = conv.weight.shape
            sides = (*program.shape_of(connection.source)[1:], *population.shape[1:])
            return (*sides, *kernel, *conv.stride, *conv.padding, *conv.dilation, ins, outs // conv.groups)
        case _:
            assert_never(connection.wiring)


def _registers(p: Population) -> Int:
    kept_u = DECAY_ONE - 1 - p.du.astype(np.int64)
    kept_v = DECAY_ONE - p.dv.astype(np.int64)
    bias = p.bias_mantissa.astype(np.int64) << p.bias_exponent
    return np.stack([r.reshape(-1) for r in (kept_u, kept_v, p.vth.astype(np.int64) << VTH_SHIFT, bias)], axis=1)


def _starts(arrays: list[Int]) -> list[int]:
    return [0, *np.cumsum([a.size for a in arrays]).tolist()][: len(arrays)]


def _joined(arrays: list[Int]) -> Int:
    return np.concatenate([*arrays, np.zeros(1, dtype=np.int64)])
