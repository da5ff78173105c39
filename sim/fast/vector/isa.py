"""What a CPU may have a better form of than portable code: the decay, listing spikes, how many neurons at once.

A kernel gets one of the markers ``PORTABLE`` and ``AVX512`` as its first argument, a loop a `Form` that settles
``avx512``; numba compiles, and caches, one machine code for each.
"""

from functools import cache
from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import types
from numba.extending import overload

from sim.fast.vector.form import Form
from sim.fast.vector.lanes import Lanes, constant, external, joined, parts_of, spread
from sim.fast.vector.masks import lowest
from sim.fast.vector.pointers import generated

__all__ = [
    "AVX512",
    "PORTABLE",
    "Avx512",
    "Portable",
    "append",
    "best",
    "block",
    "decay",
    "has_avx512",
    "integers",
    "numbers",
    "words",
]


class Portable(NamedTuple):
    """Vector code that LLVM can translate for any CPU."""

    marker: int


class Avx512(NamedTuple):
    """Instructions of Intel since Ice Lake and of AMD since Zen 4."""

    marker: int


PORTABLE, AVX512 = Portable(0), Avx512(1)
"""Different numbers, for tuples of different types are equal."""

NEEDED = ("avx512f", "avx512bw", "avx512vl", "avx512vbmi2", "avx512vnni")
WORD = 64
"""Neurons of which one mask tells whether they fired."""
FEW = 16
"""Events that one store writes, which is enough for most masks."""
REGISTER = 16
"""Numbers of 32 bits in a register of AVX-512."""
TOWARD_ZERO = 11
"""The rounding operand of AVX-512: toward zero, exceptions suppressed."""

I8, I16, I32, I64, FLOAT = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()


@cache
def best() -> Portable | Avx512:
    """Return the marker of the fastest form that this CPU runs."""
    from llvmlite.binding import get_host_cpu_features

    features = get_host_cpu_features()
    return AVX512 if all(features.get(name, False) for name in NEEDED) else PORTABLE


def has_avx512(marker: Any) -> bool:
    """Return whether the type of a marker is that of AVX-512, or a form settles that it is."""
    if isinstance(marker, Form):
        return bool(marker.settled["avx512"])
    return getattr(marker, "instance_class", None) is Avx512


def _neurons(marker: Any) -> int:
    """Return how many neurons are advanced at once: with 16 registers of 8 numbers, more would not stay in them."""
    return 64 if has_avx512(marker) else 32


@generated
def block(typing: Any, isa: Any) -> Any:
    """Return how many neurons are advanced at once."""
    return types.int64(isa), lambda context, builder, _, args: ir.Constant(I64, _neurons(isa))


def _zeros(bits: int, real: bool) -> Any:
    """Make an intrinsic that returns zeros for so many neurons."""

    def typer(typing: Any, isa: Any) -> Any:
        kind = Lanes(bits, _neurons(isa), real)

        def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
            return joined(builder, kind, [constant(kind.vector, 0)] * kind.parts)

        return kind(isa), generate

    return generated(typer)


integers, numbers, words = _zeros(32, real=False), _zeros(32, real=True), _zeros(16, real=False)


def part_of(builder: Any, value: Any, kind: ir.VectorType, first: int, count: int) -> Any:
    """Return ``count`` lanes of a vector."""
    lanes = ir.Constant(ir.VectorType(I32, count), list(range(first, first + count)))
    return builder.shuffle_vector(value, ir.Constant(kind, ir.Undefined), lanes)


