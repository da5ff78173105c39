"""Write a program down for another tool: a folder with everything that side needs.

snn2hw export P.nir --to lava -o build/lava
"""

import argparse
from dataclasses import asdict

from snn2hw.commands.options import at_least
from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]

GOLDEN = 4
"""How many samples are shipped unless said otherwise."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from exporters.registry import format_names

    parser.add_argument("program", metavar="P.nir", help="a program file")
    parser.add_argument("--to", required=True, choices=sorted(format_names()), help="the format")
    parser.add_argument("--input", metavar="X.npz", help="samples to ship as golden vectors")
    parser.add_argument("--samples", type=int, metavar="N", help=f"how many of them (default: {GOLDEN})")
    parser.add_argument("-o", "--output", required=True, metavar="FOLDER", help="where to write")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Export."""
    from exporters.program_file import read_program
    from exporters.registry import export
    from sim.errors import InputError
    from sim.files import check_folder
    from snn2hw.files.rasters import read_raster

    if args.samples is not None and args.input is None:
        raise InputError(f"--samples {args.samples}, and no samples to take them from", "add --input X.npz")
    at_least(1, "--samples", args.samples)
    check_folder(args.output)
    samples = args.samples or GOLDEN
    program = read_program(args.program)
    raster = read_raster(args.input, program.input.shape).spikes[:samples] if args.input else None
    artifact = export(program, to=args.to, folder=args.output, raster=raster)
    reply.fact(
        to=args.to,
        digest=artifact.digest,
        files=[str(f) for f in artifact.files],
        losses=[asdict(loss) for loss in artifact.losses],
        notes=list(artifact.notes),
    )
    reply.wrote(args.output, f": {len(artifact.files)} files, program {artifact.digest[:12]}")
    for note in artifact.notes:
        reply.line(note)
    for loss in artifact.losses:
        reply.line(f"loss: {loss}")
    return 0
