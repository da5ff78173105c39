"""The fixtures that users' own tests ask for: they pass on what is equal, and say where what is not first differs."""

from importlib.metadata import entry_points

import h5py  # noqa: F401 - pytester forgets what is imported first in a test, and h5py can be imported once only
import numpy as np
import pytest

from exporters.program_file import write_program
from sim.program import Connection, Dense, Input, Population, Program
from snn2hw.files.rasters import write_raster

pytest_plugins = ["pytester"]

TEST = """
import numpy as np
from snn2hw.files.rasters import read_raster

def test_exact(assert_bit_exact):
    assert_bit_exact("p.nir", read_raster("x.npz").spikes, against=("fast", "golden"))

def test_golden(assert_golden):
    assert_golden("p.nir", read_raster("x.npz").spikes, "kept/p.npz")
"""


def _program(weight):
    out = Population("out", (3,), (Connection("input", Dense(np.eye(3, dtype=int) * weight)),), fires=False)
    return Program(Input((3,)), (out,))


@pytest.fixture
def project(pytester):
    write_program(_program(9), pytester.path / "p.nir")
    write_raster(pytester.path / "x.npz", np.repeat(np.eye(3, dtype=np.uint8)[:, None], 4, axis=1))
    pytester.makepyfile(TEST)
    return pytester


def _run(project, *words):
    installed = "snn2hw" in {entry.name for entry in entry_points(group="pytest11")}
    return project.runpytest_subprocess(*([] if installed else ["-p", "snn2hw.pytest_plugin"]), *words)


def test_a_golden_trace_is_written_once_and_then_kept(project):
    _run(project).assert_outcomes(passed=1, failed=1)
    _run(project, "--snn2hw-golden").assert_outcomes(passed=2)
    _run(project).assert_outcomes(passed=2)


def test_another_program_or_another_input_is_found(project):
    _run(project, "--snn2hw-golden").assert_outcomes(passed=2)
    write_raster(project.path / "x.npz", np.repeat(np.eye(3, dtype=np.uint8)[::-1, None], 4, axis=1))
    found = _run(project)
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines(["kept/p.npz: output[[]0, 0, 0[]] is 576, now 0"])
    write_program(_program(8), project.path / "p.nir")
    found = _run(project)
    found.stdout.fnmatch_lines(["kept/p.npz: is of program *, not *"])


def test_an_executor_that_differs_fails_with_its_first_difference(project):
    project.makepyfile(
        wrong="""
        from dataclasses import replace
        from sim.engines import run
        from sim.trace import recordable

        def execute(program, raster, *, timeout_s, folder=None):
            trace = run(program, raster, record=recordable(program))
            trace.v["out"][1, 2, 0] += 1
            return trace
        """,
        test_wrong="""
        import pytest
        from snn2hw.files.rasters import read_raster

        def test_it(assert_bit_exact):
            assert_bit_exact("p.nir", read_raster("x.npz").spikes, against=("wrong:execute",))
        """,
    )
    project.syspathinsert()
    found = _run(project, "test_wrong.py")
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["*wrong:execute*differs*", "*step 2*"])
