"""Check the certificate that a program file carries, with a checker that shares no code with the compiler.

snn2hw certify P.nir                 is what the file claims true?
snn2hw certify P.nir --steps 1000    can anything overflow in samples of up to 1000 steps?

Exit code 0: every bound holds. 1: something is wrong, and the list says what.
"""

import argparse
from collections.abc import Mapping
from typing import Any

from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("program", metavar="P.nir", help="a program file")
    parser.add_argument("--steps", type=int, metavar="T", help="prove anew for samples of up to T steps")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Check, or prove and check."""
    from exporters.program_file import read_program_file
    from sim.errors import InputError
    from sim.layer_names import layer_names
    from snn2hw.commands.options import at_least
    from snn2hw.compiler.certify import prove
    from snn2hw.compiler.checker import check_certificate

    found = read_program_file(args.program)
    if args.steps is not None:
        at_least(1, "--steps", args.steps)
        stated: Any = prove(found.program, args.steps).to_json()
    else:
        stated = found.attachments.get("certificate")
    if not isinstance(stated, Mapping):
        raise InputError(f"{args.program}: carries no certificate", "prove one: snn2hw certify P.nir --steps T")
    faults = check_certificate(found.program, stated)
    if not faults:
        reply.line(_table(stated, layer_names(found.program)))
    reply.fact(digest=found.program.digest, holds=not faults, faults=faults, certificate=dict(stated))
    reply.line(
        "\n".join(faults) or f"every bound holds for messages {_span(stated['messages'])}, {stated['steps']} steps"
    )
    return 1 if faults else 0


def _span(pair: Any) -> str:
    return f"{pair[0]}..{pair[1]}"


def _table(stated: Mapping[str, Any], layers: Mapping[str, str]) -> str:
    from tabulate import tabulate

    rows = [[layers[name], *(_span(bounds[r]) for r in ("a", "u", "v"))] for name, bounds in stated["bounds"].items()]
    return tabulate(rows, ["population", "a", "u", "v before its clip"], disable_numparse=True)
