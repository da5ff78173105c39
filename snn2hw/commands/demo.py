"""Show the whole path: synthesised digits, a trained network, its program, the proof, its price, pictures.

snn2hw demo                 with the network that comes with the package; no torch, no download
snn2hw demo --train         train the network and its CNN twin first (needs the extra "train")
"""

import argparse
from pathlib import Path

from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--train", action="store_true", help="train first instead of using the shipped network")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("out/demo"), metavar="FOLDER", help="default out/demo"
    )


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Show it."""
    from sim.files import check_folder
    from snn2hw.demo.exhibit import load_exhibit, shipped
    from snn2hw.demo.story import tell

    check_folder(args.output)
    models = shipped()
    if args.train:
        from snn2hw.demo.models import train_models

        models = train_models(args.output / "train", say=reply.line)
    reply.line("spoken digits, synthesised; a small SCNN, trained on other voices")
    agreed = tell(load_exhibit(models), args.output, say=reply.line)
    reply.fact(equal=agreed, wrote=[str(args.output)])
    return 0 if agreed else 1
