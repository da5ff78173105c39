"""The part of `snn2hw energy` for several networks: the front of each kind."""

import argparse
from pathlib import Path

from snn2hw.commands.reply import Reply

__all__ = ["compare_many"]


def compare_many(args: argparse.Namespace, tables: tuple[str, ...], reply: Reply) -> int:
    """Count, judge and price every network, and print both fronts."""
    from snn2hw.ann.runtime import sample_shape
    from snn2hw.commands.fed import read_fed
    from snn2hw.commands.progress import progress_bar
    from snn2hw.costs.candidates import AnnEntry, SpikingEntry, energy_fronts
    from snn2hw.files.samples import read_samples

    programs = []
    for program, raster in ((args.program, args.input), *(args.also or ())):
        fed = read_fed(program, raster)
        labels = None if fed.raster.labels is None else fed.raster.labels[: args.samples]
        spikes = fed.spikes[: args.samples]
        programs.append(SpikingEntry(_name(program), fed.program, spikes, labels, fed.decoder))
    anns = []
    for onnx, file in _anns(args):
        samples, labels = read_samples(file, "the ANN's samples", sample_shape(onnx))
        anns.append(
            AnnEntry(_name(onnx), onnx, samples[: args.samples], None if labels is None else labels[: args.samples])
        )
    steps = sum(p.raster.shape[0] * p.raster.shape[1] for p in programs)
    with progress_bar(steps, args.engine, "step") as progress:
        fronts = energy_fronts(programs, anns, tables=tables, engine=args.engine, progress=progress)
    reply.found(fronts, args.output)
    if args.plots:
        from sim.files import make_folder
        from snn2hw.costs.plots import plot_fronts

        folder = make_folder(args.plots)
        plot_fronts(fronts, folder / "fronts.png")
        reply.wrote(folder / "fronts.png")
    return 0


def _anns(args: argparse.Namespace) -> list[tuple[str, str]]:
    """Return every ANN with its samples, without which its products with zero are not known."""
    from sim.errors import InputError

    if args.ann and not args.ann_input:
        raise InputError(f"--ann {args.ann} without --ann-input", "several networks are compared on samples: name them")
    first = [(args.ann, args.ann_input)] if args.ann else []
    return [*first, *((onnx, file) for onnx, file in args.also_ann or ())]


def _name(path: str) -> str:
    """Return what a network is called: its file as it was named, without the suffix."""
    return str(Path(path).with_suffix(""))
