"""MODEL on the command line, and how it is to be read: for every verb that takes one.

A MODEL is a .nir file, a checkpoint of `snn2hw train`, or ``package.module:function`` that returns a Norse module.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from sim.errors import InputError
from snn2hw.commands.options import shape_option
from snn2hw.compiler.options import Bits
from snn2hw.sources.from_norse import Layout
from snn2hw.sources.named_module import named_module
from snn2hw.sources.semantics import Reset, Scheme
from snn2hw.sources.source import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sim.program import Program
    from snn2hw.train.ready import Ready

__all__ = [
    "Forward",
    "attachments_of_model",
    "certified_for",
    "configure_model",
    "load_source",
    "rewrite_option",
    "source_of",
    "trained_bits",
]


@dataclass(frozen=True)
class Forward:
    """How the forward of a Norse module is to be read, as `from_norse` has it; None is found by trying."""

    layout: Layout | None = None
    steps: int | None = None
    output: int | str | None = None


TRIED = Forward()


def configure_model(parser: argparse.ArgumentParser) -> None:
    """Declare MODEL and how to read it."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="net.nir, model.pt of `snn2hw train`, or package.module:function that returns a Norse module",
    )
    parser.add_argument("--dt", type=float, metavar="S", help="seconds per step of a .nir file")
    parser.add_argument("--dialect", metavar="D", help="the framework that wrote the .nir file, see docs/dialects.md")
    parser.add_argument("--scheme", choices=get_args(Scheme), help="how a .nir file's equations become steps")
    parser.add_argument("--reset", choices=get_args(Reset), help="what a spike does to v: v_reset, or v - v_threshold")
    parser.add_argument(
        "--input-shape", type=shape_option, metavar="C,H,W", help="of a function that returns a module alone"
    )
    group = parser.add_argument_group("the forward of a module, where package.module:function names one")
    layout = "how it reads its input, see docs/norse.md (found by trying)"
    group.add_argument("--layout", choices=[x for x in get_args(Layout) if x != "auto"], help=layout)
    group.add_argument("--forward-steps", type=int, metavar="N", help="steps to run while reading (found by trying)")
    group.add_argument("--forward-output", type=_place_or_name, metavar="N|NAME", help="which output (the first)")


def rewrite_option(parser: argparse.ArgumentParser) -> None:
    """Declare whether what the chip lacks may be said in other words."""
    parser.add_argument(
        "--rewrite", action="store_true", help="say what the chip lacks in other words, at a cost that is reported"
    )


def source_of(args: argparse.Namespace) -> Source:
    """Load the model that the options name."""
    return load_source(
        args.model,
        dt=args.dt,
        dialect=args.dialect,
        scheme=args.scheme,
        reset=args.reset,
        input_shape=args.input_shape,
        forward=Forward(args.layout, args.forward_steps, args.forward_output),
    )


def _place_or_name(text: str) -> int | str:
    """Read which of several outputs is meant: by its place, or by its name."""
    return int(text) if text.isdecimal() else text


def certified_for(
    model: str, data: "NDArray[np.integer] | None", steps: int | None = None
) -> tuple[int | None, tuple[int, int] | None]:
    """Return the steps and messages that the certificate must cover, None where the compiler chooses.

    A checkpoint knows what its front end sends, and data may miss its ends: both count. Other models do not know.
    """
    ready = _ready(model)
    if ready is None:
        return steps, None
    lowest, highest = ready.messages
    if data is None:
        return ready.steps if steps is None else steps, (lowest, highest)
    low, high = int(data.min(initial=lowest)), int(data.max(initial=highest))
    return max(ready.steps, data.shape[1]) if steps is None else steps, (low, high)


def trained_bits(model: str) -> Bits | None:
    """Return the bits in which a checkpoint was trained, whose weights lie on their grid; None for other models."""
    ready = _ready(model)
    return None if ready is None else ready.bits


def attachments_of_model(model: str, program: "Program", data: "NDArray[np.integer] | None") -> dict[str, Any]:
    """Return what a checkpoint lets a program file say: what it is for, and with data how it listens or denoises."""
    from snn2hw.purpose import purpose_attachment

    ready = _ready(model)
    return {} if ready is None else {**purpose_attachment(ready.purpose), **ready.beside(program, data)}


def load_source(
    model: str,
    *,
    dt: float | None = None,
    dialect: str | None = None,
    scheme: Scheme | None = None,
    reset: Reset | None = None,
    input_shape: Sequence[int] | None = None,
    forward: Forward = TRIED,
) -> Source:
    """Return the Source that ``model`` names; dt, dialect, scheme and reset are for NIR files, forward for modules.

    Args:
        model: ``net.nir``, ``model.pt``, or ``package.module:function``. A function may return a module, or a module
            and its input shape; it is looked for from the working folder.
        dt: seconds per step.
        dialect: the framework that wrote the file.
        scheme: how the equations become steps.
        reset: what a spike does to v.
        input_shape: one step of one sample at the input, for a function that returns a module alone.
        forward: how the forward of that module is to be read.
    """
    path = Path(model)
    if path.suffix in (".nir", ".pt") and forward != TRIED:
        said = ", ".join(name for name, value in vars(forward).items() if value is not None)
        raise InputError(
            f"{model}: {said} of a forward, and this file holds none", "give it for package.module:function"
        )
    if path.suffix == ".nir":
        from snn2hw.sources.from_nir import from_nir

        return from_nir(path, dt=dt, dialect=dialect, scheme=scheme, reset=reset)
    given = {"dt": dt, "dialect": dialect, "scheme": scheme, "reset": reset}
    extra = [name for name, value in given.items() if value is not None]
    if extra:
        raise InputError(f"{model}: {', '.join(extra)} is said by the module itself", "give it for .nir files only")
    if path.suffix == ".pt":
        from snn2hw.train.deployed import reading
        from snn2hw.train.ready import read_ready

        return reading(read_ready(path).source(), None if input_shape is None else tuple(input_shape), model)
    from snn2hw.sources.from_norse import from_norse

    module, shape = named_module(model, input_shape)
    layout = forward.layout or "auto"
    return from_norse(module, shape, layout=layout, steps=forward.steps, output=forward.output)


def _ready(model: str) -> "Ready | None":
    """Return a checkpoint as every verb takes it; None for other models."""
    path = Path(model)
    if path.suffix != ".pt":
        return None
    from snn2hw.train.ready import read_ready

    return read_ready(path)
