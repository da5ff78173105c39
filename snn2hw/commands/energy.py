"""Count what a program does on an input, price it by several tables, and put an ANN beside it.

  snn2hw energy P.nir --input X.npz --ann CNN.onnx --ann-input F.npz -o ENERGY.json --plots FOLDER

Every amount is a proxy with a band: nothing here is measured. Exit code 0 whoever wins.
"""

import argparse
from pathlib import Path

from snn2hw.commands.options import at_least, option

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from snn2hw.costs.energy import energy
    from snn2hw.costs.price_files import TABLES
    from snn2hw.files.samples import SAMPLES

    parser.add_argument("program", metavar="P.nir", help="a program file")
    parser.add_argument("--input", required=True, metavar="X.npz", help="array 'spikes' (B, T, *shape)")
    parser.add_argument("--ann", metavar="CNN.onnx", help="the conventional network to compare with")
    parser.add_argument(
        "--ann-input", metavar="F.npz", help=f"its samples (n, *shape) as array {' or '.join(map(repr, SAMPLES))}"
    )
    parser.add_argument("--tables", metavar="A,B", help=f"some of {', '.join(TABLES)}, or .toml files (all)")
    parser.add_argument("--samples", type=int, metavar="N", help="use the first N samples only")
    option(parser, "--confidence", energy, "of the intervals", metavar="P")
    option(parser, "--engine", energy, "the engine that runs the program", metavar="NAME")
    parser.add_argument("--plots", metavar="FOLDER", help="where to draw energy.png and break_even.png")
    parser.add_argument("-o", "--output", metavar="ENERGY.json", help="where to write every number")


def execute(args: argparse.Namespace) -> int:
    """Count, price, print."""
    from sim.errors import InputError
    from sim.files import check_output, make_folder
    from snn2hw.commands.fed import read_fed
    from snn2hw.commands.progress import progress_bar
    from snn2hw.costs.energy import energy
    from snn2hw.costs.price_files import TABLES
    from snn2hw.files.json_file import write_json
    from snn2hw.files.samples import read_samples

    at_least(1, "--samples", args.samples)
    if args.ann_input and not args.ann:
        raise InputError("--ann-input without --ann", "name the network that reads these samples: --ann CNN.onnx")
    tables = TABLES if args.tables is None else tuple(t.strip() for t in args.tables.split(",") if t.strip())
    if not tables:
        raise InputError(f"--tables {args.tables!r} names no table", f"name some of: {', '.join(TABLES)}")
    if args.output:
        check_output(args.output)
    if args.plots:
        make_folder(args.plots)
    fed = read_fed(args.program, args.input)
    program, spikes = fed.program, fed.spikes[: args.samples]
    with progress_bar(spikes.shape[0] * spikes.shape[1], args.engine, "step") as progress:
        report = energy(
            program,
            spikes,
            ann=args.ann,
            ann_inputs=read_samples(args.ann_input, "the ANN's samples")[0][: args.samples] if args.ann_input else None,
            tables=tables,
            engine=args.engine,
            confidence=args.confidence,
            progress=progress,
        )
    print(report)
    if args.output:
        write_json(args.output, report.to_json())
        print(f"wrote {args.output}")
    if args.plots:
        from snn2hw.costs.plots import plot_band, plot_break_even

        folder = Path(args.plots)
        plot_band(report, folder / "energy.png")
        print(f"wrote {folder / 'energy.png'}")
        if report.comparisons:
            plot_break_even(report, folder / "break_even.png")
            print(f"wrote {folder / 'break_even.png'}")
    return 0
