"""Sums of a step of many messages as a product of matrices of bytes: 64 products and their sums in one instruction.

The step is drawn as an image of bytes, the windows of several pixels are read whole, four messages at a time, and every
register of weights serves all of these pixels. Products and sums are exact modulo 2^32.
"""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import overload

from sim.fast.isa import has_avx512
from sim.fast.jit import inline
from sim.fast.lanes import Lanes, beyond, external, generated, generated_from_constants, joined, parts_of, splat, zeros
from sim.fast.records import LOW

__all__ = ["AT_ONCE", "MOST_PIXELS", "PAIRED", "REGISTER", "UNIT", "multiply", "multiply_both", "seldom"]

REGISTER = 16
"""Sums of 32 bits in a register."""
AT_ONCE = 128
"""Sums that are formed together: enough registers to hide how long an instruction takes, few enough to stay in them."""
MOST_PIXELS = AT_ONCE // REGISTER
"""Pixels of which they may be."""
PAIRED, UNIT = 32, 8
"""Lanes of two images, and their messages, that are multiplied together."""
CLEARED = 64
"""Bytes behind an image that are zero, because a product may read them."""

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
SUMS = ir.VectorType(I32, REGISTER)


def _registers(builder: Any, kind: Lanes, value: Any) -> list[Any]:
    """Take a value apart into vectors of 16."""
    found = []
    for vector in parts_of(builder, kind, value):
        nothing = ir.Constant(vector.type, ir.Undefined)
        for first in range(0, vector.type.count, REGISTER):
            lanes = ir.Constant(SUMS, list(range(first, first + REGISTER)))
            found.append(builder.shuffle_vector(vector, nothing, lanes) if vector.type.count > REGISTER else vector)
    return found


def _together(builder: Any, kind: Lanes, registers: list[Any]) -> Any:
    """Put a value together again."""
    if kind.vector.count > REGISTER:
        both = ir.Constant(ir.VectorType(I32, 2 * REGISTER), list(range(2 * REGISTER)))
        pairs = zip(registers[::2], registers[1::2], strict=True)
        registers = [builder.shuffle_vector(a, b, both) for a, b in pairs]
    return joined(builder, kind, registers)


def _read(builder: Any, start: Any, offset: Any, kind: Any) -> Any:
    """Read from any byte on."""
    found = builder.load(builder.bitcast(builder.gep(start, [offset]), kind.as_pointer()))
    found.align = 1
    return found


def _add_products(builder: Any, sums: Any, messages: Any, weights: Any) -> Any:
    """Add to each of 16 sums four products of an unsigned and a signed byte."""
    first = builder.insert_element(ir.Constant(SUMS, ir.Undefined), messages, ir.Constant(I32, 0))
    everywhere = builder.shuffle_vector(first, ir.Constant(SUMS, ir.Undefined), ir.Constant(SUMS, [0] * REGISTER))
    instruction = external(builder, ir.FunctionType(SUMS, [SUMS] * 3), "llvm.x86.avx512.vpdpbusd.512")
    return builder.call(instruction, [sums, everywhere, weights])


