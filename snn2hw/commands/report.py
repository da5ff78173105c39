"""Make one page of a program and of whatever was made of it: proven or not, accuracy, resources, energy, activity.

  snn2hw report out/demo -o report.html                     everything that lies in a folder
  snn2hw report P.nir X.npz verdict.json energy.json place.json word.wav -o report.html
  snn2hw report zoo:keywords yes.wav no.wav -o report.html

The page needs no network and no other file; the same lies beside it as JSON. What was not run, it says, and
what to type. An input is run here, in integers, for activity and examples.
"""

import argparse

from snn2hw.commands.options import at_least, option
from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from snn2hw.page.collect import collect

    what = "a folder, or files: a program (or zoo:NAME), an input, sounds, JSON of verify, energy and place"
    parser.add_argument("files", nargs="+", metavar="FOLDER|FILE", help=what)
    parser.add_argument("-o", "--output", required=True, metavar="REPORT.html", help="where to write the page")
    option(parser, "--samples", collect, "at most so many of the input are run", metavar="N")
    option(parser, "--engine", collect, "the engine that runs them", metavar="NAME")
    parser.add_argument("--float", metavar="MODEL", help="the float network, to be judged on the same input")
    parser.add_argument("--dt", type=float, metavar="S", help="seconds per step of a .nir file given to --float")
    parser.add_argument("--dialect", metavar="D", help="the framework that wrote that .nir file")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Collect, write, say what was found."""
    from snn2hw.commands.model import load_source
    from snn2hw.page.collect import collect
    from snn2hw.page.write import check_report, write_report

    at_least(1, "--samples", args.samples)
    check_report(args.output)
    source = None if args.float is None else load_source(args.float, dt=args.dt, dialect=args.dialect)
    made = write_report(collect(args.files, samples=args.samples, engine=args.engine, source=source), args.output)
    reply.fact(**made.dossier.to_json())
    reply.line(made.dossier.headline)
    for answer in made.dossier.answers:
        reply.line(f"  {answer.question:<26} {answer.word}")
    missing = [part.what for section in made.dossier.sections for part in section.missing]
    if missing:
        reply.line(f"not in it, with the command that adds it on the page: {'; '.join(missing)}")
    reply.wrote(made.page)
    reply.wrote(made.json)
    return 0
