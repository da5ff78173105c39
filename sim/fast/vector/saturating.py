"""Integers of 16 bits whose sums stay at the ends of their range, and what is written of them in another width."""

from typing import Any

from llvmlite import ir
from numba.core import types

from sim.fast.vector.jit import part
from sim.fast.vector.lanes import external, joined, parts_of
from sim.fast.vector.masks import above, choose
from sim.fast.vector.pointers import generated

__all__ = ["add_saturating", "greater", "smaller", "store_as"]

I64 = ir.IntType(64)


@generated
def add_saturating(typing: Any, left: Any, right: Any) -> Any:
    """Return left + right, or the end of the range that it would leave."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        name = f"llvm.sadd.sat.v{left.vector.count}i{left.bits}"
        add = external(builder, ir.FunctionType(left.vector, [left.vector] * 2), name)
        pairs = zip(parts_of(builder, left, args[0]), parts_of(builder, left, args[1]), strict=True)
        return joined(builder, left, [builder.call(add, pair) for pair in pairs])

    return left(left, left), generate


@generated
def store_as(typing: Any, start: Any, at: Any, value: Any) -> Any:
    """Write all lanes, cut to the width of the elements that are written; float32 numbers as integers."""
    vector = ir.VectorType(ir.IntType(start.dtype.bitwidth), value.vector.count)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        first = builder.gep(args[0], [args[1]])
        for i, lanes in enumerate(parts_of(builder, value, args[2])):
            place = builder.gep(first, [ir.Constant(I64, i * value.vector.count)])
            cut = builder.fptosi if value.real else builder.trunc
            builder.store(cut(lanes, vector), builder.bitcast(place, vector.as_pointer())).align = 1
        return context.get_dummy_value()

    return types.void(start, types.int64, value), generate


@part
def greater(left: Any, right: Any) -> Any:
    """Return the greater one, lane by lane."""
    return choose(above(left, right), left, right)


@part
def smaller(left: Any, right: Any) -> Any:
    """Return the smaller one, lane by lane."""
    return choose(above(left, right), right, left)
