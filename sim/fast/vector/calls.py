"""Loops by their address: a table says which loop does a piece of work, and a kernel calls it from there."""

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types

from sim.fast.vector.pointers import generated

__all__ = ["ChosenLoop", "address", "call", "call_counting"]

alloca: Any = cgutils.alloca_once


class ChosenLoop(NamedTuple):
    """A loop, and the types of its arguments; the first of them is its form."""

    loop: Any
    arguments: tuple[Any, ...]


def address(chosen: ChosenLoop) -> int:
    """Return where the machine code of a loop begins; load or compile it if it is not there."""
    loop, arguments = chosen
    loop.compile(arguments)
    compiled = loop.overloads[arguments]
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


def _caller(result: Any) -> Any:
    """Make what calls the loop at an address as numba does: where the result goes, and errors, come first."""

    def typer(typing: Any, start: Any, arguments: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            kinds = list(signature.args[1])
            values = [builder.extract_value(args[1], i) for i in range(len(kinds))]
            function = context.call_conv.get_function_type(result, kinds)
            found, error = (
                alloca(builder, kind) for kind in (context.get_value_type(result), ir.IntType(8).as_pointer())
            )
            given = context.get_arg_packer(kinds).as_arguments(builder, values)
            places = (builder.bitcast(place, kind) for place, kind in zip((found, error), function.args, strict=False))
            builder.call(builder.inttoptr(args[0], function.as_pointer()), [*places, *given])
            return context.get_dummy_value() if result == types.none else builder.load(found)

        return result(types.int64, arguments), generate

    return generated(typer)


call, call_counting = _caller(types.none), _caller(types.int64)
"""Call the loop at an address with a tuple of all its arguments but the form; the second returns a number."""
