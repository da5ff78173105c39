"""Run a program on an input, bit for bit, and say what it did.

snn2hw run P.nir --input X.npz --record spikes,u,v -o TRACE.npz
snn2hw run P.nir --input samples/ --scheduler tcp://127.0.0.1:8786
"""

import argparse
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from sim.cures import one_of
from sim.engines import ENGINES, run
from sim.errors import InputError
from sim.layer_names import layer_names
from sim.program import Program
from sim.summary import printable
from sim.trace import RECORDABLE, Record
from snn2hw.codec.decode import DECODERS, Decoder
from snn2hw.commands.many import INPUT_HELP, many_options
from snn2hw.commands.options import option
from snn2hw.commands.reply import Reply
from snn2hw.files.rasters import RasterFacts
from snn2hw.purpose import Purpose

if TYPE_CHECKING:
    from snn2hw.chunks.chunked_run import RunTotals
    from snn2hw.commands.fed import FedSamples

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
    parser.add_argument("--input", required=True, metavar="X.npz", help=INPUT_HELP)
    option(parser, "--engine", run, f"{', '.join(ENGINES)}, or auto; all give the same result", metavar="NAME")
    kept = "what to keep (default: spikes)"
    parser.add_argument("--record", type=_record, default=("spikes",), metavar="spikes,u,v", help=kept)
    parser.add_argument("--decoder", choices=DECODERS, help="how labels are judged (max; count where the output fires)")
    parser.add_argument("--allow-wrap", action="store_true", help="count wraps of u instead of refusing them")
    many_options(parser)
    parser.add_argument("-o", "--output", metavar="TRACE.npz", help="where to write the trace")


def _record(text: str) -> tuple[Record, ...]:
    words = tuple(w for w in text.split(",") if w)
    for word in words:
        if word not in RECORDABLE:
            raise argparse.ArgumentTypeError(f"{word!r} cannot be recorded; name {one_of(word, RECORDABLE)}")
    return tuple(r for r in RECORDABLE if r in words)


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Run the program."""
    from sim.files import check_output
    from snn2hw.commands.fed import read_fed_samples
    from snn2hw.commands.many import check_many
    from snn2hw.purpose import same_classes

    check_many(args)
    if args.output:
        check_output(args.output)
    fed = read_fed_samples(args.program, args.input)
    program, facts, purpose = fed.program, fed.samples.facts, fed.purpose
    rule = _rule(program, facts.decoder or purpose.decoder, args.decoder)
    if same_classes(purpose, facts):
        _check_labels(program, facts, args.input)
    totals = _run(fed, rule, args)
    reply.line("\n".join(_summary(program, totals)))
    reply.fact(**_facts(program, totals))
    _decide(facts, totals, rule, purpose, reply)
    certificate = fed.file.attachments.get("certificate")
    covered = certificate.get("steps") if isinstance(certificate, Mapping) else None
    if isinstance(covered, int) and totals.steps > covered:
        reply.line(
            f"{totals.steps} steps; certified for {covered}: snn2hw certify {args.program} --steps {totals.steps}"
        )
    if args.output:
        reply.wrote(args.output)
    return 0


def _run(fed: "FedSamples", rule: Decoder, args: argparse.Namespace) -> "RunTotals":
    """Run all samples, and write what is recorded."""
    from snn2hw.chunks.chunked_run import Asked, run_samples
    from snn2hw.chunks.spool import trace_spool
    from snn2hw.commands.many import runner_of
    from snn2hw.commands.progress import progress_bar

    record = args.record if args.output else ()
    asked = Asked(args.engine, record, bool(args.output), args.allow_wrap, decoder=rule)
    samples = fed.samples
    with ExitStack() as stack:
        spool = stack.enter_context(trace_spool(args.output)) if args.output else None
        progress = stack.enter_context(progress_bar(samples.count * samples.steps, args.engine, "step"))
        runner = stack.enter_context(runner_of(args, progress))
        keep = None if spool is None else spool.add
        totals = run_samples(fed.program, samples, asked, runner=runner, size=args.chunk, keep=keep)
        if spool is not None:
            spool.write(args.output, totals.digest)
    return totals


def _rule(program: Program, said: Decoder | None, asked: Decoder | None) -> Decoder:
    """Return how the output is held against the labels: as asked, as raster or program says, or as fits the output."""
    fires = program.output.fires
    if asked is None:
        asked = said or ("count" if fires else "max")
        # a network trained with count on a readout was judged by the sum of v: the same classes as its mean
        return "mean" if asked == "count" and not fires else asked
    if asked == "count" and not fires:
        raise InputError(
            f"output {program.output.name!r} never fires, there is nothing to count", "use max, mean or last"
        )
    return asked


def _check_labels(program: Program, facts: RasterFacts, where: str) -> None:
    labels, classes = facts.labels, program.output.size
    if labels is None or not labels.size:
        return
    if labels.min() < 0 or labels.max() >= classes:
        what = f"{where}: labels {labels.min()}..{labels.max()}"
        raise InputError(what, f"the output has {classes} neurons: use 0..{classes - 1}")


def _summary(program: Program, totals: "RunTotals") -> list[str]:
    from tabulate import tabulate

    samples, steps, counts = totals.samples, totals.steps, totals.counts
    layers = layer_names(program)
    rows = [
        [
            layers[p.name],
            *(f"{n.mean():,.1f}" for n in (counts.synops[p.name], counts.spikes[p.name])),
            f"{counts.spikes[p.name].mean() / (p.size * steps):.2%}",
            *(int(n.sum()) for n in (counts.wraps[p.name], counts.clips[p.name])),
        ]
        for p in program.populations
    ]
    headers = ["population", "synops/sample", "spikes/sample", "rate", "wraps", "clips"]
    return [
        f"program {program.digest[:12]}, {samples} samples of {steps} steps",
        tabulate(rows, headers=headers, colalign=("left", *["right"] * 5), disable_numparse=True),
    ]


def _facts(program: Program, totals: "RunTotals") -> dict[str, Any]:
    """Return what `_summary` tells, per population and sample, for a program to read."""
    samples, steps, counts = totals.samples, totals.steps, totals.counts
    kinds = {"synops": counts.synops, "spikes": counts.spikes, "wraps": counts.wraps, "clips": counts.clips}
    rows = [
        {"name": p.name, "shape": list(p.shape)} | {kind: [int(n) for n in of[p.name]] for kind, of in kinds.items()}
        for p in program.populations
    ]
    return {"digest": program.digest, "samples": samples, "steps": steps, "populations": rows}


def _decide(facts: RasterFacts, totals: "RunTotals", rule: Decoder, purpose: Purpose, reply: Reply) -> None:
    """Say what was answered, in words where the program has some, and how often that was right."""
    from snn2hw.purpose import same_classes

    samples, answers = totals.samples, totals.answers
    assert answers is not None
    classes = None if purpose.classes is None else list(purpose.classes)
    reply.fact(decoder=rule, answers=answers.tolist(), classes=classes)
    if classes is not None:
        given = {name: int((answers == i).sum()) for i, name in enumerate(classes)}
        reply.line("answers: " + ", ".join(f"{printable(name)} {n}" for name, n in given.items() if n))
    if facts.labels is not None and same_classes(purpose, facts):
        right = int((answers == facts.labels).sum())
        reply.fact(right=right)
        reply.line(f"accuracy {right / samples:.2%} ({right} of {samples}; {DECISIONS[rule]})")
    elif facts.labels is not None:
        ours, theirs = (printable(", ".join(names or ())) for names in (purpose.classes, facts.classes))
        reply.line(f"no accuracy: the program answers {ours}; the labels mean {theirs}")
