"""Executors that go wrong, each in its own way."""

import os
import time
from dataclasses import replace

from sim.engines import run
from sim.errors import MissingToolError, ToolError, UnsupportedError
from sim.trace import RECORDABLE


def honest(program, raster, *, timeout_s, folder=None):
    return run(program, raster, record=RECORDABLE, allow_wrap=True)


def one_wrong_bit(program, raster, *, timeout_s, folder=None):
    """Sample 3 of the whole raster is the one whose first message is 2."""
    trace = honest(program, raster, timeout_s=timeout_s)
    for sample in range(len(raster)):
        if raster[sample].max() == 2:
            trace.u["second"][sample, 4, 1] ^= 1
    return trace


def one_wrong_count(program, raster, *, timeout_s, folder=None):
    trace = honest(program, raster, timeout_s=timeout_s)
    trace.counts.synops_by_connection["second"][0, 0] += 1
    return trace


def forgets_a_register(program, raster, *, timeout_s, folder=None):
    return replace(honest(program, raster, timeout_s=timeout_s), u={})


def another_program(program, raster, *, timeout_s, folder=None):
    return replace(honest(program, raster, timeout_s=timeout_s), digest="0" * 64)


def crashes(program, raster, *, timeout_s, folder=None):
    print("about to crash", flush=True)
    os.abort()


def raises(program, raster, *, timeout_s, folder=None):
    raise RuntimeError("my own bug")


def refuses(program, raster, *, timeout_s, folder=None):
    raise UnsupportedError("population 'second': this format has no recurrence", "use another")


def is_missing(program, raster, *, timeout_s, folder=None):
    raise MissingToolError("the tool is not installed", "install it")


def fails(program, raster, *, timeout_s, folder=None):
    raise ToolError("the tool failed: out of ink", "fill it")


def hangs(program, raster, *, timeout_s, folder=None):
    time.sleep(3600)


def is_late(program, raster, *, timeout_s, folder=None):
    time.sleep(timeout_s + 0.2)
    return honest(program, raster, timeout_s=timeout_s)
