"""Say what a model is, and everything that keeps it from being compiled, each with what to write instead.

  snn2hw check net.nir --dialect snntorch --target loihi1

Exit code 0: it compiles. 1: it does not, and the list says why.
"""

import argparse
import json
from typing import TYPE_CHECKING

from snn2hw.commands.model import configure_model, source_of

if TYPE_CHECKING:
    from snn2hw.chips.preflight import Size
    from snn2hw.problems import Problem
    from snn2hw.sources.source import Source

__all__ = ["configure", "execute"]

SCHEMA = "snn2hw.check/1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    configure_model(parser)
    parser.add_argument("--target", metavar="T", help="loihi1, loihi2, fixed, or a .toml file: check its limits too")
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(args: argparse.Namespace) -> int:
    """Check the model."""
    from sim.errors import Snn2hwError
    from snn2hw.chips.preflight import check, measure, rounded
    from snn2hw.problems import ProblemsError

    try:
        source = source_of(args)
    except ProblemsError as error:  # it cannot even be read: that is the answer
        print(_json(error.origin, None, None, list(error.problems), []) if args.json else _lines(list(error.problems)))
        return 1
    problems = check(source, args.target)
    try:
        size = measure(source)
    except Snn2hwError:
        size = None  # it does not lower, and the problems say why
    near = rounded(source)
    if args.json:
        print(_json(source.origin, source, size, problems, near))
    else:
        print(_text(source, size, problems, near))
    return 1 if problems else 0


def _text(source: "Source", size: "Size | None", problems: "list[Problem]", near: "list[Problem]") -> str:
    from snn2hw.sources.from_nir import RESETS

    rules = source.semantics
    reset = RESETS[source.reset]
    lines = [
        source.origin,
        f"  dt {source.dt:g} s, {source.scheme}, reset {reset}, fires at v {rules.fires_at} v_threshold",
        *(f"  note: {note}" for note in source.notes),
    ]
    if size is not None:
        lines.append(
            f"  {size.spiking:,} spiking and {size.readout:,} readout neurons in {size.populations} populations, "
            f"{size.synapses:,} synapses, {size.weights:,} weights, depth {size.depth}"
        )
    return "\n".join([*lines, *(f"  rounded: {p}" for p in near), _lines(problems)])


def _lines(problems: "list[Problem]") -> str:
    if not problems:
        return "no problem found"
    count = f"{len(problems)} problem{'s'[: len(problems) != 1]}:"
    return "\n".join([count, *(f"  {problem}" for problem in problems)])


def _json(
    origin: str, source: "Source | None", size: "Size | None", problems: "list[Problem]", near: "list[Problem]"
) -> str:
    said = {} if source is None else {"dt": source.dt, "scheme": source.scheme, "reset": source.reset}
    return json.dumps(
        {
            "schema": SCHEMA,
            "origin": origin,
            **said,
            "dialect": None if source is None else source.semantics.name,
            "notes": [] if source is None else list(source.notes),
            "size": None if size is None else size.to_json(),
            "rounded": [problem.to_json() for problem in near],
            "problems": [problem.to_json() for problem in problems],
        },
        indent=2,
    )
