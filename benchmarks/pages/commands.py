"""The page of commands, from their parsers."""

import argparse

from benchmarks.pages.markdown import MADE, cell, code, table
from snn2hw.commands import COMMANDS, parser_of

__all__ = ["commands_page"]

HEAD = """# Commands

{made}
Every command takes `--json` (one JSON document on standard output), `--debug` (tracebacks) and `--help`.
Exit code 0: done; 1: the answer is no; 2: bad usage or bad input. A program is a file, or `zoo:NAME`.

{verbs}
"""


def commands_page() -> str:
    """Return the page."""
    verbs = table(
        ("command", "what it does"), [(f"[{verb}](#snn2hw-{verb})", cell(c.summary)) for verb, c in COMMANDS.items()]
    )
    return HEAD.format(made=MADE, verbs=verbs) + "\n" + "\n".join(map(_command, COMMANDS))


def _command(verb: str) -> str:
    parser, _ = parser_of(verb)
    parts = [f"## snn2hw {verb}", code(parser.description or "")]
    rows = [_row(action) for action in parser._actions if action.dest not in ("help", "json")]
    if rows:
        parts.append(table(("option", "meaning"), rows))
    return "\n\n".join(parts) + "\n"


def _row(action: argparse.Action) -> tuple[str, str]:
    """Return how an argument is typed, and what it means, with what it may be."""
    value = _value(action)
    names = [" ".join(filter(None, (name, value))) for name in action.option_strings] or [value]
    said = [cell((action.help or "") % vars(action))]
    if action.choices is not None and action.metavar is not None:
        said.append("one of " + ", ".join(map(str, action.choices)))
    if action.required and action.option_strings:
        said.append("required")
    return ", ".join(f"`{cell(name)}`" for name in names), "; ".join(filter(None, said))


def _value(action: argparse.Action) -> str:
    """Return what stands for the value of an argument."""
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    named = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    match action.nargs:
        case "*":
            return f"[{named} ...]"
        case "+":
            return f"{named} ..."
        case "?":
            return f"[{named}]"
    return named
