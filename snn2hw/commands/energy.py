"""Count what a program does on an input, price it by several tables, and put an ANN beside it.

  snn2hw energy P.nir --input X.npz --ann CNN.onnx --ann-input F.npz -o ENERGY.json --plots FOLDER
  snn2hw energy P.nir --input X.npz --ann CNN.onnx --ann-input F.npz --also Q.nir Y.npz --also-ann SMALL.onnx F.npz
  snn2hw energy zoo:keywords --stream SOUND.wav --target loihi1 -o LISTENING.json

--stream prices a second of always-on listening to a sound, with an energy gate in front and without; the other side is
an ANN run every --hop seconds or, without --ann, a network of ReLUs of the program's shape, once a frame.
With several networks the answer is the front of each kind: accuracy against energy, under every table that prices both.
Every amount is a proxy with a band: nothing here is measured. Exit code 0 whoever wins.
"""

import argparse
from typing import TYPE_CHECKING, Any

from snn2hw.commands.many import INPUT_HELP, check_many, many_options, runner_of
from snn2hw.commands.options import at_least, option
from snn2hw.commands.reply import Reply

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.program import Program
    from snn2hw.chunks.samples import SampleSet
    from snn2hw.costs.report import EnergyReport
    from snn2hw.placement.placement import Placement

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from exporters.firmware.processors import PROCESSORS
    from snn2hw.costs.energy import energy
    from snn2hw.costs.price_files import table_names
    from snn2hw.files.samples import SAMPLES
    from snn2hw.placement.place import PLACERS

    parser.add_argument("program", metavar="P.nir", help="a program file")
    parser.add_argument("--input", metavar="X.npz", help=INPUT_HELP)
    parser.add_argument("--stream", metavar="SOUND.wav", help="a sound to listen to, in place of --input")
    parser.add_argument("--hop", type=float, metavar="S", help="with --stream: seconds from run to run of --ann")
    parser.add_argument(
        "--active", type=float, metavar="SHARE", help="with --stream: of the twin's activations, that are not zero"
    )
    parser.add_argument("--target", metavar="T", help="with --stream: the chip that updates the neurons (loihi1)")
    parser.add_argument("--ann", metavar="CNN.onnx", help="the conventional network to compare with")
    parser.add_argument(
        "--ann-input", metavar="F.npz", help=f"its samples (n, *shape) as array {' or '.join(map(repr, SAMPLES))}"
    )
    also: dict[str, Any] = {"nargs": 2, "action": "append", "default": None}
    parser.add_argument("--also", metavar=("Q.nir", "Y.npz"), help="another program and its input (repeatable)", **also)
    parser.add_argument(
        "--also-ann", metavar=("SMALL.onnx", "F.npz"), help="another ANN and its samples (repeatable)", **also
    )
    parser.add_argument(
        "--placer",
        choices=tuple(PLACERS),
        help="place it by its bound on the chip of its tables, and count messages and hops",
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
    parser.add_argument("--plots", metavar="FOLDER", help="where to draw energy.png and break_even.png, or fronts.png")
    many_options(parser)
    parser.add_argument("-o", "--output", metavar="ENERGY.json", help="where to write every number")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Count, price, print."""
    from snn2hw.commands.fed import read_fed_samples
    from snn2hw.commands.progress import progress_bar
    from snn2hw.costs.energy import TaskLabels, energy

    tables = _checked(args)
    if args.stream is not None:
        from snn2hw.commands.energy_stream import listen

        return listen(args, tables, _samples(args)[0], reply)
    if args.also or args.also_ann:
        from snn2hw.commands.energy_fronts import compare_many

        return compare_many(args, tables, reply)
    fed = read_fed_samples(args.program, args.input)
    samples, ann_labels = _samples(args)
    program, given = fed.program, fed.samples.first(args.samples)
    with (
        progress_bar(given.count * given.steps, args.engine, "step") as progress,
        runner_of(args, progress) as runner,
    ):
        report = energy(
            program,
            given,
            ann=args.ann,
            ann_inputs=None if samples is None else samples[: args.samples],
            task=TaskLabels(
                given.facts.labels,
                None if ann_labels is None else ann_labels[: args.samples],
                fed.decoder,
            ),
            tables=tables,
            engine=args.engine,
            confidence=args.confidence,
            placement=_placed(program, tables, args),
            runner=runner,
            chunk=args.chunk,
        )
    _tell(report, _on_device(args, program, given, samples), args, reply)
    return 0


def _placed(program: "Program", tables: tuple[str, ...], args: argparse.Namespace) -> "Placement | None":
    """Place the program, where a placer is named, on the chip that the tables price."""
    from sim.errors import InputError
    from snn2hw.costs.price_files import get_table
    from snn2hw.placement.place import place

    if args.placer is None:
        return None
    chips = {table.chip for table in map(get_table, tables) if table.chip is not None}
    if len(chips) != 1:
        said = " and ".join(sorted(chips)) or "no chip"
        raise InputError(f"--placer {args.placer}: the tables are of {said}", "name those of one chip: --tables A,B")
    return place(program, chips.pop(), placer=args.placer)


def _checked(args: argparse.Namespace) -> tuple[str, ...]:
    """Refuse what cannot be meant before anything is read; return the names of the price tables."""
    from sim.errors import InputError
    from sim.files import check_folder, check_output
    from snn2hw.commands.energy_checks import check_device, refuse_mixed
    from snn2hw.costs.price_files import TABLES

    at_least(1, "--samples", args.samples)
    refuse_mixed(args)
    check_many(args)
    if args.ann_input and not args.ann:
        raise InputError("--ann-input without --ann", "name the network that reads these samples: --ann CNN.onnx")
    tables = TABLES if args.tables is None else tuple(t.strip() for t in args.tables.split(",") if t.strip())
    if not tables:
        raise InputError(f"--tables {args.tables!r} names no table", f"name some of: {', '.join(TABLES)}")
    check_device(args)
    if args.output:
        check_output(args.output)
    if args.plots:
        check_folder(args.plots)
    return tables


def _on_device(
    args: argparse.Namespace, program: "Program", given: "SampleSet", samples: "NDArray[Any] | None"
) -> dict[str, Any] | None:
    """Count both as firmware, where a device is named."""
    if not args.device:
        return None
    from snn2hw.costs.on_device import on_device

    _, spikes = next(given.chunks(program, given.count))
    chosen = None if samples is None else samples[: args.samples]
    return on_device(program, spikes, args.device, ann=args.ann, ann_inputs=chosen)


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
