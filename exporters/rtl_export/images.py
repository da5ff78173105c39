"""The memories of the core, filled: instructions, weights, the table of positions, registers."""

from dataclasses import dataclass, field, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from exporters.rtl_export.plan import CorePlan, Layer, Synapses, three, words_of
from exporters.rtl_export.sizes import Sizes, check_sizes
from sim.errors import UnsupportedError
from sim.program import Conv, Dense, Population

__all__ = ["Images", "images_of", "sizes_of"]

Int = NDArray[np.int64]
END, WALK, UPDATE, JOIN, HEAD = range(5)
BYTE = 255
U_HALF = 1 << 23
FORGETS = 4095


@dataclass(frozen=True, eq=False)
class Images:
    """What $readmemh reads: numbers, one a word; ``weights`` is (words, lanes)."""

    program: list[int]
    weights: Int
    table: list[tuple[int, int, int]]
    registers: Int
    initial: Int


@dataclass
class _LaidOut:
    """What is laid out so far."""

    lanes: int
    program: list[int]
    weights: list[Int] = field(default_factory=list)
    words: int = 0
    table: list[tuple[int, int, int]] = field(default_factory=list)
    registers: list[Int] = field(default_factory=list)
    initial: list[Int] = field(default_factory=list)
    sets: int = 0


def images_of(plan: CorePlan, lanes: int) -> Images:
    """Fill every memory."""
    queue = plan.input_queue
    draft = _LaidOut(lanes, program=[HEAD | 3 << 26, queue.size, queue.slots])
    for layer in plan.layers:
        for way in layer.synapses:
            _walk(draft, layer, way)
        _update(draft, layer, output=layer.population is plan.program.output)
    draft.program.append(END | 1 << 26)
    return Images(
        program=draft.program,
        weights=np.concatenate(draft.weights) if draft.weights else np.zeros((1, lanes), dtype=np.int64),
        table=draft.table or [(0, 0, 0)],
        registers=np.concatenate(draft.registers),
        initial=np.concatenate(draft.initial),
    )


def sizes_of(plan: CorePlan, images: Images, lanes: int) -> Sizes:
    """Return the smallest core that holds them."""
    layers, queue = plan.layers, plan.input_queue
    shapes = [three(plan.program.input.shape), *(layer.shape for layer in layers)]
    ways = [way for layer in layers for way in layer.synapses]
    lo, hi = plan.program.input.lo, plan.program.input.hi
    sums = max(max(-layer.least - 1, layer.most, 0) for layer in layers)
    most = max(layer.rules.most for layer in layers)
    sizes = Sizes(
        lanes=lanes,
        wb=max(2, _signed_bits(int(images.weights.min()), int(images.weights.max()))),
        mb=max(2, _signed_bits(lo, max(hi, most))),
        ab=sums.bit_length() + 1,
        ub=max(_u_bits(layer) for layer in layers),
        yb=_bits(max(s[1] for s in shapes)),
        xb=_bits(max(s[2] for s in shapes)),
        cb=_bits(max(s[0] for s in shapes)),
        icb=_bits(shapes[0][0]),
        qb=max([2, *(q.bit_length() for _, q, _ in images.table), *(_position_bits(layer) for layer in layers)]),
        weights=len(images.weights),
        rows=max(_rows(layer, lanes) for layer in layers),
        neurons=sum(layer.population.size for layer in layers),
        registers=len(images.registers),
        initial=int(images.initial.any()),
        table=len(images.table),
        program=len(images.program),
        sources=len(layers) + 1,
        messages=max(1, sum(q.size * q.slots for q in (layer.queue for layer in layers) if q.read)),
        slots=sum(layer.queue.slots for layer in layers),
        inputs=queue.size * queue.slots,
        input_slots=queue.slots,
        left=max((way.left for way in ways), default=0),
        fold=int(any(way.right for way in ways)),
        up=max(0, *(layer.shift for layer in layers)),
        down=max(0, *(-layer.shift for layer in layers)),
        current=int(any((layer.population.du < FORGETS).any() for layer in layers)),
        most=most.bit_length() if most > 1 else 0,
        refractory=int(any(layer.rules.refractory for layer in layers)),
    )
    check_sizes(sizes)
    return replace(sizes, ab=max(sizes.ab, 8))


