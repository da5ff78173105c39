"""The option that names a chip: which names there are, those of other packages too, is asked and not written down."""

import argparse
from collections.abc import Callable
from typing import Any

from snn2hw.commands.options import option

__all__ = ["configure_target"]


def configure_target(
    parser: argparse.ArgumentParser, owner: Callable[..., Any] | None = None, *, more: str = "", required: bool = False
) -> None:
    """Declare ``--target``; ``owner`` is the function whose default it has, if it has one."""
    from snn2hw.chips.target import target_names

    what = f"{', '.join(target_names())}, or a .toml file{more}"
    if owner is None:
        parser.add_argument("--target", metavar="T", required=required, help=what)
    else:
        option(parser, "--target", owner, what, metavar="T")
