"""The engine that runs on a GPU where torch finds one, and on the CPU where not; equal to the reference.

Sums are matrix products in float64: integers below 2^53 are exact in it, in whatever order they are added. Convolutions
are unfolded into such products, because the convolutions of GPU libraries may transform their operands. Everything else
is int64, as in `sim.reference`. Samples run together; refusals are noted on the device and raised at the end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, assert_never

import numpy as np
from numpy.typing import NDArray

from sim.arithmetic import A_LIMIT, DECAY_ONE, U_STORED, V_MAX, VTH_SHIFT, WRAP
from sim.errors import InputError, MissingToolError
from sim.order import step_order
from sim.outcome import Outcome, outcome_for, trace_from
from sim.program import INPUT, Connection, Conv, Population, Program, Reset
from sim.refusal import CLIPPED, NEVER, OVERFLOWED, STORED, WRAPPED, raise_first
from sim.request import Request
from sim.trace import RECORDABLE, TALLIES, Trace
from sim.wiring import fan_out

__all__ = ["simulate"]

GROUP_BYTES = 1 << 28
"""Of the largest unfolded convolution of a group of samples."""
MOST = 1024
"""Samples in a group."""
EXACT = 1 << 53
"""Up to here every integer is a float64."""

Tensor = Any
Messages = dict[str, dict[int, Tensor]]
"""What every source sent, by step, (B, neuron) in float64; as far back as a lag reaches."""
Note = Callable[["_DevicePopulation", int, Tensor], None]


@dataclass(frozen=True, eq=False)
class _DeviceConnection:
    """A connection on the device."""

    connection: Connection
    source: tuple[int, ...]  # its shape
    weight: Tensor  # group out in, float64
    fan_out: Tensor  # in, float64


@dataclass(frozen=True, eq=False)
class _DevicePopulation:
    """A population on the device; registers are (neuron,) int64."""

    population: Population
    place: int
    first: int  # among the neurons of all populations
    first_input: int  # among all connections
    inputs: tuple[_DeviceConnection, ...]
    factor_u: Tensor
    factor_v: Tensor
    threshold: Tensor
    bias: Tensor


class _Before(NamedTuple):
    """The states of a population before a step, and how many steps each neuron still rests."""

    u: Tensor
    v: Tensor
    rest: Tensor


def simulate(program: Program, raster: NDArray[np.integer], request: Request, *, device: str | None = None) -> Trace:
    """Run a batch (B, T, *input shape); the same Trace, counts and refusals as `sim.reference.simulate`.

    ``device`` is one of torch's: "cuda" where there is one, else "cpu", unless given.
    """
    torch = _torch()
    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    batch, steps = raster.shape[:2]
    order = step_order(program.populations)
    outcome = outcome_for(program, order, (batch, steps), request.record)
    refusing = [(not request.allow_wrap, p.name in request.clip_free) for p in order]
    with torch.inference_mode():
        layers = _layers(torch, program, order, where)
        size = _group(program)
        for first in range(0, batch, size):
            to = min(first + size, batch)
            _run(torch, program, layers, raster[first:to], outcome.of_samples(first, to), refusing, where)
            if request.progress is not None:
                request.progress((to - first) * steps)
    raise_first(order, outcome.refused)
    return trace_from(program, order, request.record, outcome)


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        what = "engine 'torch' needs torch, which is not installed"
        raise MissingToolError(what, "pip install torch, or use engine 'fast'") from None
    return torch


def _group(program: Program) -> int:
    """Return how many samples run together."""
    largest = max(p.size for p in program.populations)
    for p in program.populations:
        for c in p.inputs:
            if isinstance(c.wiring, Conv):
                channels = program.shape_of(c.source)[0]
                pixels = int(np.prod(p.shape[1:])) * int(np.prod(c.wiring.weight.shape[2:]))
                largest = max(largest, channels * pixels)
    return max(1, min(MOST, GROUP_BYTES // (8 * largest)))


def _layers(torch: Any, program: Program, order: tuple[Population, ...], where: str) -> list[_DevicePopulation]:
    layers: list[_DevicePopulation] = []
    first = first_input = 0
    for place, p in enumerate(order):
        threshold, bias = p.vth.astype(np.int64) << VTH_SHIFT, p.bias_mantissa.astype(np.int64) << p.bias_exponent
        values = {
            "factor_u": DECAY_ONE - 1 - p.du,
            "factor_v": DECAY_ONE - p.dv,
            "threshold": threshold,
            "bias": bias,
        }
        registers = {n: torch.from_numpy(r.astype(np.int64).reshape(-1)).to(where) for n, r in values.items()}
        inputs = tuple(_connection(torch, program, p, c, where) for c in p.inputs)
        layers.append(
            _DevicePopulation(
                population=p, place=place, first=first, first_input=first_input, inputs=inputs, **registers
            )
        )
        first, first_input = first + p.size, first_input + len(inputs)
    return layers


def _connection(torch: Any, program: Program, p: Population, c: Connection, where: str) -> _DeviceConnection:
    source = program.shape_of(c.source)
    message = max(-program.input.lo, program.input.hi) if c.source == INPUT else program.by_name[c.source].most_sent
    rows = np.abs(c.wiring.weight.astype(np.float64)).reshape(len(c.wiring.weight), -1)
    if message * rows.sum(axis=1).max() >= EXACT:
        what = f"torch: population {p.name!r}: sums from {c.source!r} may reach 2^53, beyond which float64 is not exact"
        raise InputError(what, "use engine 'fast'")
    groups = c.wiring.groups if isinstance(c.wiring, Conv) else 1
    weight = c.wiring.weight.astype(np.float64).reshape(groups, len(c.wiring.weight) // groups, -1)
    fan = fan_out(c.wiring, source, p.shape).reshape(-1).astype(np.float64)
    return _DeviceConnection(c, source, torch.from_numpy(weight).to(where), torch.from_numpy(fan).to(where))


def _sums(torch: Any, connected: _DeviceConnection, messages: Tensor) -> Tensor:
    """Return ``shift(W . s)`` of one connection, (B, neuron) int64; messages are (B, source neuron) float64."""
    wiring = connected.connection.wiring
    if isinstance(wiring, Conv):
        image = messages.reshape(len(messages), *connected.source)
        columns = torch.nn.functional.unfold(
            image, wiring.weight.shape[2:], dilation=wiring.dilation, padding=wiring.padding, stride=wiring.stride
        )  # b (i ky kx) pixel
        columns = columns.reshape(len(messages), wiring.groups, -1, columns.shape[-1])
    else:
        columns = messages[:, None, :, None]
    sums = torch.matmul(connected.weight, columns).reshape(len(messages), -1).to(torch.int64)
    exponent = connected.connection.exponent
    return sums << exponent if exponent >= 0 else sums >> -exponent


def _decay(torch: Any, x: Tensor, factor: Tensor) -> Tensor:
    """Return ``sign(x) * ((|x| * factor) >> 12)``."""
    return torch.sign(x) * ((x.abs() * factor) >> 12)


def _run(
    torch: Any,
    program: Program,
    layers: list[_DevicePopulation],
    raster: NDArray[np.integer],
    outcome: Outcome,
    refusing: list[tuple[bool, bool]],
    where: str,
) -> None:
    """Run a group of samples from the initial state to the last step."""
    batch, steps = raster.shape[:2]
    reach = 1 + max((c.lag for p in program.populations for c in p.inputs), default=0)
    sent: Messages = {name: {} for name in (INPUT, *program.by_name)}
    state = {layer.population.name: _initial(torch, layer.population, batch, where) for layer in layers}
    rest = {name: torch.zeros_like(v) for name, (_, v) in state.items()}
    counted = torch.zeros((batch, len(layers), len(TALLIES)), dtype=torch.int64, device=where)
    delivered = torch.zeros(outcome.con_counts.shape, dtype=torch.int64, device=where)
    refused = torch.full((batch, 5), NEVER, dtype=torch.int64, device=where)
    for t in range(steps):
        step = np.ascontiguousarray(raster[:, t].reshape(batch, -1), dtype=np.float64)
        sent[INPUT][t] = torch.from_numpy(step).to(where)
        note = _noter(torch, refused, refusing, t)
        for layer in layers:
            name = layer.population.name
            a = _deliver(torch, layer, sent, t, delivered, batch)
            before = _Before(*state[name], rest[name])
            u, v, z = _step(torch, layer, before, a, counted, note)
            state[name] = u, v
            sent[name][t] = z.to(torch.float64)
            _record(outcome, layer, t, (z, u, v))
        for messages in sent.values():
            messages.pop(t - reach + 1, None)
    outcome.pop_counts[:] = counted.cpu().numpy()
    outcome.con_counts[:] = delivered.cpu().numpy()
    outcome.refused[:] = refused.cpu().numpy()


def _initial(torch: Any, p: Population, batch: int, where: str) -> tuple[Tensor, Tensor]:
    u, v = (torch.from_numpy(r.astype(np.int64).reshape(1, -1)).to(where).repeat(batch, 1) for r in (p.u0, p.v0))
    return u, v


def _deliver(torch: Any, layer: _DevicePopulation, sent: Messages, t: int, delivered: Tensor, batch: int) -> Tensor:
    """Return a, counting events and synops on the way; a message from before step 0 is zero."""
    a = torch.zeros((batch, layer.population.size), dtype=torch.int64, device=delivered.device)
    for index, connected in enumerate(layer.inputs, layer.first_input):
        then = t - connected.connection.lag
        if then < 0:
            continue
        messages = sent[connected.connection.source][then]
        a += _sums(torch, connected, messages)
        present = (messages != 0).to(torch.float64)
        delivered[:, index, 0] += present.sum(dim=1).to(torch.int64)
        delivered[:, index, 1] += (present @ connected.fan_out).to(torch.int64)
    return a


def _step(
    torch: Any, layer: _DevicePopulation, before: _Before, a: Tensor, counted: Tensor, note: Note
) -> tuple[Tensor, Tensor, Tensor]:
    """Advance every neuron by one local step; return u, v and the spikes, and write how long each still rests."""
    p, (u, v, rest) = layer.population, before
    pause = p.properties["refractory"]
    note(layer, OVERFLOWED, a.abs() >= A_LIMIT)
    grown = _decay(torch, u, layer.factor_u) + (a << VTH_SHIFT)
    u = torch.where(grown > WRAP, grown - 2 * WRAP, grown)
    u = torch.where(grown <= -WRAP, grown + 2 * WRAP, u)
    note(layer, STORED, u.abs() >= U_STORED)
    raised = _decay(torch, v, layer.factor_v) + u + layer.bias
    clipped = raised.clamp(-V_MAX, V_MAX)
    z = _spikes(torch, layer, clipped)
    wrapped, lost = u != grown, clipped != raised
    if pause:
        held = rest > 0
        clipped, z, lost = torch.where(held, v, clipped), torch.where(held, 0, z), lost & ~held
        rest.copy_(torch.where(z > 0, pause, (rest - 1).clamp(min=0)))
    note(layer, WRAPPED, wrapped)
    note(layer, CLIPPED, lost)
    v = _reset(torch, p.reset, clipped, z, layer.threshold)
    alive = (u != 0) | (v != 0) | (z != 0)
    for i, seen in enumerate((z, alive, wrapped, lost, z != 0)):  # in the order of TALLIES
        counted[:, layer.place, i] += seen.sum(dim=1)
    return u, v, z


def _spikes(torch: Any, layer: _DevicePopulation, v: Tensor) -> Tensor:
    """Return how many spikes neurons at v send, rest or not."""
    p = layer.population
    below = int(not p.properties["at_threshold"])
    over = (v >= layer.threshold + below) & p.fires
    if p.properties["most"] == 1:
        return over.to(torch.int64)
    fits = torch.div((v - below).clamp(min=0), layer.threshold, rounding_mode="floor")
    return torch.where(over, fits.clamp(max=p.properties["most"]), 0)


def _reset(torch: Any, reset: Reset, v: Tensor, z: Tensor, threshold: Tensor) -> Tensor:
    match reset:
        case "zero":
            return torch.where(z > 0, 0, v)
        case "subtract":
            return v - z * threshold
        case "none":
            return v
        case _:
            assert_never(reset)


def _noter(torch: Any, refused: Tensor, refusing: list[tuple[bool, bool]], t: int) -> Note:
    """Return what notes, for every sample that was not refused yet, where a check fails: (B, neuron) truth values."""

    def note(layer: _DevicePopulation, check: int, failed: Tensor) -> None:
        if check in (WRAPPED, CLIPPED) and not refusing[layer.place][check == CLIPPED]:
            return
        count = failed.sum(dim=1)
        neuron = failed.to(torch.uint8).argmax(dim=1) if check in (OVERFLOWED, STORED) else torch.zeros_like(count)
        known = (torch.full_like(count, value) for value in (t, layer.place, check))
        row = torch.stack([*known, neuron, count], dim=1)
        new = (count > 0) & (refused[:, 0] == NEVER)
        refused.copy_(torch.where(new[:, None], row, refused))

    return note


def _record(outcome: Outcome, layer: _DevicePopulation, t: int, values: tuple[Tensor, Tensor, Tensor]) -> None:
    """Write spikes, u and v of one step where they are recorded."""
    for what, (first, to), value in zip(RECORDABLE, outcome.recorded.tolist(), values, strict=True):
        if first <= layer.first < to:
            at = layer.first - first
            out = getattr(outcome, what)[:, t, at : at + layer.population.size]
            out[:] = value.cpu().numpy()
