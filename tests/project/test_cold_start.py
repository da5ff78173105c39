"""First results where no kernel is compiled yet, in processor time: a clock also counts what others do."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from exporters.program_file import write_program
from sim.program import Connection, Conv, Dense, Input, Population, Program
from snn2hw.files.rasters import write_raster

ROOT = Path(__file__).parents[2]
SMALL = """
import sys
import numpy as np
import snn2hw as sw
wiring = sw.Dense(np.ones((3, 4), int))
program = sw.Program(sw.Input((4,)), (sw.Population("a", (3,), (sw.Connection("input", wiring),), vth=1, du=4095),))
assert sw.run(program, np.ones((1, 10, 4), int)).output.sum() == 30
assert not {"numba", "torch", "h5py", "onnx", "matplotlib"} & set(sys.modules)
"""


def _demo_size(rng):
    """Return a program of the size of the demo's: two convolutions and two dense layers over an image."""

    def weights(*shape):
        return rng.integers(-30, 31, shape)

    return Program(
        Input((1, 32, 32)),
        (
            Population("a", (12, 15, 15), [Connection("input", Conv(weights(12, 1, 3, 3), stride=(2, 2)))], vth=60),
            Population("b", (24, 7, 7), [Connection("a", Conv(weights(24, 12, 3, 3), stride=(2, 2)))], vth=90),
            Population("c", (128,), [Connection("b", Dense(weights(128, 1176)))], vth=150),
            Population("d", (10,), [Connection("c", Dense(weights(10, 128)))], vth=99),
        ),
    )


def _processor_s(words, folder):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(folder / "kernels")}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_first_small_run_of_a_process_takes_less_than_a_second(tmp_path):
    assert min(_processor_s(["-c", SMALL], tmp_path) for _ in range(2)) < 1.0


@pytest.mark.parametrize("samples", [8])
def test_the_first_run_of_a_machine_takes_less_than_three_seconds(tmp_path, samples):
    rng = np.random.default_rng(0)
    write_program(_demo_size(rng), tmp_path / "p.nir")
    write_raster(tmp_path / "x.npz", rng.integers(0, 2, (samples, 16, 1, 32, 32)))
    words = ["-m", "snn2hw", "run", "p.nir", "--input", "x.npz"]
    assert min(_processor_s(words, tmp_path) for _ in range(2)) < 3.0
