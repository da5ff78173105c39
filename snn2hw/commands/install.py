"""``snn2hw install``: make the environment in which an outside simulator runs."""

import argparse
import sys
from importlib import import_module
from pathlib import Path

__all__ = ["TOOLS", "configure", "execute"]

TOOLS = {"lava": "exporters.lava.install", "xylosim": "exporters.xylo.install"}
"""Name to the module whose ``install`` makes its environment."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description = "Install a simulator in an environment of its own; quick when it is there already."
    parser.add_argument("tool", choices=tuple(TOOLS), help="lava: lava-nc and lava-dl; xylosim: needs a C++ compiler")
    parser.add_argument("--folder", type=Path, help="where to put it (default: .venv-TOOL beside the running one)")
    parser.add_argument("--force", action="store_true", help="make it again from nothing")


def execute(args: argparse.Namespace) -> int:
    """Install, or find it installed."""
    module = import_module(TOOLS[args.tool])
    module.install(args.folder, force=args.force, say=lambda line: print(line, file=sys.stderr))
    return 0
