"""The two operations of which a CPU may have a better form than portable code: the decay, and listing spikes.

A kernel gets one of the markers ``PORTABLE`` and ``AVX512`` as its first argument; numba compiles, and caches, one form
for each type of marker.
"""

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import types
from numba.extending import overload

from sim.fast.lanes import PART, generated, joined, lowest, parts_of, spread

__all__ = ["AVX512", "PORTABLE", "Avx512", "Portable", "append", "best", "decay"]


class Portable(NamedTuple):
    """Vector code that LLVM can translate for any CPU."""

    marker: int


class Avx512(NamedTuple):
    """Instructions of Intel since Ice Lake and of AMD since Zen 4."""

    marker: int


PORTABLE, AVX512 = Portable(0), Avx512(0)

NEEDED = ("avx512f", "avx512bw", "avx512vl", "avx512vbmi2")
TOWARD_ZERO = 11
"""The rounding operand of AVX-512: toward zero, exceptions suppressed."""

I16, I32, FLOAT = ir.IntType(16), ir.IntType(32), ir.FloatType()


def best() -> Portable | Avx512:
    """Return the marker of the fastest form that this CPU runs."""
    from llvmlite.binding import get_host_cpu_features

    features = get_host_cpu_features()
    return AVX512 if all(features.get(name, False) for name in NEEDED) else PORTABLE


def _has_avx512(marker: Any) -> bool:
    return getattr(marker, "instance_class", None) is Avx512


def external(builder: Any, kind: ir.FunctionType, name: str) -> Any:
    """Return an LLVM function by name, declared once in a module."""
    known = builder.module.globals
    return known[name] if name in known else ir.Function(builder.module, kind, name)


@generated
def decay(typing: Any, isa: Any, x: Any, kept: Any) -> Any:
    """Return x * kept, rounded toward zero; ``kept`` holds the bits of float32 numbers k / 4096, k in 0..4096.

    Portable: the product is exact in float64. AVX-512, only for |x| <= 2^23: x and ``kept`` are exact in float32, and a
    product rounded toward zero never crosses an integer below 2^24, so truncating it gives the same integer. Rounding
    to nearest, which is all that other instruction sets offer at full speed, could cross one.
    """
    vector, wide = x.vector, ir.VectorType(ir.DoubleType(), x.count)
    floats = ir.VectorType(FLOAT, x.count)

    def portable(context: Any, builder: Any, _: Any, args: Any) -> Any:
        number, factor = parts_of(builder, x, args[1])[0], parts_of(builder, x, args[2])[0]
        exact = builder.fmul(builder.sitofp(number, wide), builder.fpext(builder.bitcast(factor, floats), wide))
        return joined(builder, x, [builder.fptosi(exact, vector)])

    def avx512(context: Any, builder: Any, _: Any, args: Any) -> Any:
        number, factor = parts_of(builder, x, args[1])[0], parts_of(builder, x, args[2])[0]
        kind = ir.FunctionType(floats, [floats, floats, I32])
        multiply = external(builder, kind, "llvm.x86.avx512.mul.ps.512")
        pair = [builder.sitofp(number, floats), builder.bitcast(factor, floats)]
        product = builder.call(multiply, [*pair, ir.Constant(I32, TOWARD_ZERO)])
        return joined(builder, x, [builder.fptosi(product, vector)])

    return x(isa, x, x), avx512 if _has_avx512(isa) else portable


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
    if _has_avx512(isa):
        return lambda isa, spikes, base, events, n: _compress(spikes, base, events, n)

    def one_by_one(isa: Any, spikes: int, base: int, events: Any, n: int) -> int:
        while spikes != 0:
            events[n] = base + lowest(spikes)
            spikes &= spikes - 1
            n += 1
        return n

    return one_by_one