@generated
def decay(typing: Any, isa: Any, x: Any, factor: Any) -> Any:
    """Return x * factor toward zero: integers |x| <= 2^23 and numbers k / 4096, 0 <= k <= 4096, both in float32.

    Both are exact there, and a product rounded toward zero never crosses an integer below 2^24, so truncating it
    gives the integer part of the exact product. Rounding to nearest could cross one, and is all that other instruction
    sets offer at full speed: there the product is formed in float64, which holds it exactly.
    """
    wide = ir.VectorType(ir.DoubleType(), x.vector.count)

    def truncated(builder: Any, value: Any, vector: ir.VectorType) -> Any:
        letter = "f32" if vector.element == FLOAT else "f64"
        name = f"llvm.trunc.v{vector.count}{letter}"
        return builder.call(external(builder, ir.FunctionType(vector, [vector]), name), [value])

    def portable(builder: Any, pair: tuple[Any, Any]) -> Any:
        number, factor = (builder.fpext(value, wide) for value in pair)
        return builder.fptrunc(truncated(builder, builder.fmul(number, factor), wide), x.vector)

    def avx512(builder: Any, pair: tuple[Any, Any]) -> Any:
        register = ir.VectorType(FLOAT, REGISTER)
        kind = ir.FunctionType(register, [register, register, I32])
        multiply = external(builder, kind, "llvm.x86.avx512.mul.ps.512")
        products = []
        for first in range(0, x.vector.count, REGISTER):
            factors = [part_of(builder, value, x.vector, first, REGISTER) for value in pair]
            products.append(builder.call(multiply, [*factors, ir.Constant(I32, TOWARD_ZERO)]))
        product = products[0]
        if len(products) == 2:
            both = ir.Constant(ir.VectorType(I32, x.vector.count), list(range(x.vector.count)))
            product = builder.shuffle_vector(*products, both)
        return truncated(builder, product, x.vector)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        form = avx512 if has_avx512(isa) else portable
        pairs = zip(parts_of(builder, x, args[1]), parts_of(builder, x, args[2]), strict=True)
        return joined(builder, x, [form(builder, pair) for pair in pairs])

    return x(isa, x, x), generate


@generated
def _compress(typing: Any, spikes: Any, base: Any, events: Any, n: Any) -> Any:
    """Write ``base`` + the place of every set bit of a 64-bit mask to ``events[n:]``, 16 or 64 slots at once."""
    places, mask = ir.VectorType(I8, WORD), ir.VectorType(ir.IntType(1), WORD)

    def put(builder: Any, packed: Any, count: int, args: Any) -> None:
        vector = ir.VectorType(I16, count)
        found = builder.zext(part_of(builder, packed, places, 0, count), vector)
        found = builder.add(found, spread(builder, vector, builder.trunc(args[1], I16)))
        builder.store(found, builder.bitcast(builder.gep(args[2], [args[3]]), vector.as_pointer())).align = 2

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        name = f"llvm.experimental.vector.compress.v{WORD}i8"
        compress = external(builder, ir.FunctionType(places, [places, mask, places]), name)
        every = ir.Constant(places, list(range(WORD)))
        packed = builder.call(compress, [every, builder.bitcast(args[0], mask), ir.Constant(places, ir.Undefined)])
        count = builder.ctpop(args[0])
        put(builder, packed, FEW, args)
        with builder.if_then(builder.icmp_unsigned(">", count, ir.Constant(I64, FEW)), likely=False):
            put(builder, packed, WORD, args)
        return builder.add(args[3], count)

    return types.int64(types.int64, types.int64, events, types.int64), generate


def append(isa: Any, spikes: int, base: int, events: Any, n: int) -> int:
    """Append ``base`` + the place of every set bit of a 64-bit mask to a list of n events; return its new length.

    There must be 64 slots to spare.
    """
    raise NotImplementedError  # compiled code only


@overload(append, strict=False)
def _append(isa: Any, spikes: Any, base: Any, events: Any, n: Any) -> Any:
    if has_avx512(isa):
        return lambda isa, spikes, base, events, n: _compress(spikes, base, events, n)

    def one_by_one(isa: Any, spikes: int, base: int, events: Any, n: int) -> int:
        while spikes != 0:
            events[n] = base + lowest(spikes)
            spikes &= spikes - 1
            n += 1
        return n

    return one_by_one
