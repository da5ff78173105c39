"""Truth values of lanes, what they choose, and whole numbers whose bits they are, lane 0 the lowest."""

from typing import Any

from llvmlite import ir
from numba.core import types

from sim.fast.vector.lanes import Lanes, constant, joined, parts_of
from sim.fast.vector.pointers import generated

__all__ = [
    "above",
    "any_exceeds",
    "bits_of",
    "choose",
    "count_up",
    "count_up_both",
    "either",
    "lowest",
    "popcount",
    "put_bits",
    "unlike",
]

I64 = ir.IntType(64)


def _compare(symbol: str) -> Any:
    """Make an intrinsic that compares two values, signed, lane by lane; none of them is a NaN."""

    def typer(typing: Any, left: Any, right: Any) -> Any:
        kind = Lanes(1, left.count)

        def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
            pairs = zip(parts_of(builder, left, args[0]), parts_of(builder, right, args[1]), strict=True)
            compare = builder.fcmp_ordered if left.real else builder.icmp_signed
            return joined(builder, kind, [compare(symbol, a, b) for a, b in pairs])

        return kind(left, right), generate

    return generated(typer)


above, unlike = _compare(">"), _compare("!=")


@generated
def any_exceeds(typing: Any, left: Any, right: Any, limit: Any) -> Any:
    """Return whether a number of two float32 values is larger than ``limit``, its sign left out.

    Without their signs, the bits of float32 numbers are in the order of the numbers.
    """
    bits = ir.VectorType(ir.IntType(32), left.vector.count)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        largest = constant(bits, 0)
        for value in (part for pair in args[:2] for part in parts_of(builder, left, pair)):
            absolute = builder.and_(builder.bitcast(value, bits), constant(bits, 0x7FFFFFFF))
            largest = builder.select(builder.icmp_unsigned(">", absolute, largest), absolute, largest)
        exceeds = builder.icmp_unsigned(">", largest, builder.bitcast(parts_of(builder, left, args[2])[0], bits))
        mask = builder.bitcast(exceeds, ir.IntType(bits.count))
        return builder.icmp_unsigned("!=", mask, ir.Constant(mask.type, 0))

    return types.boolean(left, left, left), generate


@generated
def choose(typing: Any, where: Any, left: Any, right: Any) -> Any:
    """Return ``left`` in the lanes where the truth value holds, ``right`` in the others."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        triples = zip(
            parts_of(builder, where, args[0]), parts_of(builder, left, args[1]), parts_of(builder, right, args[2]),
            strict=True,
        )  # fmt: skip
        return joined(builder, left, [builder.select(w, a, b) for w, a, b in triples])

    return left(where, left, right), generate


@generated
def either(typing: Any, left: Any, right: Any) -> Any:
    """Return where one of two float32 values is not +0: their bits are tested together."""
    kind, bits = Lanes(1, left.count), ir.VectorType(ir.IntType(32), left.vector.count)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        pairs = zip(parts_of(builder, left, args[0]), parts_of(builder, right, args[1]), strict=True)
        both = [builder.or_(builder.bitcast(a, bits), builder.bitcast(b, bits)) for a, b in pairs]
        return joined(builder, kind, [builder.icmp_unsigned("!=", value, constant(bits, 0)) for value in both])

    return kind(left, right), generate


@generated
def bits_of(typing: Any, where: Any) -> Any:
    """Return up to 64 truth values as an integer, lane 0 in the lowest bit."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        parts = parts_of(builder, where, args[0])
        bits = builder.zext(builder.bitcast(parts[0], ir.IntType(where.vector.count)), I64)
        for i, part in enumerate(parts[1:], 1):
            number = builder.zext(builder.bitcast(part, ir.IntType(where.vector.count)), I64)
            bits = builder.or_(bits, builder.shl(number, ir.Constant(I64, i * where.vector.count)))
        return bits

    return types.int64(where), generate


@generated
def popcount(typing: Any, number: Any) -> Any:
    """Return how many bits of a 64-bit integer are set."""
    return types.int64(types.int64), lambda context, builder, _, args: builder.ctpop(args[0])


@generated
def lowest(typing: Any, number: Any) -> Any:
    """Return the place of the lowest bit that is set; there must be one."""
    true = ir.Constant(ir.IntType(1), 1)
    return types.int64(types.int64), lambda context, builder, _, args: builder.cttz(args[0], true)


def _count(builder: Any, counters: Any, at: Any, kind: Any, values: tuple[Any, ...]) -> None:
    """Add one to the byte of every lane for each of the truth values that hold there."""
    bytes_, first = ir.VectorType(ir.IntType(8), kind.vector.count), builder.gep(counters, [at])
    for i, parts in enumerate(zip(*(parts_of(builder, kind, value) for value in values), strict=True)):
        start = builder.gep(first, [ir.Constant(I64, i * kind.vector.count)])
        place = builder.bitcast(start, bytes_.as_pointer())
        count = builder.load(place)
        count.align = 1
        for part in parts:
            count = builder.add(count, builder.zext(part, bytes_))
        builder.store(count, place).align = 1


@generated
def count_up(typing: Any, counters: Any, at: Any, where: Any) -> Any:
    """Add one to the byte of every lane where the truth value holds."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _count(builder, args[0], args[1], where, args[2:])
        return context.get_dummy_value()

    return types.void(counters, types.int64, where), generate


@generated
def count_up_both(typing: Any, counters: Any, at: Any, where: Any, later: Any) -> Any:
    """Add to the byte of every lane how many of two truth values hold."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        _count(builder, args[0], args[1], where, args[2:])
        return context.get_dummy_value()

    return types.void(counters, types.int64, where, later), generate


@generated
def put_bits(typing: Any, start: Any, at: Any, where: Any) -> Any:
    """Write truth values as bits, from a byte on."""
    bits = ir.IntType(where.vector.count)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        first = builder.gep(args[0], [args[1]])
        for i, part in enumerate(parts_of(builder, where, args[2])):
            place = builder.gep(first, [ir.Constant(I64, i * where.vector.count // 8)])
            builder.store(builder.bitcast(part, bits), builder.bitcast(place, bits.as_pointer())).align = 1
        return context.get_dummy_value()

    return types.void(start, types.int64, where), generate
