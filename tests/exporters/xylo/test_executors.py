"""Xylo programs as ONNX and as C, beside the reference and the fast engine: every spike, current and membrane."""

import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest

import snn2hw as sw
from exporters import to_c, to_golden, to_onnx
from exporters.c_export import build as c_build
from exporters.c_export.tables import state_bytes
from exporters.onnx_export.model import step_model
from sim.compare import first_divergence
from sim.engines import run
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.trace import recordable
from tests.exporters.xylo.networks import random_xylo

SATURATING = 2
"""A seed whose program saturates."""


def reference(program, raster):
    return run(program, raster, engine="reference", record=recordable(program))


def assert_equal(seed, **space):
    program, raster = random_xylo(seed, **space)
    expected = reference(program, raster)
    quick = run(program, raster, engine="fast", record=recordable(program))
    assert first_divergence(program, expected, quick) is None
    for executor in (to_onnx, to_c):
        assert first_divergence(program, expected, executor.execute(program, raster)) is None, executor.__name__
    return any(n.any() for n in expected.counts.clips.values())


@pytest.mark.parametrize("seed", range(12))
def test_all_of_them_do_what_the_reference_does(seed):
    assert_equal(seed)


@pytest.mark.full
def test_all_of_them_do_so_for_300_programs_of_which_a_third_saturates():
    clipped = sum(assert_equal(seed, widest=8 if seed % 10 else 60) for seed in range(1000, 1300))
    assert clipped > 100


def readout():
    """Return a program of a convolution, whose state before step 0 is not 0, and a readout."""
    rng = np.random.default_rng(0)
    taps = Connection("input", Conv(rng.integers(-128, 128, (3, 2, 2, 3)), padding=(0, 1), stride=(1, 2)), 6)
    image = Population(
        "image", (3, 2, 3), [taps], arithmetic="xylo", most=31, theta=900, dash_syn=3, i0=30_000, i20=-9, v0=-32_768
    )
    heard = Connection("image", Dense(rng.integers(-128, 128, (4, 18))), 2, lag=2, port=1)
    out = Population("out", (4,), [heard], arithmetic="xylo", fires=False, dash_mem=0, bias=-20_000)
    raster = rng.integers(0, 16, (2, 25, 2, 3, 5))
    return Program(Input((2, 3, 5), 0, 15), (image, out), arithmetic="xylo"), raster


@pytest.mark.parametrize("executor", [to_onnx, to_c, to_golden])
def test_convolutions_lags_first_states_and_readouts_are_written_too(executor):
    program, raster = readout()
    expected = reference(program, raster)
    assert first_divergence(program, expected, executor.execute(program, raster)) is None
    assert all(n.any() for n in expected.counts.clips.values())


def test_verify_takes_them_all():
    program, raster = random_xylo(SATURATING)
    verdict = sw.verify(program, raster, against=("fast", "onnx", "c", "golden"))
    assert [row.status for row in verdict.rows] == ["baseline", *4 * ["equal"]]


@pytest.mark.parametrize("seed", [SATURATING, 5])
def test_the_single_step_fed_its_own_states_is_the_sequence(seed, tmp_path):
    program, raster = random_xylo(seed)
    sw.export(program, "onnx", tmp_path / "onnx", raster)
    once, steps = (getattr(to_onnx._runner(), how)(tmp_path / "onnx", raster) for how in ("run", "run_steps"))
    assert {name: values.tolist() for name, values in once.items()} == {name: steps[name].tolist() for name in once}


def test_there_is_no_floating_point_in_the_model():
    model = step_model(random_xylo(SATURATING)[0])
    graphs = [model.graph, *(a.g for node in model.graph.node for a in node.attribute if a.name.endswith("_branch"))]
    assert len(graphs) > 2
    assert {i.data_type for i in model.graph.initializer} <= {onnx.TensorProto.INT64, onnx.TensorProto.UINT8}
    casts = [a.i for graph in graphs for node in graph.node if node.op_type == "Cast" for a in node.attribute]
    assert set(casts) <= {onnx.TensorProto.INT64, onnx.TensorProto.UINT8}


def test_the_runner_says_equal_or_which_value_is_not(tmp_path):
    program, raster = random_xylo(SATURATING)
    folder = tmp_path / "onnx"
    sw.export(program, "onnx", folder, raster)
    runner = [sys.executable, folder / "run_onnx.py"]
    assert subprocess.run(runner, capture_output=True, text=True, check=True).stdout.startswith("equal: ")
    with np.load(folder / "golden.npz") as stored:
        golden = {name: stored[name] for name in stored.files}
    golden["i2.a"][1, 3, 0] += 1
    np.savez(folder / "golden.npz", **golden)
    done = subprocess.run(runner, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "population 'a': i2 at (sample, step, neuron) (1, 3, 0)" in done.stdout


def test_the_c_folder_builds_under_the_sanitizers_and_replays_its_golden_vectors(tmp_path):
    if not shutil.which("gcc") and not shutil.which("clang"):
        pytest.skip("the address sanitizer needs gcc or clang")
    program, raster = random_xylo(SATURATING)
    sw.export(program, "c", tmp_path / "c", raster)
    c_build.build(tmp_path / "c", tmp_path / "snn", flags=c_build.SANITIZERS)
    golden = tmp_path / "c" / "golden.bin"
    done = subprocess.run([tmp_path / "snn", golden], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout[:7]) == (0, "equal: "), done.stderr
    damaged = bytearray(golden.read_bytes())
    damaged[-1 - program.output.size] ^= 4  # the last v
    golden.write_bytes(damaged)
    done = subprocess.run([tmp_path / "snn", golden], capture_output=True, text=True, check=False)
    assert (done.returncode, f"neuron {program.output.size - 1}, step {raster.shape[1] - 1}: v is" in done.stdout) == (
        1,
        True,
    )
    assert f"State: {state_bytes(program)} bytes of RAM" in (tmp_path / "c" / "program.h").read_text()


@pytest.mark.parametrize("to", ["onnx", "c"])
def test_the_artifact_says_nothing_is_lost(tmp_path, to):
    artifact = sw.export(random_xylo(SATURATING)[0], to, tmp_path / to)
    assert json.loads((artifact.folder / "artifact.json").read_text())["losses"] == []
