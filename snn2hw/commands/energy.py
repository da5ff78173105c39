"""Count what a program does on an input, price it by several tables, and put an ANN beside it.

  snn2hw energy P.nir --input X.npz --ann CNN.onnx --ann-input F.npz -o ENERGY.json --plots FOLDER
  snn2hw energy P.nir --input X.npz --ann CNN.onnx --ann-input F.npz --also Q.nir Y.npz --also-ann SMALL.onnx F.npz

With several networks the answer is the front of each kind: accuracy against energy, under every table that prices both.
Every amount is a proxy with a band: nothing here is measured. Exit code 0 whoever wins.
"""

import argparse
from typing import TYPE_CHECKING, Any

from snn2hw.commands.options import at_least, option
from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snn2hw.costs.report import EnergyReport

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from snn2hw.costs.energy import energy
    from snn2hw.costs.price_files import table_names
    from snn2hw.files.samples import SAMPLES

    parser.add_argument("program", metavar="P.nir", help="a program file")
    parser.add_argument("--input", required=True, metavar="X.npz", help="array 'spikes' (B, T, *shape)")
    parser.add_argument("--ann", metavar="CNN.onnx", help="the conventional network to compare with")
    parser.add_argument(
        "--ann-input", metavar="F.npz", help=f"its samples (n, *shape) as array {' or '.join(map(repr, SAMPLES))}"
    )
    also: dict[str, Any] = {"nargs": 2, "action": "append", "default": None}
    parser.add_argument("--also", metavar=("Q.nir", "Y.npz"), help="another program and its input (repeatable)", **also)
    parser.add_argument(
        "--also-ann", metavar=("SMALL.onnx", "F.npz"), help="another ANN and its samples (repeatable)", **also
    )
    parser.add_argument("--tables", metavar="A,B", help=f"some of {', '.join(table_names())}, or .toml files (all)")
    parser.add_argument("--samples", type=int, metavar="N", help="use the first N samples only")
    option(parser, "--confidence", energy, "of the intervals", metavar="P")
    option(parser, "--engine", energy, "the engine that runs the program", metavar="NAME")
    parser.add_argument("--plots", metavar="FOLDER", help="where to draw energy.png and break_even.png, or fronts.png")
    parser.add_argument("-o", "--output", metavar="ENERGY.json", help="where to write every number")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Count, price, print."""
    from sim.errors import InputError
    from sim.files import check_folder, check_output
    from snn2hw.commands.fed import read_fed
    from snn2hw.commands.progress import progress_bar
    from snn2hw.costs.energy import TaskLabels, energy
    from snn2hw.costs.price_files import TABLES

    at_least(1, "--samples", args.samples)
    if args.ann_input and not args.ann:
        raise InputError("--ann-input without --ann", "name the network that reads these samples: --ann CNN.onnx")
    tables = TABLES if args.tables is None else tuple(t.strip() for t in args.tables.split(",") if t.strip())
    if not tables:
        raise InputError(f"--tables {args.tables!r} names no table", f"name some of: {', '.join(TABLES)}")
    if args.output:
        check_output(args.output)
    if args.plots:
        check_folder(args.plots)
    if args.also or args.also_ann:
        from snn2hw.commands.energy_fronts import compare_many

        return compare_many(args, tables, reply)
    fed = read_fed(args.program, args.input)
    samples, ann_labels = _samples(args)
    program, spikes = fed.program, fed.spikes[: args.samples]
    with progress_bar(spikes.shape[0] * spikes.shape[1], args.engine, "step") as progress:
        report = energy(
            program,
            spikes,
            ann=args.ann,
            ann_inputs=None if samples is None else samples[: args.samples],
            task=TaskLabels(
                None if fed.raster.labels is None else fed.raster.labels[: args.samples],
                None if ann_labels is None else ann_labels[: args.samples],
                fed.decoder,
            ),
            tables=tables,
            engine=args.engine,
            confidence=args.confidence,
            progress=progress,
        )
    _tell(report, args, reply)
    return 0


def _samples(args: argparse.Namespace) -> "tuple[NDArray[Any] | None, NDArray[Any] | None]":
    """Return the ANN's samples and their labels, of the shape that the ANN reads."""
    from snn2hw.ann.runtime import sample_shape
    from snn2hw.files.samples import read_samples

    if not args.ann_input:
        return None, None
    shape = None if args.ann is None else sample_shape(args.ann)
    return read_samples(args.ann_input, "the ANN's samples", shape)


def _tell(report: "EnergyReport", args: argparse.Namespace, reply: Reply) -> None:
    from snn2hw.files.json_file import write_json

    reply.fact(**report.to_json())
    reply.line(report)
    if args.output:
        write_json(args.output, report.to_json())
        reply.wrote(args.output)
    if args.plots:
        from sim.files import make_folder
        from snn2hw.costs.plots import plot_band, plot_break_even

        folder = make_folder(args.plots)
        plot_band(report, folder / "energy.png")
        reply.wrote(folder / "energy.png")
        if report.comparisons:
            plot_break_even(report, folder / "break_even.png")
            reply.wrote(folder / "break_even.png")
