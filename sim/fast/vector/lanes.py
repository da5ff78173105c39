"""Vector registers as values of compiled code: ``acc = acc + load(weights, at, acc)`` stays in registers.

A ``Lanes`` value holds a fixed number of integers. LLVM maps it onto whatever vector registers the CPU has, so a kernel
written with it is AVX-512 code on one machine and NEON code on another. Addresses are not checked.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.datamodel.models import PrimitiveModel
from numba.extending import overload, register_model

from sim.fast.vector.pointers import generated, generated_from_constants

__all__ = [
    "Lanes",
    "constant",
    "external",
    "joined",
    "load",
    "multiply_add",
    "parts_of",
    "real",
    "splat",
    "spread",
    "store",
    "zeros",
]

PART = 32
"""A value of more lanes is kept as several vectors: LLVM splits powers of two well, 96 lanes badly."""

I64 = ir.IntType(64)


class Lanes(types.Type):
    """``count`` integers of ``bits`` bits, lanes of 1 bit being truth values; or ``count`` float32 numbers."""

    def __init__(self, bits: int, count: int, real: bool = False) -> None:
        self.bits, self.count, self.real = bits, count, real
        super().__init__(name=f"Lanes({bits}, {count}, {real})")

    @property
    def element(self) -> Any:
        """Return the LLVM type of one lane."""
        return ir.FloatType() if self.real else ir.IntType(self.bits)

    @property
    def vector(self) -> ir.VectorType:
        """Return the LLVM type of one part."""
        return ir.VectorType(self.element, min(self.count, PART))

    @property
    def parts(self) -> int:
        """Return the number of parts."""
        return self.count // min(self.count, PART)


@register_model(Lanes)
class LanesModel(PrimitiveModel):
    """The parts, side by side."""

    def __init__(self, manager: Any, kind: Lanes) -> None:
        parts = ir.LiteralStructType([kind.vector] * kind.parts)
        PrimitiveModel.__init__(self, manager, kind, parts)  # type: ignore[no-untyped-call]  # numba's own is untyped


def parts_of(builder: Any, kind: Lanes, value: Any) -> list[Any]:
    """Take a value apart."""
    return [builder.extract_value(value, i) for i in range(kind.parts)]


def joined(builder: Any, kind: Lanes, parts: list[Any]) -> Any:
    """Put the parts of a value together."""
    value = ir.Constant(ir.LiteralStructType([kind.vector] * kind.parts), ir.Undefined)
    for i, part in enumerate(parts):
        value = builder.insert_value(value, part, i)
    return value


def external(builder: Any, kind: ir.FunctionType, name: str) -> Any:
    """Return a function of LLVM by name, declared once in a module."""
    known = builder.module.globals
    return known[name] if name in known else ir.Function(builder.module, kind, name)


def constant(vector: ir.VectorType, number: int) -> ir.Constant:
    """Return a vector with the same number everywhere."""
    return ir.Constant(vector, [number] * vector.count)


def spread(builder: Any, vector: ir.VectorType, scalar: Any) -> Any:
    """Copy a scalar into every lane."""
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(ir.IntType(32), 0))
    zero = constant(ir.VectorType(ir.IntType(32), vector.count), 0)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zero)


@generated_from_constants
def zeros(typing: Any, bits: Any, count: Any) -> Any:
    """Return ``count`` lanes of ``bits`` bits, all zero; both must be constants."""
    kind = Lanes(bits.literal_value, count.literal_value)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        return joined(builder, kind, [constant(kind.vector, 0)] * kind.parts)

    return kind(bits, count), generate


@generated
def real(typing: Any, value: Any) -> Any:
    """Return integers as float32; exact up to 2^24."""
    kind = Lanes(32, value.count, real=True)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        return joined(builder, kind, [builder.sitofp(part, kind.vector) for part in parts_of(builder, value, args[0])])

    return kind(value), generate


@generated
def load(typing: Any, start: Any, at: Any, like: Any) -> Any:
    """Read as many elements as ``like`` has lanes, sign-extended or cut to its width."""
    element = like.element if like.real else ir.IntType(start.dtype.bitwidth)
    lanes = min(like.count, PART)

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        first, parts = builder.gep(args[0], [args[1]]), []
        for i in range(like.parts):
            place = builder.gep(first, [ir.Constant(I64, i * lanes)])
            part = builder.load(builder.bitcast(place, ir.VectorType(element, lanes).as_pointer()))
            part.align = start.dtype.bitwidth // 8
            if not like.real and element.width != like.bits:
                part = (builder.sext if element.width < like.bits else builder.trunc)(part, like.vector)
            parts.append(part)
        return joined(builder, like, parts)

    return like(start, types.int64, like), generate


@generated
def store(typing: Any, start: Any, at: Any, value: Any) -> Any:
    """Write all lanes; the elements have the width of the lanes."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        first = builder.gep(args[0], [args[1]])
        for i, part in enumerate(parts_of(builder, value, args[2])):
            place = builder.gep(first, [ir.Constant(I64, i * value.vector.count)])
            builder.store(part, builder.bitcast(place, value.vector.as_pointer())).align = start.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(start, types.int64, value), generate


@generated
def splat(typing: Any, number: Any, like: Any) -> Any:
    """Return a number in every lane of a value like ``like``."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        convert = builder.sitofp if like.real else builder.trunc
        return joined(builder, like, [spread(builder, like.vector, convert(args[0], like.element))] * like.parts)

    return like(types.int64, like), generate


def _lanewise(name: str) -> Any:
    """Make an intrinsic of two values out of the LLVM builder's method ``name``, or ``fname`` for float32."""

    def typer(typing: Any, left: Any, right: Any) -> Any:
        def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
            operate: Callable[[Any, Any], Any] = getattr(builder, f"f{name}" if left.real else name)
            pairs = zip(parts_of(builder, left, args[0]), parts_of(builder, right, args[1]), strict=True)
            return joined(builder, left, [operate(a, b) for a, b in pairs])

        return left(left, right), generate

    return generated(typer)


def _infix(symbol: Any, operation: Any) -> None:
    """Let kernels write ``a + b`` between values of one kind."""

    @overload(symbol, strict=False)
    def implement(left: Any, right: Any) -> Any:
        if isinstance(left, Lanes) and left == right:
            return lambda left, right: operation(left, right)
        return None


_add, _sub, _mul = _lanewise("add"), _lanewise("sub"), _lanewise("mul")
_and, _or, _xor = _lanewise("and_"), _lanewise("or_"), _lanewise("xor")
_shl, _shr = _lanewise("shl"), _lanewise("ashr")
for _symbol, _operation in (
    (operator.add, _add), (operator.sub, _sub), (operator.mul, _mul), (operator.and_, _and), (operator.or_, _or),
    (operator.xor, _xor), (operator.lshift, _shl), (operator.rshift, _shr),
):  # fmt: skip
    _infix(_symbol, _operation)


@generated
def multiply_add(typing: Any, left: Any, right: Any, added: Any) -> Any:
    """Return left * right + added in float32; both steps are exact here, so fused or not the result is the same."""

    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        kind = ir.FunctionType(left.vector, [left.vector] * 3)
        fused = external(builder, kind, f"llvm.fmuladd.v{left.vector.count}f32")
        triples = zip(*(parts_of(builder, left, value) for value in args), strict=True)
        return joined(builder, left, [builder.call(fused, triple) for triple in triples])

    return left(left, right, added), generate
