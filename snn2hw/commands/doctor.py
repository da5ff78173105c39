"""Say what is installed here, which extra brings what is not, and which executors can be compared with.

  snn2hw doctor
  snn2hw doctor --warm      compile the kernels of the fast engine ahead of the first run

The last line says all of it at once: paste it into a report of a fault.
"""

import argparse
import sys

from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--warm", action="store_true", help="compile the kernels of the fast engine now")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Look, and say."""
    from time import perf_counter

    from tabulate import tabulate

    from snn2hw.doctor import diagnose, warm_up

    if args.warm:
        start = perf_counter()
        warm_up(lambda what: print(f"compiling for {what}", file=sys.stderr))
        print(f"kernels are compiled ({perf_counter() - start:.1f} s)", file=sys.stderr)
    seen = diagnose()
    reply.fact(**seen.to_json())
    rows = [(t.name, t.kind, t.found or "missing", "" if t.found else t.get) for t in seen.things]
    reply.line(tabulate(rows, ("name", "kind", "found", "to get it"), disable_numparse=True))
    warm = f"{seen.kernels} in the cache" if seen.kernels else "none in the cache: snn2hw doctor --warm compiles them"
    reply.line(f"\nkernels: {warm}\nchips: {', '.join(seen.chips)}, or a .toml file\n\n{seen.line}")
    return 0
