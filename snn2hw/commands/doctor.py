"""Say what is installed here, which extra brings what is not, and which executors can be compared with.

  snn2hw doctor
  snn2hw doctor --warm      compile the kernels of the fast engine ahead of the first run

The last line says all of it at once: paste it into a report of a fault.
"""

import argparse
import sys

__all__ = ["configure", "execute"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--warm", action="store_true", help="compile the kernels of the fast engine now")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def execute(args: argparse.Namespace) -> int:
    """Look, and say."""
    import json
    from time import perf_counter

    from tabulate import tabulate

    from snn2hw.doctor import diagnose, warm_up

    if args.warm:
        start = perf_counter()
        warm_up(lambda what: print(f"compiling for {what}", file=sys.stderr))
        print(f"kernels are compiled ({perf_counter() - start:.1f} s)", file=sys.stderr)
    seen = diagnose()
    if args.json:
        print(json.dumps(seen.to_json(), indent=1))
        return 0
    rows = [(t.name, t.kind, t.found or "missing", "" if t.found else t.get) for t in seen.things]
    print(tabulate(rows, ("name", "kind", "found", "to get it"), disable_numparse=True))
    warm = f"{seen.kernels} in the cache" if seen.kernels else "none in the cache: snn2hw doctor --warm compiles them"
    print(f"\nkernels: {warm}\nchips: {', '.join(seen.chips)}, or a .toml file\n\n{seen.line}")
    return 0