@generated_from_constants
def dots(typing: Any, acc: Any, lanes: Any, weights: Any, at: Any, image: Any, place: Any, starts: Any) -> Any:
    """Add four messages of several pixels, each times ``lanes`` weights: pixel i is read from starts[i] + place on."""
    each = lanes.literal_value // REGISTER

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        value, _, weight_start, first, image_start, offset, begin = args
        registers = _registers(builder, acc, value)
        rows = [
            _read(builder, weight_start, builder.add(first, ir.Constant(I64, 4 * REGISTER * r)), SUMS)
            for r in range(each)
        ]
        for pixel in range(len(registers) // each):
            start = builder.load(builder.gep(begin, [ir.Constant(I64, pixel)]))
            messages = _read(builder, image_start, builder.add(builder.sext(start, I64), offset), I32)
            for r in range(each):
                k = pixel * each + r
                registers[k] = _add_products(builder, registers[k], messages, rows[r])
        return _together(builder, acc, registers)

    return acc(acc, lanes, weights, types.int64, image, types.int64, starts), generate


@generated
def pairs(typing: Any, acc: Any, weights: Any, at: Any, image: Any, place: Any, apart: Any) -> Any:
    """Do the same for one pixel in two images, which are ``apart``, and 32 weights.

    Every 64 of the sums, 32 for each image, get other four messages, in the order of the images.
    """

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        value, weight_start, first, image_start, offset, distance = args
        registers = _registers(builder, acc, value)
        for k in range(0, len(registers), 4):
            low, high = (
                _read(builder, weight_start, builder.add(first, ir.Constant(I64, 4 * REGISTER * (k // 2 + r))), SUMS)
                for r in range(2)
            )
            place = builder.add(offset, ir.Constant(I64, k))
            for i, at in enumerate((place, builder.add(place, distance))):
                messages = _read(builder, image_start, at, I32)
                for r, row in ((k + 2 * i, low), (k + 2 * i + 1, high)):
                    registers[r] = _add_products(builder, registers[r], messages, row)
        return _together(builder, acc, registers)

    return acc(acc, weights, types.int64, image, types.int64, types.int64), generate


@generated
def folded(typing: Any, acc: Any) -> Any:
    """Return the sum of the parts that `pairs` makes: 32 sums of the first image, 32 of the second."""
    kind = Lanes(32, 2 * PAIRED)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        registers = _registers(builder, acc, args[0])
        while len(registers) * REGISTER > kind.count:
            half = len(registers) // 2
            registers = [builder.add(a, b) for a, b in zip(registers[:half], registers[half:], strict=True)]
        return _together(builder, kind, registers)

    return kind(acc), generate


@generated_from_constants
def put(typing: Any, sums: Any, at: Any, next_at: Any, acc: Any, lanes: Any, kept: Any) -> Any:
    """Write every ``lanes`` of a value, ``next_at`` further each, cut to the width of the sums.

    What is there is added where it has a bit in common with ``kept``, which is 0 or -1.
    """
    each, element = lanes.literal_value // REGISTER, ir.IntType(sums.dtype.bitwidth)
    narrow = ir.VectorType(element, REGISTER)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        start, first, step, value, _, mask = args
        number = builder.insert_element(
            ir.Constant(narrow, ir.Undefined), builder.trunc(mask, element) if element.width < 64 else mask,
            ir.Constant(I32, 0),
        )  # fmt: skip
        masks = builder.shuffle_vector(number, ir.Constant(narrow, ir.Undefined), ir.Constant(SUMS, [0] * REGISTER))
        for k, register in enumerate(_registers(builder, acc, value)):
            place = builder.add(first, builder.mul(step, ir.Constant(I64, k // each)))
            place = builder.gep(start, [builder.add(place, ir.Constant(I64, k % each * REGISTER))])
            place = builder.bitcast(place, narrow.as_pointer())
            before = builder.load(place)
            before.align = element.width // 8
            cut = builder.trunc(register, narrow) if element.width < 32 else register
            builder.store(builder.add(cut, builder.and_(before, masks)), place).align = element.width // 8
        return context.get_dummy_value()

    return types.void(sums, types.int64, types.int64, acc, lanes, types.int64), generate


@generated
def seldom(typing: Any, condition: Any) -> Any:
    """Return a condition that is laid out as one that hardly ever holds: what it guards stays out of the way."""
    kind = ir.IntType(1)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        expect = external(builder, ir.FunctionType(kind, [kind, kind]), "llvm.expect.i1")
        return builder.call(expect, [args[0], ir.Constant(kind, 0)])

    return types.boolean(types.boolean), generate


@generated
def by_itself(typing: Any) -> Any:
    """Keep the function that calls this out of its callers: what seldom runs must not cost them registers."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), generate


@inline
def draw(c: Any, tile: Any, events: Any, ends: Any, values: Any, graded: int, image: Any) -> None:
    """Draw the lines of a step that a tile reads, zeros around them."""
    top = tile.y * c.stride_y - c.pad_y
    lines = ((tile.pixel_to - 1) // c.out_width - tile.y) * c.stride_y + (c.kernel_y - 1) * c.gap_y + 1
    for i in range(lines * c.bytes_row + CLEARED):
        image[i] = 0
    pitch = c.width * c.in_pitch
    for j in range(lines):
        line, out = top + j, j * c.bytes_row + c.pad_x * c.in_pitch
        if 0 <= line < c.height:
            first = line * pitch
            i, to = ends[line * c.width], ends[(line + 1) * c.width]
            if graded:
                for k in range(i, to):
                    image[out + ((events[k] - first) & LOW)] = values[k]
            else:
                for k in range(i, to):
                    image[out + ((events[k] - first) & LOW)] = 1


def _product(lanes: int) -> Any:
    """Make the sums of ``lanes`` neurons at every pixel of a tile."""
    many, row = AT_ONCE // lanes, 4 * lanes

    @inline
    def product(
        c: Any, tile: Any, lane: int, wide: int, sums16: Any, sums32: Any, kept: int, weights: Any, starts: Any,
        image: Any,
    ) -> None:  # fmt: skip
        first, count, down = c.bytes_weights + lane * c.bytes_each, c.bytes_line, c.gap_y * c.bytes_row
        place = lane - tile.lane
        for p in range(tile.pixel, tile.pixel_to, many):
            acc, at = zeros(32, AT_ONCE), first
            for _ in range(c.bytes_planes):
                acc = acc << splat(8, acc)
                for y in range(c.kernel_y):
                    for k in range(y * down, y * down + count, 4):
                        acc = dots(acc, lanes, weights, at, image, k, beyond(starts, p))
                        at += row
            if wide:
                put(sums32, place, tile.lanes, acc, lanes, kept)
            else:
                put(sums16, place, tile.lanes, acc, lanes, kept)
            place += many * tile.lanes

    return product


product16, product32 = _product(16), _product(32)


@inline
def pair(
    c: Any, tile: Any, wide: int, sums16: Any, sums32: Any, apart: int, kept: int, weights: Any, image: Any, size: int
) -> None:
    """Make the sums at the one pixel of a tile in two images that are ``size`` apart.

    The second sums begin ``apart`` from the first. Weights come from a cache that is not the nearest, and bound the
    time: two images take no longer than one.
    """
    count, down = c.bytes_line, c.gap_y * c.bytes_row
    for lane in range(tile.lane, tile.lane + tile.lanes, PAIRED):
        acc, at = zeros(32, AT_ONCE), c.bytes_weights + lane * c.bytes_each
        for _ in range(c.bytes_planes):
            acc = acc << splat(8, acc)
            for y in range(c.kernel_y):
                for k in range(y * down, y * down + count, UNIT):
                    acc = pairs(acc, weights, at, image, k, size)
                    at += UNIT * PAIRED
        found = folded(acc)
        if wide:
            put(sums32, lane - tile.lane, apart, found, PAIRED, kept)
        else:
            put(sums16, lane - tile.lane, apart, found, PAIRED, kept)


def multiply(
    isa: Any, c: Any, tile: Any, wide: int, sums16: Any, sums32: Any, fresh: Any, arenas: Any, step: Any, image: Any
) -> None:
    """Add to the sums of a tile, or begin them if ``fresh``, what a step brings; nothing without the instruction."""
    raise NotImplementedError  # compiled code only


@overload(multiply, strict=False)
def _multiply(
    isa: Any, c: Any, tile: Any, wide: Any, sums16: Any, sums32: Any, fresh: Any, arenas: Any, step: Any, image: Any
) -> Any:
    if not has_avx512(isa):
        return lambda isa, c, tile, wide, sums16, sums32, fresh, arenas, step, image: None

    def avx512(
        isa: Any, c: Any, tile: Any, wide: int, sums16: Any, sums32: Any, fresh: Any, arenas: Any, step: Any, image: Any
    ) -> None:
        by_itself()
        draw(c, tile, step.events, step.ends, step.values, step.graded, image)
        kept = 0 if fresh else -1
        if c.bytes_single:  # the same image twice: what is behind the sums of a tile is free
            pair(c, tile, wide, sums16, sums32, tile.lanes, kept, arenas.weights8, image, 0)
            return
        weights, starts = arenas.weights8, beyond(arenas.fan_out, c.bytes_starts)
        above = beyond(image, -(tile.y * c.stride_y * c.bytes_row))  # where the whole image would begin
        for lane in range(tile.lane, tile.lane + tile.lanes, 32):
            if tile.lanes < 32:
                product16(c, tile, lane, wide, sums16, sums32, kept, weights, starts, above)
            else:
                product32(c, tile, lane, wide, sums16, sums32, kept, weights, starts, above)

    return avx512


def multiply_both(
    isa: Any, c: Any, tile: Any, wide: int, sums16: Any, sums32: Any, apart: int, arenas: Any, first: Any, second: Any,
    image: Any,
) -> None:  # fmt: skip
    """Make the sums of the one pixel of a tile in two steps; those of the second are ``apart`` from the first."""
    raise NotImplementedError  # compiled code only


@overload(multiply_both, strict=False)
def _multiply_both(
    isa: Any, c: Any, tile: Any, wide: Any, sums16: Any, sums32: Any, apart: Any, arenas: Any, first: Any, second: Any,
    image: Any,
) -> Any:  # fmt: skip
    if not has_avx512(isa):
        return lambda isa, c, tile, wide, sums16, sums32, apart, arenas, first, second, image: None

    def avx512(
        isa: Any, c: Any, tile: Any, wide: int, sums16: Any, sums32: Any, apart: int, arenas: Any, first: Any,
        second: Any, image: Any,
    ) -> None:  # fmt: skip
        by_itself()
        draw(c, tile, first.events, first.ends, first.values, first.graded, image)
        draw(c, tile, second.events, second.ends, second.values, second.graded, beyond(image, c.bytes_size))
        pair(c, tile, wide, sums16, sums32, apart, 0, arenas.weights8, image, c.bytes_size)

    return avx512
