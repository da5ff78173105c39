"""The options that say which model is meant and how a NIR file is to be read, shared by every verb that takes MODEL."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from snn2hw.sources.source import Source

__all__ = ["certified_for", "configure_model", "source_of"]


def configure_model(parser: argparse.ArgumentParser) -> None:
    """Declare MODEL and how to read it."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="net.nir, model.pt of `snn2hw train`, or package.module:function that returns a Norse module",
    )
    parser.add_argument("--dt", type=float, metavar="S", help="seconds per step of a .nir file")
    parser.add_argument("--dialect", metavar="D", help="the framework that wrote the .nir file, see docs/dialects.md")
    parser.add_argument("--scheme", choices=("euler", "exponential"), help="how a .nir file's equations become steps")
    parser.add_argument(
        "--reset", choices=("value", "subtract"), help="what a spike does to v: v_reset, or v - v_threshold"
    )
    parser.add_argument("--input-shape", type=_shape, metavar="C,H,W", help="of a function that returns a module alone")


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(n) for n in text.replace("x", ",").split(",") if n)
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no shape; write 1,32,32")
    return shape


def source_of(args: argparse.Namespace) -> "Source":
    """Load the model that the options name."""
    from snn2hw.commands.model_argument import load_source

    return load_source(
        args.model,
        dt=args.dt,
        dialect=args.dialect,
        scheme=args.scheme,
        reset=args.reset,
        input_shape=args.input_shape,
    )


def certified_for(
    model: str, data: "NDArray[np.integer] | None", steps: int | None = None
) -> tuple[int | None, tuple[int, int] | None]:
    """Return the steps and messages that the certificate must cover, None where the compiler chooses.

    A checkpoint knows what its front end sends, and data may miss its ends: both count. Other models do not know.
    """
    from snn2hw.commands.model_argument import fed_to

    fed = fed_to(model)
    if fed is None:
        return steps, None
    sent, highest = fed
    if data is None:
        return sent if steps is None else steps, (0, highest)
    low, high = int(data.min(initial=0)), int(data.max(initial=highest))
    return max(sent, data.shape[1]) if steps is None else steps, (low, high)
