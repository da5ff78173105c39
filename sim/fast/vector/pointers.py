"""Pointers in compiled code: into arrays, into tables of records, and what is read and written through them.

Nothing is tested: indexing a pointer tests no bounds, and a call passes it as one word.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

__all__ = [
    "generated",
    "generated_from_constants",
    "int16s",
    "int32s",
    "pointer",
    "pointer_to",
    "pointers",
    "put_unaligned64",
    "row",
    "seldom",
    "unaligned64",
]

I64 = ir.IntType(64)


def generated(typer: Callable[..., Any]) -> Any:
    """Make a function of compiled code from one that returns its type and its LLVM code."""
    return intrinsic(typer)


def generated_from_constants(typer: Callable[..., Any]) -> Any:
    """Make a function whose type, and code, may depend on the values of arguments that are constants."""
    return intrinsic(prefer_literal=True)(typer)


@generated
def pointer(typing: Any, array: Any) -> Any:
    """Return where a contiguous array starts."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        return context.make_array(array)(context, builder, args[0]).data

    start: Any = types.CPointer
    return start(array.dtype)(array), generate


@generated
def pointers(typing: Any, arrays: Any) -> Any:
    """Return a named record of arrays as one of pointers to where they start."""
    pointer_type, record = cast("Any", types.CPointer), cast("Any", types.NamedTuple)
    result = record([pointer_type(kind.dtype) for kind in arrays.types], arrays.instance_class)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        values = [builder.extract_value(args[0], i) for i in range(len(arrays.types))]
        made = zip(arrays.types, values, strict=True)
        starts = [context.make_array(kind)(context, builder, value).data for kind, value in made]
        return context.make_tuple(builder, result, starts)

    return result(arrays), generate


@generated
def row(typing: Any, start: Any, place: Any) -> Any:
    """Return one record of an array of records."""
    return start.dtype(start, types.int64), lambda context, builder, _, args: builder.gep(args[0], [args[1]])


@generated
def pointer_to(typing: Any, start: Any, place: Any) -> Any:
    """Return a pointer to the element at a place behind ``start``."""
    return start(start, types.int64), lambda context, builder, _, args: builder.gep(args[0], [args[1]])


def _cast(element: Any) -> Any:
    """Make what takes a pointer to bytes as one to integers."""

    def typer(typing: Any, start: Any) -> Any:
        kind: Any = types.CPointer
        numbers = ir.IntType(element.bitwidth).as_pointer()
        return kind(element)(start), lambda context, builder, _, args: builder.bitcast(args[0], numbers)

    return generated(typer)


int16s, int32s = _cast(types.int16), _cast(types.int32)


@generated
def unaligned64(typing: Any, start: Any, at: Any) -> Any:
    """Read 8 bytes from any byte on, as one integer."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        number = builder.load(builder.bitcast(builder.gep(args[0], [args[1]]), I64.as_pointer()))
        number.align = 1
        return number

    return types.int64(start, types.int64), generate


@generated
def put_unaligned64(typing: Any, start: Any, at: Any, number: Any) -> Any:
    """Write 8 bytes from any byte on."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        builder.store(args[2], builder.bitcast(builder.gep(args[0], [args[1]]), I64.as_pointer())).align = 1
        return context.get_dummy_value()

    return types.void(start, types.int64, types.int64), generate


@generated
def seldom(typing: Any, condition: Any) -> Any:
    """Return a condition that is laid out as one that hardly ever holds: what it guards stays out of the way."""
    kind = ir.IntType(1)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        name, expected = "llvm.expect.i1", ir.FunctionType(kind, [kind, kind])
        known = builder.module.globals
        expect = known[name] if name in known else ir.Function(builder.module, expected, name)
        return builder.call(expect, [args[0], ir.Constant(kind, 0)])

    return types.boolean(types.boolean), generate
