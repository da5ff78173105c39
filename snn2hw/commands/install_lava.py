"""``snn2hw install-lava``: make the environment in which lava-nc runs."""

import argparse
import sys
from pathlib import Path

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description = "Install lava-nc in an environment of its own; quick when it is there already."
    parser.add_argument("--folder", type=Path, help="where to put it (default: .venv-lava beside the running one)")
    parser.add_argument("--force", action="store_true", help="make it again from nothing")


def execute(args: argparse.Namespace) -> int:
    """Install, or find it installed."""
    from exporters.lava.install import install

    install(args.folder, force=args.force, say=lambda line: print(line, file=sys.stderr))
    return 0
