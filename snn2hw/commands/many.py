"""Options of the verbs that take more samples than one machine, or its memory, holds: said once for all of them."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from snn2hw.commands.options import at_least

if TYPE_CHECKING:
    from snn2hw.chunks.chunked_run import Runner
    from snn2hw.cluster.client import Cluster

__all__ = ["INPUT_HELP", "check_many", "chunk_option", "cluster_of", "many_options", "runner_of", "scheduler_option"]

INPUT_HELP = "array 'spikes' (B, T, *shape), maybe 'labels'; or a folder of such files"


def scheduler_option(parser: argparse.ArgumentParser) -> None:
    """Declare which machines do the work."""
    what = "have the workers of this Dask scheduler do the work, such as tcp://127.0.0.1:8786"
    parser.add_argument("--scheduler", metavar="ADDRESS", help=what)


def chunk_option(parser: argparse.ArgumentParser) -> None:
    """Declare how many samples are in memory at once."""
    parser.add_argument("--chunk", type=int, metavar="N", help="samples at once (default: as many as 64 MiB hold)")


def many_options(parser: argparse.ArgumentParser) -> None:
    """Declare both."""
    scheduler_option(parser)
    chunk_option(parser)


def check_many(args: argparse.Namespace) -> None:
    """Refuse what cannot be meant, before anything is read."""
    at_least(1, "--chunk", getattr(args, "chunk", None))
    if args.scheduler is not None:
        from snn2hw.cluster.address import check_address

        check_address(args.scheduler)


@contextmanager
def cluster_of(args: argparse.Namespace) -> "Iterator[Cluster | None]":
    """Connect with the scheduler that is named, if one is."""
    if args.scheduler is None:
        yield None
        return
    from snn2hw.cluster.client import connected

    with connected(args.scheduler) as cluster:
        yield cluster


@contextmanager
def runner_of(args: argparse.Namespace, progress: Callable[[int], object]) -> "Iterator[Runner]":
    """Yield who runs chunks: this process, or the workers of the scheduler."""
    from snn2hw.chunks.chunked_run import Here

    with cluster_of(args) as cluster:
        if cluster is None:
            yield Here(progress)
        else:
            from snn2hw.cluster.runs import RunThere

            yield RunThere(cluster, progress)
