"""Say what a model is, and everything that keeps it from being compiled, each with what to write instead.

  snn2hw check net.nir --dialect snntorch --target loihi1

Exit code 0: it compiles. 1: it does not, and the list says why.
"""

import argparse
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from snn2hw.commands.model import certified_for, configure_model, rewrite_option, source_of
from snn2hw.commands.reply import Reply
from snn2hw.commands.target import configure_target

if TYPE_CHECKING:
    from snn2hw.chips.capacity import CoresNeeded
    from snn2hw.chips.preflight import Size
    from snn2hw.problems import Problem
    from snn2hw.sources.source import Source

__all__ = ["configure", "execute"]

SCHEMA = "snn2hw.check/1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    configure_model(parser)
    configure_target(parser, more=": check its limits too")
    rewrite_option(parser)


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Check the model."""
    from sim.errors import Snn2hwError
    from snn2hw.chips.preflight import check, cores, measure, rounded
    from snn2hw.problems import ProblemsError

    try:
        source = source_of(args)
    except ProblemsError as error:  # it cannot even be read: that is the answer
        problems = list(error.problems)
        reply.fact(**_document(error.origin, Found(problems), None))
        reply.line(_lines(problems))
        return 1
    _, messages = certified_for(args.model, None)
    problems = check(source, args.target, messages=messages or (0, 1), rewrite=args.rewrite)
    found = Found(problems, rounded(source), rewrites=_rewrites(source, args))
    with suppress(Snn2hwError):  # what does not lower has no size, and the problems say why
        found = replace(found, size=measure(source))
        if args.target is not None:
            found = replace(found, cores=cores(source, args.target))
    reply.fact(**_document(source.origin, found, source))
    reply.line(_text(source, found))
    return 1 if problems else 0


@dataclass(frozen=True)
class Found:
    """What is said of a model; a size and cores only of one that can be counted."""

    problems: "list[Problem]"
    near: "list[Problem]" = field(default_factory=list)
    size: "Size | None" = None
    cores: "CoresNeeded | None" = None
    rewrites: tuple[str, ...] = ()


def _rewrites(source: "Source", args: argparse.Namespace) -> tuple[str, ...]:
    """Return what --rewrite makes of the layers of which the target lacks something."""
    from sim.errors import InputError, Snn2hwError
    from snn2hw.chips.rewrite import rewritten
    from snn2hw.chips.target import get_target
    from snn2hw.network.lowering import network_of

    if not args.rewrite:
        return ()
    if args.target is None:
        raise InputError("--rewrite says what a chip lacks in other words", "name the chip: --target loihi1")
    try:
        network = network_of(source)
    except Snn2hwError:
        return ()  # what stops the model is for `check` to say
    return tuple(f"node {done.layer.name!r}: {done}" for done in rewritten(network, get_target(args.target))[1])


def _text(source: "Source", found: Found) -> str:
    from snn2hw.sources.from_nir import RESETS

    rules = source.semantics
    reset = RESETS[source.reset]
    lines = [
        source.origin,
        f"  dt {source.dt:g} s, {source.scheme}, reset {reset}, fires at v {rules.fires_at} v_threshold",
        *(f"  note: {note}" for note in source.notes),
    ]
    size, needed = found.size, found.cores
    if size is not None:
        lines.append(
            f"  {size.spiking:,} spiking and {size.readout:,} readout neurons in {size.populations} populations, "
            f"{size.synapses:,} synapses, {size.weights:,} weights, depth {size.depth}"
        )
    if needed is not None and needed.limited:
        lines.append(f"  at least {needed.least:,} cores, for its {needed.decisive}; once placed it may take more")
    return "\n".join(
        [
            *lines,
            *(f"  rewritten: {said}" for said in found.rewrites),
            *(f"  rounded: {p}" for p in found.near),
            _lines(found.problems),
        ]
    )


def _lines(problems: "list[Problem]") -> str:
    if not problems:
        return "no problem found"
    count = f"{len(problems)} problem{'s'[: len(problems) != 1]}:"
    return "\n".join([count, *(f"  {problem}" for problem in problems)])


def _document(origin: str, found: Found, source: "Source | None") -> dict[str, Any]:
    said = {} if source is None else {"dt": source.dt, "scheme": source.scheme, "reset": source.reset}
    return {
        "schema": SCHEMA,
        "origin": origin,
        **said,
        "dialect": None if source is None else source.semantics.name,
        "notes": [] if source is None else list(source.notes),
        "size": None if found.size is None else found.size.to_json(),
        "cores": None if found.cores is None else found.cores.to_json(),
        "rewritten": list(found.rewrites),
        "rounded": [problem.to_json() for problem in found.near],
        "problems": [problem.to_json() for problem in found.problems],
    }
