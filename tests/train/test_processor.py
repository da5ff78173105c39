"""A training has the threads it was given; memory that it frees is not given back, cleared and asked for again."""

import json
import os
import platform
import subprocess
import sys

import pytest

pytest.importorskip("torch")

FAULTS = """
import resource
import torch
from snn2hw.train.processor import compute_with, keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        torch.ones(16 * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
usual = faults()
compute_with(1)
faults()
print(usual, faults(), keep_freed_memory(), torch.get_num_threads())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_is_freed_is_used_again_without_asking_the_system():
    answer = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True, timeout=120)
    usual, kept, keeps, threads = answer.stdout.split()
    assert (keeps, threads) == ("True", "1")
    assert int(kept) < int(usual) / 8


THREADS = """
import json
import numpy
import torch
from threadpoolctl import threadpool_info
from snn2hw.train.processor import compute_with

compute_with(2)
compute_with(1)
print(json.dumps([[found["prefix"], found["num_threads"]] for found in threadpool_info()]))
"""


def test_neither_torch_nor_the_products_of_numpy_have_more_threads():
    words = [sys.executable, "-c", THREADS]
    more = os.environ | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    found = json.loads(subprocess.run(words, capture_output=True, check=True, timeout=120, env=more).stdout)
    assert found
    assert {threads for _, threads in found} == {1}


def test_another_c_library_is_left_alone(monkeypatch):
    from snn2hw.train import processor

    monkeypatch.setattr(processor.platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(processor.ctypes, "CDLL", None)
    assert processor.keep_freed_memory() is False
