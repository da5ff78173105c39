"""The two operations of which a CPU may have a better form than portable code: the decay, and listing spikes.

A kernel gets one of the markers ``PORTABLE`` and ``AVX512`` as its first argument; numba compiles, and caches, one form
for each type of marker.
"""

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import types
from numba.extending import overload

from sim.fast.lanes import PART, external, generated, joined, lowest, parts_of, spread

__all__ = ["AVX512", "PORTABLE", "Avx512", "Portable", "append", "best", "decay", "has_avx512"]


class Portable(NamedTuple):
    """Vector code that LLVM can translate for any CPU."""

    marker: int


class Avx512(NamedTuple):
    """Instructions of Intel since Ice Lake and of AMD since Zen 4."""

    marker: int


PORTABLE, AVX512 = Portable(0), Avx512(1)
"""Different numbers, for tuples of different types are equal."""

NEEDED = ("avx512f", "avx512bw", "avx512vl", "avx512vbmi2", "avx512vnni")
REGISTER = 16
"""Numbers of 32 bits in a register of AVX-512."""
TOWARD_ZERO = 11
"""The rounding operand of AVX-512: toward zero, exceptions suppressed."""

I16, I32, FLOAT = ir.IntType(16), ir.IntType(32), ir.FloatType()


def best() -> Portable | Avx512:
    """Return the marker of the fastest form that this CPU runs."""
    from llvmlite.binding import get_host_cpu_features

    features = get_host_cpu_features()
    return AVX512 if all(features.get(name, False) for name in NEEDED) else PORTABLE


def has_avx512(marker: Any) -> bool:
    """Return whether the type of a marker is that of AVX-512."""
    return getattr(marker, "instance_class", None) is Avx512


def part_of(builder: Any, value: Any, kind: ir.VectorType, first: int, count: int) -> Any:
    """Return ``count`` lanes of a vector."""
    lanes = ir.Constant(ir.VectorType(I32, count), list(range(first, first + count)))
    return builder.shuffle_vector(value, ir.Constant(kind, ir.Undefined), lanes)


@generated
def decay(typing: Any, isa: Any, x: Any, kept: Any) -> Any:
    """Return x * kept, rounded toward zero: integers |x| <= 2^23 and numbers k / 4096, 0 <= k <= 4096, both as float32.

    Both are exact in float32, and a product rounded toward zero never crosses an integer below 2^24, so truncating it
    gives the integer part of the exact product. Rounding to nearest could cross one, and is all that other instruction
    sets offer at full speed: there the product is formed in float64, which holds it exactly.
    """
    wide = ir.VectorType(ir.DoubleType(), x.vector.count)

    def truncated(builder: Any, value: Any, vector: ir.VectorType) -> Any:
        letter = "f32" if vector.element == FLOAT else "f64"
        name = f"llvm.trunc.v{vector.count}{letter}"
        return builder.call(external(builder, ir.FunctionType(vector, [vector]), name), [value])

    def portable(context: Any, builder: Any, _: Any, args: Any) -> Any:
        number, factor = (builder.fpext(parts_of(builder, x, value)[0], wide) for value in args[1:])
        return joined(builder, x, [builder.fptrunc(truncated(builder, builder.fmul(number, factor), wide), x.vector)])

    def avx512(context: Any, builder: Any, _: Any, args: Any) -> Any:
        register = ir.VectorType(FLOAT, REGISTER)
        kind = ir.FunctionType(register, [register, register, I32])
        multiply = external(builder, kind, "llvm.x86.avx512.mul.ps.512")
        products = []
        for first in range(0, x.vector.count, REGISTER):
            pair = [part_of(builder, parts_of(builder, x, v)[0], x.vector, first, REGISTER) for v in args[1:]]
            products.append(builder.call(multiply, [*pair, ir.Constant(I32, TOWARD_ZERO)]))
        product = products[0]
        if len(products) == 2:
            both = ir.Constant(ir.VectorType(I32, x.vector.count), list(range(x.vector.count)))
            product = builder.shuffle_vector(*products, both)
        return joined(builder, x, [truncated(builder, product, x.vector)])

    return x(isa, x, x), avx512 if has_avx512(isa) else portable


@generated
def _compress(typing: Any, spikes: Any, base: Any, events: Any, n: Any) -> Any:
    """Write ``base`` + the place of every set bit of a 32-bit mask to ``events[n:]``, 32 slots in one store."""
    vector, mask = ir.VectorType(I16, PART), ir.VectorType(ir.IntType(1), PART)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        places = builder.add(
            spread(builder, vector, builder.trunc(args[1], I16)), ir.Constant(vector, list(range(PART)))
        )
        name = f"llvm.experimental.vector.compress.v{PART}i16"
        compress = external(builder, ir.FunctionType(vector, [vector, mask, vector]), name)
        where = builder.bitcast(builder.trunc(args[0], I32), mask)
        packed = builder.call(compress, [places, where, ir.Constant(vector, ir.Undefined)])
        builder.store(packed, builder.bitcast(builder.gep(args[2], [args[3]]), vector.as_pointer())).align = 2
        return builder.add(args[3], builder.ctpop(args[0]))

    return types.int64(types.int64, types.int64, events, types.int64), generate


def append(isa: Any, spikes: int, base: int, events: Any, n: int) -> int:
    """Append ``base`` + the place of every set bit of a 32-bit mask to a list of n events; return its new length.

    There must be 32 slots to spare.
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
