"""A damaged program file is one clear error, or reads as if it were whole; never a crash, a hang or another Program."""

import subprocess
import sys

import pytest


def _fuzz(seed, count, timeout_s):
    """Run in a process of its own: a crash or a hang of the HDF5 library must fail the test, not the suite."""
    command = [sys.executable, "-m", "tests.exporters.fuzz", str(seed), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == 0, done.stderr
    refused, unharmed = map(int, done.stdout.split())
    assert refused + unharmed == count
    assert refused > count // 2


def test_flipped_bits_and_cut_files():
    _fuzz(0, 100, 120)


def test_flipped_bits_in_a_file_so_large_that_it_is_unpacked_on_trial():
    _fuzz(3, 40, 120)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(20))
def test_many_more_flipped_bits_and_cut_files(seed):
    _fuzz(seed, 1000, 600)
