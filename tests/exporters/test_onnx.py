"""The ONNX export computes what the reference computes, as one step and as a sequence, in ONNX Runtime."""

import subprocess
import sys

import numpy as np
import onnx
import pytest

from exporters import to_onnx
from exporters.onnx_export.model import step_model
from exporters.onnx_export.planes import split
from sim.compare import first_divergence
from sim.engines import run
from sim.errors import FileError, MachineError, UnsupportedError
from sim.program import Connection, Dense, Input, Population, Program
from sim.trace import RECORDABLE
from tests.programs import run_of

FLOATS = {onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE, onnx.TensorProto.FLOAT16}


@pytest.mark.parametrize("seed", range(25))
def test_onnx_equals_the_reference(seed):
    program, raster, trace = run_of(seed)
    assert first_divergence(program, trace, to_onnx.execute(program, raster)) is None


@pytest.mark.full
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_onnx_equals_the_reference_on_many_more_programs(seed):
    test_onnx_equals_the_reference(seed)


@pytest.mark.parametrize("seed", range(40, 48))
def test_the_single_step_fed_its_own_states_equals_the_reference(seed, tmp_path):
    program, raster, trace = run_of(seed)
    to_onnx.export(program, tmp_path / "onnx", raster)
    found = to_onnx._runner().run_steps(tmp_path / "onnx", raster)
    for p in program.populations:
        np.testing.assert_array_equal(found[f"spikes.{p.name}"], trace.spikes[p.name])
        np.testing.assert_array_equal(found[f"u.{p.name}"], trace.u[p.name])
        np.testing.assert_array_equal(found[f"v.{p.name}"], trace.v[p.name])


def test_there_is_no_floating_point_in_the_models():
    for seed in range(10):
        model = step_model(run_of(seed)[0])
        onnx.checker.check_model(model, full_check=True)
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
        kinds = {v.type.tensor_type.elem_type for v in [*inferred.value_info, *inferred.input, *inferred.output]}
        kinds |= {i.data_type for i in inferred.initializer}
        assert kinds
        assert not kinds & FLOATS


@pytest.mark.parametrize("seed", range(40))
def test_planes_add_up_to_the_values_they_split(seed):
    rng = np.random.default_rng(seed)
    limit = int(rng.choice([1, 127, 128, 254, 255, 256, 40_000, 2**30]))
    values = rng.integers(-limit, limit + 1, 50) * int(rng.choice([1, 2, 6]))
    planes = split(values)
    total = sum(p.scale * (p.values.astype(np.int64) - p.zero_point) for p in planes)
    np.testing.assert_array_equal(total, values)


def test_even_eight_bit_weights_of_both_signs_are_one_plane():
    assert len(split(np.arange(-256, 256, 2))) == 1
    assert len(split(np.arange(256))) == 1


def test_the_exported_folder_runs_by_itself_and_says_what_differs(tmp_path):
    program, raster, _ = run_of(3)
    to_onnx.export(program, tmp_path / "onnx", raster)
    words = [sys.executable, "-I", str(tmp_path / "onnx" / "run_onnx.py")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("equal: ")
    with np.load(tmp_path / "onnx" / "golden.npz") as arrays:
        golden = {name: arrays[name] for name in arrays.files}
    name = program.output.name
    golden[f"v.{name}"].reshape(-1)[0] += 1
    np.savez(tmp_path / "onnx" / "golden.npz", **golden)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"population '{name}': v at (sample, step, neuron) (0, 0" in done.stdout


@pytest.mark.parametrize("model", ["sequence.onnx", "step.onnx"])
def test_a_flipped_weight_bit_in_the_artifact_is_found_at_its_population(tmp_path, model):
    first = Population("first", (3,), (Connection("input", Dense(np.eye(3, dtype=int) * 9)),), vth=4)
    second = Population("second", (2,), (Connection("first", Dense([[5, 6, 7], [1, 2, 3]])),), vth=5, dv=9)
    program, raster = Program(Input((3,)), (first, second)), np.ones((1, 4, 3), np.uint8)
    to_onnx.export(program, tmp_path / "onnx", raster)
    path = tmp_path / "onnx" / model
    damaged = path.read_bytes()
    stored = bytes([5, 1, 6, 2, 7, 3])
    assert damaged.count(stored) == 1
    path.write_bytes(damaged.replace(stored, bytes([5, 1, 6, 2, 7, 2])))
    found = first_divergence(
        program, run(program, raster, record=RECORDABLE), to_onnx.execute(program, raster, folder=tmp_path / "onnx")
    )
    assert (found.population, found.neuron, found.step, found.register) == ("second", (1,), 0, "u")
    words = [sys.executable, "-I", str(tmp_path / "onnx" / "run_onnx.py")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{model}: population 'second': u at ")


def test_a_damaged_model_is_one_error(tmp_path):
    program, raster, _ = run_of(0)
    to_onnx.export(program, tmp_path / "onnx")
    (tmp_path / "onnx" / "sequence.onnx").write_bytes(b"not a model")
    with pytest.raises(FileError, match="ONNX Runtime cannot run it"):
        to_onnx.execute(program, raster, folder=tmp_path / "onnx")


def test_a_run_that_leaves_the_machine_is_refused():
    program = Program(Input((1,), 0, 2), (Population("p", (1,), (Connection("input", Dense([[2**20]])),), vth=1),))
    with pytest.raises(MachineError, match=r"step 1 leaves the machine: \|a\| >= 2\^21"):
        to_onnx.execute(program, np.array([[[0], [2]]]))


def test_sums_that_may_leave_int32_are_refused_by_population():
    wide = np.full((1, 40_000), 255)
    program = Program(Input((40_000,), 0, 255), (Population("p", (1,), (Connection("input", Dense(wide)),)),))
    with pytest.raises(UnsupportedError, match="population 'p': the sums of its connection from 'input' may leave"):
        to_onnx.execute(program, np.zeros((1, 1, 40_000), np.uint8))
