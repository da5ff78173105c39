"""``snn2hw install-lava``: ``snn2hw install lava`` under its older name."""

import argparse

from snn2hw.commands.install import execute, folder_options

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description = "Install lava-nc in an environment of its own; quick when it is there already."
    folder_options(parser, "lava")
    parser.set_defaults(tool="lava")
