"""An exported folder that lacks what it runs on says so in one message, with the exit code of what did not run."""

import subprocess
import sys

import numpy as np
import pytest

from exporters.registry import export
from sim.program import Connection, Dense, Input, Population, Program

PROGRAM = Program(
    Input((2,)), (Population("p", (2,), (Connection("input", Dense(np.eye(2, dtype=int) * 64)),), vth=1),)
)


@pytest.mark.parametrize(
    ("to", "script", "missing", "said"),
    [
        ("onnx", "run_onnx.py", "onnxruntime", "needs onnxruntime and numpy"),
        ("onnx", "run_onnx.py", "numpy", "needs onnxruntime and numpy"),
        ("lava", "run_lava.py", "lava", "needs lava-nc 0.10"),
        ("lava", "run_lava.py", "numpy", "needs numpy"),
        ("netx", "run_netx.py", "lava", "needs lava-nc 0.10"),
    ],
)
def test_a_folder_without_its_package_exits_with_2(to, script, missing, said, tmp_path):
    folder = tmp_path / to
    export(PROGRAM, to, folder, np.ones((1, 3, 2), np.uint8))
    code = (
        f"import runpy, sys; sys.modules[{missing!r}] = None; sys.path.insert(0, {str(folder)!r})\n"
        f"sys.argv = [{script!r}]; runpy.run_path({str(folder / script)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
