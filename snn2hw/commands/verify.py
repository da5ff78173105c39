"""Run a program on several executors and compare every spike, u and v with the reference.

  snn2hw verify P.nir --input X.npz --against reference,fast,lava,onnx,c -o VERDICT.json

Exit code 0: all agree. 1: one differs, refuses or could not run; the table says which, and where it differs first.
"""

import argparse
from pathlib import Path

from snn2hw.commands.many import INPUT_HELP, check_many, cluster_of, many_options
from snn2hw.commands.options import at_least, default_of, option
from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from snn2hw.verification import verify
    from snn2hw.verification.executors import executor_names

    usual = ",".join(default_of(verify, "against"))
    parser.add_argument("program", metavar="P.nir", help="a program file")
    parser.add_argument("--input", required=True, metavar="X.npz", help=INPUT_HELP)
    parser.add_argument(
        "--against",
        default=usual,
        metavar="A,B",
        help=f"some of {', '.join(executor_names())}, torch, module:function (default: {usual})",
    )
    parser.add_argument(
        "--artifact",
        action="append",
        default=[],
        type=_artifact,
        metavar="EXECUTOR=FOLDER",
        help="run the artifact in FOLDER instead of a fresh export; may be repeated",
    )
    parser.add_argument("--samples", type=int, metavar="N", help="use the first N samples only")
    late = "an executor fails that takes longer for one chunk of samples"
    option(parser, "--timeout", verify, late, parameter="timeout_s", metavar="SECONDS")
    many_options(parser)
    parser.add_argument("-o", "--output", metavar="VERDICT.json", help="where to write the verdict")


def _artifact(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not (name and equals and folder):
        raise argparse.ArgumentTypeError(f"{text!r} is not EXECUTOR=FOLDER; write for example c=build/c")
    return name, Path(folder)


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Verify."""
    from sim.errors import InputError
    from sim.files import check_output
    from snn2hw.commands.fed import read_fed_samples
    from snn2hw.commands.progress import progress_bar
    from snn2hw.files.json_file import write_json
    from snn2hw.verification import BASELINE, verify

    at_least(1, "--samples", args.samples)
    check_many(args)
    if not 0 < args.timeout < 1e9:
        raise InputError(f"--timeout {args.timeout:g}", "give a number of seconds above 0 and below 1e9")
    against = [name.strip() for name in args.against.split(",") if name.strip()]
    if {*against, *dict(args.artifact)} <= {BASELINE}:
        raise InputError(f"--against {args.against!r} compares the reference with nothing", "name another executor")
    if args.output:
        check_output(args.output)
    fed = read_fed_samples(args.program, args.input)
    samples = fed.samples.first(args.samples)
    with progress_bar(samples.count, "verify", "sample") as progress, cluster_of(args) as cluster:
        options = {"timeout_s": args.timeout, "progress": progress, "chunk": args.chunk}
        if cluster is None:
            verdict = verify(fed.program, samples, against, artifacts=dict(args.artifact), **options)
        else:
            from snn2hw.cluster.verified import verify_there

            if args.artifact:
                raise InputError("--artifact with --scheduler", "workers have no such folder: leave one of them out")
            verdict = verify_there(cluster, fed.program, samples, against, **options)
    reply.fact(**verdict.to_json())
    reply.line(f"program {verdict.digest[:12]}, {verdict.samples} samples of {verdict.steps} steps")
    reply.line(verdict)
    reply.line("equal" if verdict.equal else "NOT equal")
    if args.output:
        write_json(args.output, verdict.to_json())
        reply.wrote(args.output)
    return 0 if verdict.equal else 1
