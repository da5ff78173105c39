"""Put the populations of a program into the cores of a chip, under every limit that its file states.

  snn2hw place P.nir --target loihi1 --input X.npz -o PLACE.json --picture P.png
  snn2hw place P.nir --target loihi1 --input X.npz --simulate sanafe

--simulate says what the first sample does on the mesh, step by step: messages, hops, the slowest core, and its energy
beside the band that `energy` gives without a placement.
Exit code 0: it is placed. 1: a neuron fits into no core, and the message says which and why.
"""

import argparse
from typing import TYPE_CHECKING

from snn2hw.commands.options import at_least, option
from snn2hw.commands.reply import Reply
from snn2hw.commands.target import configure_target

if TYPE_CHECKING:
    from sim.program import Program
    from snn2hw.chips.target import Target

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from snn2hw.placement.place import PLACERS, place
    from snn2hw.placement.simulate import SIMULATORS

    parser.add_argument("program", metavar="P.nir", help="a program file")
    configure_target(parser, more=": one that states limits of a core", required=True)
    parser.add_argument("--input", metavar="X.npz", help="run it for the traffic (else every neuron sends every step)")
    parser.add_argument("--samples", type=int, metavar="N", help="use the first N samples only")
    option(parser, "--placer", place, "how cores are filled and laid", choices=tuple(PLACERS))
    option(parser, "--seed", place, "of the annealing", metavar="N")
    parser.add_argument(
        "--simulate", choices=tuple(SIMULATORS), help="the first sample on the mesh, by counting or by SANA-FE"
    )
    parser.add_argument("--picture", metavar="P.png", help="where to draw the mesh with load and traffic")
    parser.add_argument("-o", "--output", metavar="PLACE.json", help="where to write every core")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Place, print, write, draw."""
    from exporters.program_file import read_program
    from sim.errors import InputError
    from sim.files import check_output
    from snn2hw.chips.target import get_target
    from snn2hw.costs.mesh_band import mesh_band
    from snn2hw.files.json_file import write_json
    from snn2hw.files.rasters import read_raster
    from snn2hw.placement.place import place
    from snn2hw.placement.simulate import simulate

    at_least(1, "--samples", args.samples)
    if args.simulate and args.input is None:
        raise InputError("--simulate without --input", "name the raster whose first sample is to run: --input X.npz")
    for path in (args.output, args.picture):
        if path:
            check_output(path)
    target, program = get_target(args.target), read_program(args.program)
    if target.blocks is not None:
        return _in_blocks(args, program, target, reply)
    shape = program.input.shape
    raster = read_raster(args.input, shape).spikes[: args.samples] if args.input else None
    placement = place(program, target, raster=raster, placer=args.placer, seed=args.seed)
    found, band = None, None
    if args.simulate and raster is not None:
        found = simulate(program, placement, raster, args.simulate)
        band = mesh_band(program, target, raster, found.total_pj)
    told = None if found is None or band is None else found.to_json() | {"band_pj": band.to_json()}
    document = placement.to_json() | {"simulated": told}
    reply.fact(**document)
    for part in filter(None, (placement, found, band)):
        reply.line(part)
    if args.output:
        write_json(args.output, document)
    if args.picture:
        from snn2hw.placement.picture import draw_mesh

        draw_mesh(placement, args.picture)
    for path in filter(None, (args.output, args.picture)):
        reply.wrote(path)
    return 0


def _in_blocks(args: argparse.Namespace, program: "Program", target: "Target", reply: Reply) -> int:
    """Place on a chip without cores, where nothing is left to choose."""
    from sim.errors import InputError
    from snn2hw.placement.blocks import place_blocks

    given = {"--input": args.input, "--simulate": args.simulate, "--picture": args.picture}
    if asked := [name for name, value in given.items() if value is not None]:
        raise InputError(f"{', '.join(asked)}: {target.name} has blocks in place of a mesh", "leave it out")
    reply.found(place_blocks(program, target), args.output)
    return 0
