"""What is settled of a loop before it is compiled: how many lanes, how wide the sums, which instructions.

A loop takes a `Form` as its first argument. Numba compiles, and caches, one machine code for each form that is asked
for; as an argument it takes no room. ``settled(form, "lanes")`` is a constant there, so branches on it cost nothing.
"""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.datamodel.models import StructModel
from numba.extending import register_model

from sim.fast.vector.lanes import Lanes, constant, joined
from sim.fast.vector.pointers import generated, generated_from_constants

__all__ = ["Form", "accumulators", "entries", "settled", "sums_in", "weights_in"]

I64 = ir.IntType(64)


class Form(types.Type):
    """Numbers by name, the same at every call of the machine code that is compiled for them."""

    def __init__(self, **settled: int) -> None:
        self.settled = {name: int(number) for name, number in settled.items()}
        super().__init__(name=f"Form({', '.join(f'{name}={number}' for name, number in self.settled.items())})")


@register_model(Form)
class FormModel(StructModel):
    """Nothing: a form is known without being passed."""

    def __init__(self, manager: Any, kind: Form) -> None:
        StructModel.__init__(self, manager, kind, [])  # type: ignore[no-untyped-call]  # numba's own is untyped


@generated_from_constants
def settled(typing: Any, form: Any, name: Any) -> Any:
    """Return a number of a form."""
    number = ir.Constant(I64, form.settled[name.literal_value])
    return types.int64(form, name), lambda context, builder, _, args: number


def _zeros(kind: Lanes, form: Any) -> Any:
    def generate(context: Any, builder: Any, _: Any, args: Any) -> Any:
        return joined(builder, kind, [constant(kind.vector, 0)] * kind.parts)

    return kind(form), generate


@generated
def accumulators(typing: Any, form: Any) -> Any:
    """Return ``lanes`` sums of ``sum_bits`` bits, all zero."""
    return _zeros(Lanes(form.settled["sum_bits"], form.settled["lanes"]), form)


@generated
def entries(typing: Any, form: Any) -> Any:
    """Return as many entries of a list of rows as one store writes, all zero."""
    return _zeros(Lanes(16, form.settled["entries"]), form)


INTEGERS = {8: types.int8, 16: types.int16, 32: types.int32}


def _cast(name: str) -> Any:
    """Make what takes a pointer to bytes as one to the integers whose width is settled under a name."""

    def typer(typing: Any, form: Any, start: Any) -> Any:
        bits, kind = form.settled[name], _pointer_type()
        numbers = ir.IntType(bits).as_pointer()
        return kind(INTEGERS[bits])(form, start), lambda context, builder, _, args: builder.bitcast(args[1], numbers)

    return generated(typer)


def _pointer_type() -> Any:
    return types.CPointer


sums_in, weights_in = _cast("sum_bits"), _cast("weight_bits")
