"""Explain a topic, or a command.

snn2hw help                  the topics
snn2hw help targets          one of them, as it is in this version
snn2hw help compile          the options of a command, as snn2hw compile --help
"""

import argparse
from collections.abc import Callable

from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="a topic or a command (default: list the topics)")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Explain it."""
    from sim.cures import one_of
    from sim.errors import InputError
    from snn2hw.commands import COMMANDS, parser_of

    topic = args.topic
    if topic is None:
        said = "\n".join(f"{name:<11} {what}" for name, (what, _) in TOPICS.items())
    elif topic in TOPICS:
        said = TOPICS[topic][1]()
    elif topic in COMMANDS:
        said = parser_of(topic)[0].format_help().rstrip()
    else:
        raise InputError(f"there is no topic or command {topic!r}", one_of(topic, (*TOPICS, *COMMANDS)))
    reply.fact(topic=topic, topics=sorted(TOPICS), text=said)
    reply.line(said)
    return 0


ENGINE_ROWS = {"reference": "The definition, in NumPy.", "fast": "The event-driven engine, in Numba."}


def _targets() -> str:
    from tabulate import tabulate

    from snn2hw.chips.target import get_target, target_names

    rows = [
        (t.name, t.title, t.arithmetic, "{}..{}".format(*t.weight_bits), " ".join(t.resets), t.most("most"))
        for t in map(get_target, target_names())
    ]
    headers = ("target", "what it is", "arithmetic", "weight bits", "resets", "spikes a step")
    return (
        f"{tabulate(rows, headers, disable_numparse=True)}\n\nA .toml file in the same form is a target too: every"
        " value of a shipped one says where it comes from.\ncheck --target T says whether a network fits; place says"
        " where its neurons go."
    )


def _executors() -> str:
    from snn2hw.verification.executors import executor_names, find_executor

    rows = []
    for name in executor_names():
        said = ENGINE_ROWS.get(name) or (find_executor(name).__doc__ or "").partition("\n")[0]
        rows.append(f"  {name:<13} {said}")
    return (
        "verify --against NAME,NAME compares every spike and state of these with the reference:\n"
        + "\n".join(rows)
        + "\ntorch, on CPU or GPU, and module:function of your own are executors too. doctor says which can run here."
    )


def _exporters() -> str:
    from exporters.registry import exporter_of, format_names

    said = [(name, (exporter_of(name).__doc__ or "").partition("\n")[0]) for name in format_names()]
    return "export --to FORMAT:\n" + "\n".join(f"  {name:<9} {what}" for name, what in said)


def _dialects() -> str:
    from snn2hw.sources.from_nir.dialects import dialect_names, dialect_of

    rows = "\n".join(f"  {name:<13} {dialect_of(name).summary}" for name in dialect_names())
    return f"A NIR file does not say who wrote it, and frameworks mean different things by it. --dialect NAME:\n{rows}"


def _prices() -> str:
    from snn2hw.costs.price_files import get_table, table_names

    rows = "\n".join(f"  {name:<20} {get_table(name).title}" for name in table_names())
    return f"energy prices what is counted, with a band; --tables A,B chooses:\n{rows}\nA .toml file is a table too."


def _files() -> str:
    return """A raster is an .npz: 'spikes' (samples, steps, *shape), integers, 0 for no message, and maybe 'labels'.
A network is a NIR file (.nir), a checkpoint of `train` (.pt), or package.module:function with --input-shape.
A program is a NIR file too (.nir): any NIR reader opens it; its record, digest, certificate and purpose are inside.
zoo:NAME is a trained program of the package wherever a program is taken.
A trace is an .npz with 'output', and 'spikes.NAME', 'u.NAME', 'v.NAME' of each population as recorded.
Verdicts, energy reports and placements are JSON: each names its schema; snn2hw/schemas in the package has them."""


def _exit() -> str:
    return """0    done, and the answer is yes
1    done, and the answer is no: not equal, not supported, out of limits, something found
2    wrong use, or an input that is refused; one message says what, where and the cure
130  stopped by Ctrl-C (143 by SIGTERM, 129 by SIGHUP); outputs are as they were"""


def _arithmetic() -> str:
    from tabulate import tabulate

    from sim.arithmetic.registry import ARITHMETICS, get_arithmetic

    said = []
    for arithmetic in map(get_arithmetic, ARITHMETICS):
        registers = [(r.name, f"{r.span[0]}..{r.span[1]}", r.default) for r in arithmetic.registers]
        states = ", ".join(f"{s.name} ({s.bits} bits, {s.overflow})" for s in arithmetic.states)
        table = tabulate(registers, ("register", "holds", "default"), disable_numparse=True)
        said.append(f"{arithmetic.name}: states {states}; resets {', '.join(arithmetic.resets)}\n{table}")
    return "\n\n".join(said)


TOPICS: dict[str, tuple[str, Callable[[], str]]] = {
    "targets": ("the chips, and what their machines can do", _targets),
    "arithmetic": ("registers and states of each machine", _arithmetic),
    "dialects": ("how each framework's NIR is read", _dialects),
    "executors": ("what a program is compared on", _executors),
    "exporters": ("the formats a program is written in", _exporters),
    "prices": ("the tables of energy", _prices),
    "files": ("what goes in and comes out", _files),
    "exit-codes": ("what a shell is told", _exit),
}