def _bits(count: int) -> int:
    """Return the bits of an index below ``count``."""
    return max(1, (count - 1).bit_length())


def _signed_bits(low: int, high: int) -> int:
    return 1 + max((-low - 1).bit_length() if low < 0 else 0, high.bit_length() if high > 0 else 0)


def _rows(layer: Layer, lanes: int) -> int:
    return -(-layer.shape[0] // lanes) * layer.shape[1] * layer.shape[2]


def _u_bits(layer: Layer) -> int:
    """Return the bits that hold u whatever arrives: |u| <= |u0| + 64 max|a| 4096 / (du + 1), or wrapped once."""
    p = layer.population
    worst = max(-layer.least, layer.most)
    worst = worst << layer.shift if layer.shift > 0 else worst
    least_du, start = int(p.du.min()), int(np.abs(p.u0.astype(np.int64)).max())
    if start + (worst << 18) // (least_du + 1) < U_HALF:
        return 24
    kept = (U_HALF * (FORGETS - least_du) >> 12) + (worst << 6)
    return 25 if start <= U_HALF and kept <= 3 * U_HALF else 32


def _position_bits(layer: Layer) -> int:
    """Return the bits that output positions of its convolutions take, the step of one tap added."""
    bits = 2
    for way in layer.synapses:
        if isinstance(way.connection.wiring, Conv):
            conv = way.connection.wiring
            gaps = [d // s for d, s in zip(conv.dilation, conv.stride, strict=True)]
            bits = max(
                bits, *((gap + 1).bit_length() for gap in gaps), *(side.bit_length() for side in layer.shape[1:])
            )
    return bits


def _walk(draft: _LaidOut, layer: Layer, way: Synapses) -> None:
    """Write one connection: its instruction, its weights, its table, and the fold behind it."""
    words, firsts = words_of(way, layer.shape, draft.lanes)
    dense = isinstance(way.connection.wiring, Dense)
    first, queue = draft.words, way.queue
    grouped = bool(firsts.any())
    flags = WALK | dense << 4 | grouped << 5 | (way.right > 0) << 6 | way.left << 7 | queue.source << 12 | 18 << 26
    back = way.back * queue.size
    draft.program += [
        flags,
        queue.base,
        back,
        queue.slots * queue.size,
        way.back | queue.slots << 16,
        queue.first_count,
    ]
    draft.program += [first, *(_dense if dense else _conv)(draft, layer, way, words, firsts)]
    if way.right:
        draft.program += [JOIN | way.right << 7 | 2 << 26, _rows(layer, draft.lanes)]


def _add_weights(draft: _LaidOut, table: Int) -> None:
    """Append (..., words, lanes)."""
    flat = table.reshape(-1, draft.lanes)
    draft.weights.append(flat)
    draft.words += len(flat)


def _dense(draft: _LaidOut, layer: Layer, way: Synapses, words: int, firsts: Int) -> list[int]:
    (c_in, h_in, w_in), (c, h, w), lanes = way.shape, layer.shape, draft.lanes
    matrix = way.weight.reshape(c, h, w, c_in, h_in, w_in).transpose(4, 5, 3, 1, 2, 0)  # y x c of source, of target
    table = np.zeros((h_in, w_in, c_in, h, w, -(-c // lanes) * lanes), dtype=np.int64)
    table[..., :c] = matrix
    _add_weights(draft, table)
    steps = [w_in * c_in * words if h_in > 1 else 0, c_in * words if w_in > 1 else 0, words]
    one = 1 | 1 << 8 | 1 << 16 | 1 << 24
    return [*steps, 0, words << 16, one, 0, 1 | 1 << 16, 0, 0, words]


def _conv(draft: _LaidOut, layer: Layer, way: Synapses, words: int, firsts: Int) -> list[int]:
    conv = way.connection.wiring
    assert isinstance(conv, Conv)
    _check_geometry(layer, conv)
    taps_y, taps_x = conv.weight.shape[2:]
    pixel = -(-layer.shape[0] // draft.lanes)
    _add_weights(draft, _kernel(way, conv, words, firsts, draft.lanes))
    row_words = layer.shape[2] * pixel
    places = [_axis(draft, way, conv, axis, words_step) for axis, words_step in ((0, row_words), (1, pixel))]
    groups_at = len(draft.table)
    if firsts.any():
        ins = conv.weight.shape[1]
        draft.table += [(int(firsts[c // ins]), 0, 0) for c in range(way.shape[0])]
    (dy, dx), (sy, sx) = conv.dilation, conv.stride
    return [
        0,
        0,
        taps_y * taps_x * words,
        places[0] | places[1] << 16,
        groups_at | words << 16,
        taps_y | taps_x << 8 | sy << 16 | sx << 24,
        dy // sy | dy % sy << 8 | dx // sx << 16 | dx % sx << 24,
        layer.shape[1] | layer.shape[2] << 16,
        row_words | pixel << 16,
        dy // sy * row_words & 0xFFFF | (dx // sx * pixel & 0xFFFF) << 16,
        taps_x * words,
    ]


def _check_geometry(layer: Layer, conv: Conv) -> None:
    numbers = [*conv.weight.shape[2:], *conv.stride, *(d // s for d, s in zip(conv.dilation, conv.stride, strict=True))]
    if max(numbers) > BYTE:
        what = f"population {layer.population.name!r}: a convolution of kernel {conv.weight.shape[2:]}, stride "
        raise UnsupportedError(
            f"{what}{conv.stride}, dilation {conv.dilation} needs a number above {BYTE}", "say it as a Dense"
        )


def _kernel(way: Synapses, conv: Conv, words: int, firsts: Int, lanes: int) -> Int:
    """Return (channel of the source, kernel y, kernel x, words * lanes): zeros where a word holds another group's."""
    ins, outs = conv.weight.shape[1], conv.weight.shape[0] // conv.groups
    table = np.zeros((way.shape[0], *conv.weight.shape[2:], words * lanes), dtype=np.int64)
    for group, first in enumerate(firsts.tolist()):
        channels = slice(group * outs, (group + 1) * outs)
        places = slice(channels.start - first * lanes, channels.stop - first * lanes)
        table[group * ins : (group + 1) * ins, :, :, places] = way.weight[channels].transpose(1, 2, 3, 0)
    return table


def _axis(draft: _LaidOut, way: Synapses, conv: Conv, axis: int, words: int) -> int:
    """Write, per row or column of the source, the last output position it reaches; return where they begin."""
    first, side = len(draft.table), way.shape[1 + axis]
    for at in range(side):
        q, r = divmod(at + conv.padding[axis], conv.stride[axis])
        draft.table.append((q * words, q, r))
    return first


def _update(draft: _LaidOut, layer: Layer, *, output: bool) -> None:
    p, queue, rules = layer.population, layer.queue, layer.rules
    c, h, w = layer.shape
    rows = _register_rows(p, layer.shape)
    sharing = 0 if (rows == rows[:1]).all() else 1 if (rows.reshape(-1, c, 4) == rows[:c]).all() else 2
    kept = rows[: (1, c, len(rows))[sharing]]
    draft.registers.append(kept[:, :2])
    draft.initial.append(kept[:, 2:])
    spikes, readout = output and p.fires, output and not p.fires
    flags = UPDATE | p.fires << 4 | (rules.reset == "subtract") << 5 | (rules.reset == "none") << 6
    flags |= rules.at_threshold << 7 | spikes << 8 | readout << 9 | queue.read << 10
    draft.program += [
        flags | layer.source << 12 | sharing << 20 | 9 << 26,
        queue.base,
        queue.size,
        queue.slots | queue.first_count << 16,
        c | h << 16,
        w | rules.refractory << 16 | rules.most << 24,
        layer.state_base,
        draft.sets,
        layer.shift & 31,
    ]
    draft.sets += len(kept)


def _register_rows(p: Population, shape: tuple[int, int, int]) -> Int:
    """Return (neurons in the order y x c, 4): {vth, keep v, keep u}, bias, u0, v0."""
    bias = p.bias_mantissa.astype(np.int64) << p.bias_exponent
    low = (4095 - p.du.astype(np.int64)) | (4096 - p.dv.astype(np.int64)) << 12 | p.vth.astype(np.int64) << 25
    columns = [low, bias, p.u0.astype(np.int64), p.v0.astype(np.int64)]
    return np.stack([x.reshape(shape).transpose(1, 2, 0).reshape(prod(shape)) for x in columns], axis=1)
