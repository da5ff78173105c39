"""``snn2hw install``: make the environment in which an outside simulator runs."""

import argparse
import sys
from importlib import import_module
from pathlib import Path

from snn2hw.commands.reply import Reply

__all__ = ["TOOLS", "configure", "execute", "folder_options"]

TOOLS = {
    "lava": "exporters.lava.install",
    "xylosim": "exporters.xylo.install",
    "mcu": "exporters.firmware.install",
    "sanafe": "snn2hw.placement.sanafe_install",
}
"""Name to the module whose ``install`` makes its environment."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.description = (
        "Install a simulator or a compiler in an environment of its own; quick when it is there already."
    )
    tools = "lava: lava-nc and lava-dl; xylosim: needs a C++ compiler; mcu: a cross compiler; sanafe: traffic on a mesh"
    parser.add_argument("tool", choices=tuple(TOOLS), help=tools)
    folder_options(parser, "TOOL")


def folder_options(parser: argparse.ArgumentParser, tool: str) -> None:
    """Declare where the environment of a tool goes."""
    parser.add_argument("--folder", type=Path, help=f"where to put it (default: .venv-{tool} beside the running one)")
    parser.add_argument("--force", action="store_true", help="make it again from nothing")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Install, or find it installed."""
    module = import_module(TOOLS[args.tool])
    module.install(args.folder, force=args.force, say=lambda line: print(line, file=sys.stderr))
    reply.fact(tool=args.tool, ready=True)
    return 0
