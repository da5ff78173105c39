"""Where torch computes: the options --device and --threads of the verbs that train."""

import argparse
from typing import Any

__all__ = ["configure_device", "device_of"]


def configure_device(group: Any) -> None:
    """Declare the options on a parser or a group of it."""
    group.add_argument("--device", help="cpu, cuda or cuda:N (default: a GPU if there is one)")
    group.add_argument(
        "--threads",
        type=int,
        default=1,
        help="of torch on the CPU; small networks lose by more than one (default: %(default)s)",
    )


def device_of(args: argparse.Namespace) -> str:
    """Set the threads and return the device asked for; refuse one that is not here."""
    from sim.cures import install
    from sim.errors import InputError, MissingToolError

    if args.threads < 1:
        raise InputError(f"threads {args.threads}: must be at least 1", "ask for one or more")
    try:
        import torch
    except ImportError as error:
        raise MissingToolError(f"training needs torch ({error})", install("torch")) from None
    from snn2hw.train.processor import compute_with

    compute_with(args.threads)
    gpus = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    known = ["cpu", "cuda", *gpus] if gpus else ["cpu"]
    wanted: str = args.device or known[min(1, len(known) - 1)]
    if wanted in known:
        return wanted
    if wanted.partition(":")[0] == "cuda":
        what = f"device {wanted!r}: torch finds no such GPU here"
    else:
        what = f"device {wanted!r}: unknown"
    raise InputError(what, f"use {' or '.join(known)}")
