"""Run a program on an input, bit for bit, and say what it did.

snn2hw run P.nir --input X.npz --record spikes,u,v -o TRACE.npz
"""

import argparse
from collections.abc import Mapping

from sim.engines import ENGINES
from sim.errors import InputError
from sim.program import Program
from sim.trace import RECORDABLE, Record, Trace
from snn2hw.codec.decode import DECODERS, Decoder, decide
from snn2hw.files.rasters import Raster

__all__ = ["configure", "execute"]

DECISIONS: dict[Decoder, str] = {
    "max": "class of the greatest v over time",
    "last": "class of the greatest v at the end",
    "mean": "class of the greatest mean v",
    "count": "class of the most spikes",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("program", metavar="P.nir", help="a program file")
    parser.add_argument("--input", required=True, metavar="X.npz", help="array 'spikes' (B, T, *shape), maybe 'labels'")
    parser.add_argument("--engine", default="fast", help=f"{', '.join(ENGINES)} (fast): all give the same result")
    parser.add_argument("--record", type=_record, default=("spikes",), metavar="spikes,u,v", help="what to keep")
    parser.add_argument("--decoder", choices=DECODERS, help="how labels are judged (max; count where the output fires)")
    parser.add_argument("--allow-wrap", action="store_true", help="count wraps of u instead of refusing them")
    parser.add_argument("-o", "--output", metavar="TRACE.npz", help="where to write the trace")


def _record(text: str) -> tuple[Record, ...]:
    words = tuple(w for w in text.split(",") if w)
    for word in words:
        if word not in RECORDABLE:
            raise argparse.ArgumentTypeError(f"{word!r} cannot be recorded; choose from {','.join(RECORDABLE)}")
    return tuple(r for r in RECORDABLE if r in words)


def execute(args: argparse.Namespace) -> int:
    """Run the program."""
    from exporters.program_file import read_program_file
    from sim.engines import run
    from sim.files import check_output
    from sim.raster import check_raster
    from snn2hw.commands.progress import progress_bar
    from snn2hw.files.rasters import read_raster, write_trace

    if args.output:
        check_output(args.output)
    found = read_program_file(args.program)
    raster = read_raster(args.input, found.program.input.shape)
    program, steps = found.program, raster.spikes.shape[1]
    check_raster(program, raster.spikes)
    rule = _rule(program, raster, args.decoder)
    _check_labels(program, raster, args.input)
    with progress_bar(raster.spikes.shape[0] * steps, args.engine, "step") as progress:
        trace = run(
            program,
            raster.spikes,
            engine=args.engine,
            record=args.record if args.output else (),
            allow_wrap=args.allow_wrap,
            progress=progress,
        )
    print(_summary(program, raster, trace, rule))
    certificate = found.attachments.get("certificate")
    covered = certificate.get("steps") if isinstance(certificate, Mapping) else None
    if isinstance(covered, int) and steps > covered:
        print(f"{steps} steps; certified for {covered}: snn2hw certify {args.program} --steps {steps}")
    if args.output:
        write_trace(args.output, trace)
        print(f"wrote {args.output}")
    return 0


def _rule(program: Program, raster: Raster, asked: Decoder | None) -> Decoder:
    """Return how the output is held against the labels: as asked, as the raster says, or as fits the output."""
    fires = program.output.fires
    if asked is None:
        asked = raster.decoder or ("count" if fires else "max")
        # a network trained with count on a readout was judged by the sum of v: the same classes as its mean
        return "mean" if asked == "count" and not fires else asked
    if asked == "count" and not fires:
        raise InputError(
            f"output {program.output.name!r} never fires, there is nothing to count", "use max, mean or last"
        )
    return asked


def _check_labels(program: Program, raster: Raster, where: str) -> None:
    labels, classes = raster.labels, program.output.size
    if labels is None or not labels.size:
        return
    if labels.min() < 0 or labels.max() >= classes:
        what = f"{where}: labels {labels.min()}..{labels.max()}"
        raise InputError(what, f"the output has {classes} neurons: use 0..{classes - 1}")


def _summary(program: Program, raster: Raster, trace: Trace, rule: Decoder) -> str:
    from tabulate import tabulate

    samples, steps = raster.spikes.shape[:2]
    counts = trace.counts
    rows = [
        [
            p.name,
            "x".join(map(str, p.shape)),
            *(f"{n.mean():,.1f}" for n in (counts.synops[p.name], counts.spikes[p.name])),
            f"{counts.spikes[p.name].mean() / (p.size * steps):.2%}",
            *(int(n.sum()) for n in (counts.wraps[p.name], counts.clips[p.name])),
        ]
        for p in program.populations
    ]
    headers = ["population", "shape", "synops/sample", "spikes/sample", "rate", "wraps", "clips"]
    lines = [
        f"program {program.digest[:12]}, {samples} samples of {steps} steps",
        tabulate(rows, headers=headers, colalign=("left", "left", *["right"] * 5), disable_numparse=True),
    ]
    if raster.labels is not None:
        right = int((decide(trace.output.reshape(samples, steps, -1), rule) == raster.labels).sum())
        lines.append(f"accuracy {right / samples:.2%} ({right} of {samples}; {DECISIONS[rule]})")
    return "\n".join(lines)
