"""Count what a program does on an input, price it by several tables, and put an ANN beside it.

  snn2hw energy P.nir --input X.npz --ann CNN.onnx --ann-input F.npz -o ENERGY.json --plots FOLDER

Every amount is a proxy with a band: nothing here is measured. Exit code 0 whoever wins.
"""

import argparse
from typing import TYPE_CHECKING, Any

from snn2hw.commands.options import at_least, option
from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from snn2hw.codec.decode import Decoder
    from snn2hw.commands.fed import FedProgram
    from snn2hw.costs.report import EnergyReport

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from exporters.firmware.processors import PROCESSORS
    from snn2hw.costs.energy import energy
    from snn2hw.costs.price_files import table_names
    from snn2hw.files.samples import SAMPLES

    parser.add_argument("program", metavar="P.nir", help="a program file")
    parser.add_argument("--input", required=True, metavar="X.npz", help="array 'spikes' (B, T, *shape)")
    parser.add_argument("--ann", metavar="CNN.onnx", help="the conventional network to compare with")
    parser.add_argument(
        "--ann-input", metavar="F.npz", help=f"its samples (n, *shape) as array {' or '.join(map(repr, SAMPLES))}"
    )
    parser.add_argument("--tables", metavar="A,B", help=f"some of {', '.join(table_names())}, or .toml files (all)")
    parser.add_argument("--samples", type=int, metavar="N", help="use the first N samples only")
    parser.add_argument(
        "--device",
        metavar="CPU",
        help=f"count instructions, flash and RAM on one of {', '.join(PROCESSORS)} too, in QEMU",
    )
    option(parser, "--confidence", energy, "of the intervals", metavar="P")
    option(parser, "--engine", energy, "the engine that runs the program", metavar="NAME")
    parser.add_argument("--plots", metavar="FOLDER", help="where to draw energy.png and break_even.png")
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
    _check_device(args)
    if args.output:
        check_output(args.output)
    if args.plots:
        check_folder(args.plots)
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
                _decoder(fed),
            ),
            tables=tables,
            engine=args.engine,
            confidence=args.confidence,
            progress=progress,
        )
    device = None
    if args.device:
        from snn2hw.costs.on_device import on_device

        chosen = None if samples is None else samples[: args.samples]
        device = on_device(program, spikes, args.device, ann=args.ann, ann_inputs=chosen)
    _tell(report, device, args, reply)
    return 0


def _check_device(args: argparse.Namespace) -> None:
    """Refuse what could not be counted, before anything is."""
    from exporters.firmware.emulate import find_qemu
    from exporters.firmware.install import find_python
    from exporters.firmware.processors import get_processor
    from sim.errors import InputError

    if not args.device:
        return
    chosen = get_processor(args.device)
    if args.ann and not args.ann_input:
        raise InputError("--device, and --ann without samples", "name them: --ann-input F.npz")
    find_qemu(chosen)
    find_python()


def _samples(args: argparse.Namespace) -> "tuple[NDArray[Any] | None, NDArray[Any] | None]":
    """Return the ANN's samples and their labels, of the shape that the ANN reads."""
    from snn2hw.ann.runtime import sample_shape
    from snn2hw.files.samples import read_samples

    if not args.ann_input:
        return None, None
    shape = None if args.ann is None else sample_shape(args.ann)
    return read_samples(args.ann_input, "the ANN's samples", shape)


def _tell(report: "EnergyReport", device: dict[str, Any] | None, args: argparse.Namespace, reply: Reply) -> None:
    from snn2hw.files.json_file import write_json

    facts = report.to_json() | ({} if device is None else {"device": device})
    reply.fact(**facts)
    reply.line(report)
    if device is not None:
        for name, found in (("this program", device["snn"]), ("the ANN, 8 bit", device["ann"])):
            if found:
                sizes = ", ".join(f"{found[part]:,} bytes of {part}" for part in ("flash", "ram", "stack"))
                reply.line(
                    f"{device['title']}, {name}: {found['instructions']:,.0f} instructions an inference, {sizes}"
                )
        reply.line(device["note"])
    if args.output:
        write_json(args.output, facts)
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


def _decoder(fed: "FedProgram") -> "Decoder | None":
    """Return how the output is read, as raster or program says; a count of what never fires is its mean."""
    said = fed.raster.decoder or fed.purpose.decoder
    return "mean" if said == "count" and not fed.program.output.fires else said
