"""Products of bytes: four messages times four weights and their sum for each of 16 lanes, in one instruction (VNNI).

Products and sums are exact modulo 2^32.
"""

from typing import Any

from llvmlite import ir
from numba.core import types

from sim.fast.vector.lanes import Lanes, external, joined, parts_of
from sim.fast.vector.pointers import generated

__all__ = ["BLOCK", "REGISTER", "dots", "folded", "pairs", "put"]

REGISTER = 16
"""Sums of 32 bits in a register."""

BLOCK = 32
"""Lanes of weights that are multiplied with two images at a time."""

I32, I64 = ir.IntType(32), ir.IntType(64)
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


@generated
def dots(typing: Any, form: Any, acc: Any, weights: Any, at: Any, image: Any, place: Any, starts: Any) -> Any:
    """Add four messages of several pixels, each times a form's lanes of weights; pixel i is at starts[i] + place."""
    each = form.settled["lanes"] // REGISTER

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _, value, weight_start, first, image_start, offset, begin = args
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

    return acc(form, acc, weights, types.int64, image, types.int64, starts), generate


@generated
def pairs(typing: Any, acc: Any, weights: Any, at: Any, image: Any, place: Any, stride: Any) -> Any:
    """Add four messages of one pixel in each of two images, ``stride`` bytes from one to the next, times 32 weights.

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
    kind = Lanes(32, 2 * BLOCK)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        registers = _registers(builder, acc, args[0])
        while len(registers) * REGISTER > kind.count:
            half = len(registers) // 2
            registers = [builder.add(a, b) for a, b in zip(registers[:half], registers[half:], strict=True)]
        return _together(builder, kind, registers)

    return kind(acc), generate


@generated
def put(typing: Any, form: Any, sums: Any, at: Any, next_at: Any, acc: Any, mask: Any) -> Any:
    """Write a value, every lanes of a form ``next_at`` behind those before, cut to the width of the sums.

    What is there is added where it has a bit in common with ``mask``, which is 0 or -1.
    """
    each, element = form.settled["lanes"] // REGISTER, ir.IntType(sums.dtype.bitwidth)
    narrow = ir.VectorType(element, REGISTER)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _, start, first, step, value, keep = args
        nothing = ir.Constant(narrow, ir.Undefined)
        number = builder.insert_element(nothing, builder.trunc(keep, element), ir.Constant(I32, 0))
        masks = builder.shuffle_vector(number, nothing, ir.Constant(SUMS, [0] * REGISTER))
        for k, register in enumerate(_registers(builder, acc, value)):
            place = builder.add(first, builder.mul(step, ir.Constant(I64, k // each)))
            place = builder.gep(start, [builder.add(place, ir.Constant(I64, k % each * REGISTER))])
            place = builder.bitcast(place, narrow.as_pointer())
            before = builder.load(place)
            before.align = element.width // 8
            cut = builder.trunc(register, narrow) if element.width < 32 else register
            builder.store(builder.add(cut, builder.and_(before, masks)), place).align = element.width // 8
        return context.get_dummy_value()

    return types.void(form, sums, types.int64, types.int64, acc, types.int64), generate
