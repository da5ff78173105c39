"""Start a Dask scheduler and workers on this machine, for `--scheduler`; a worker that dies is replaced.

snn2hw cluster --workers 4          prints tcp://127.0.0.1:PORT, and ends with Ctrl-C

Whoever reaches a scheduler can have its workers run anything: only this machine is listened to unless --host says so.
"""

import argparse
import time

from snn2hw.commands.options import at_least
from snn2hw.commands.reply import Reply

__all__ = ["configure", "execute"]

LOOKS_S = 0.2


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="worker processes (default: 2)")
    what = "the address that is listened to (default: 127.0.0.1, this machine alone)"
    parser.add_argument("--host", default="127.0.0.1", metavar="HOST", help=what)
    parser.add_argument("--port", type=int, default=0, metavar="P", help="of the scheduler (default: any free one)")
    parser.add_argument("--seconds", type=float, metavar="S", help="end after so long (default: with Ctrl-C)")


def execute(args: argparse.Namespace, reply: Reply) -> int:
    """Serve."""
    from sim.errors import InputError
    from snn2hw.cluster.local import LocalCluster

    at_least(1, "--workers", args.workers)
    if not 0 <= args.port < 1 << 16:
        raise InputError(f"--port {args.port}", "give a number in 0..65535")
    if args.seconds is not None and not 0 < args.seconds < float("inf"):
        raise InputError(f"--seconds {args.seconds:g}", "give a number of seconds above 0")
    with LocalCluster(args.workers, host=args.host, port=args.port) as cluster:
        reply.line(f"{cluster.address}, {args.workers} workers")
        deadline = None if args.seconds is None else time.monotonic() + args.seconds
        while deadline is None or time.monotonic() < deadline:
            time.sleep(LOOKS_S)
            cluster.tend()
        reply.fact(address=cluster.address, workers=args.workers, replaced=cluster.replaced)
    return 0
