"""The exported folder runs by itself, notices what was changed in it, and is whole or absent."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from exporters.lava import run as run_lava
from exporters.lava.install import find_python
from exporters.to_lava import export
from sim.compare import first_divergence
from sim.engines import run
from sim.errors import InputError, UnsupportedError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.trace import RECORDABLE


def _network():
    """A convolution, a pool, a recurrent dense layer and a readout: what the compiler emits."""
    rng = np.random.default_rng(3)
    conv = Conv(rng.integers(-30, 60, (3, 2, 3, 3)), padding=(1, 1))
    pool = Conv(np.ones((3, 1, 2, 2), int), stride=(2, 2), groups=3)
    hidden = (
        Connection("pool", Dense(rng.integers(-300, 400, (5, 18)))),
        Connection("hidden", Dense(rng.integers(-9, 9, (5, 5))), lag=1),
    )
    return Program(
        Input((2, 4, 6)),
        (
            Population("conv", (3, 4, 6), (Connection("input", conv),), vth=[[[40]], [[60]], [[80]]], dv=400),
            Population("pool", (3, 2, 3), (Connection("conv", pool),), vth=0, du=4095, dv=4095),
            Population("hidden", (5,), hidden, vth=300, dv=100, du=2000, bias_mantissa=50, bias_exponent=3),
            Population("out", (4,), (Connection("hidden", Dense(rng.integers(-9, 9, (4, 5)))),), dv=50, fires=False),
        ),
    )


def _run(folder, *words):
    command = [str(find_python()), str(folder / "run_lava.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=120, check=False)


def _change(folder, name, place, bit):
    arrays = dict(np.load(folder / "arrays.npz"))
    arrays[name][place] ^= 1 << bit
    np.savez(folder / "arrays.npz", **arrays)


def test_the_folder_runs_by_itself_and_prints_equal(tmp_path):
    artifact = export(_network(), tmp_path / "lava")
    result = _run(tmp_path / "lava")
    assert (result.returncode, result.stdout.splitlines()[-1]) == (0, "equal"), result.stderr
    assert [line for line in result.stdout.splitlines() if line.startswith("loss: ")] == [
        f"loss: {loss}" for loss in artifact.losses
    ]
    left = {p.relative_to(artifact.folder).as_posix() for p in artifact.folder.rglob("*") if p.is_file()}
    assert left == {*artifact.files, "artifact.json"}  # a run leaves the folder as it was


def test_a_flipped_weight_bit_is_reported_at_its_population(tmp_path):
    export(_network(), tmp_path / "lava")
    _change(tmp_path / "lava", "weight.hidden.0.0", (0, 3), 3)
    result = _run(tmp_path / "lava")
    said = dict(line.removeprefix("population ").split(": ", 1) for line in result.stdout.splitlines() if ": " in line)
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1] == "NOT equal"
    assert (said["'conv'"], said["'pool'"]) == ("equal", "equal")
    assert "u is " in said["'hidden'"]


def test_a_flipped_weight_bit_is_found_by_running_the_folder(tmp_path):
    program = _network()
    export(program, tmp_path / "lava")
    raster = (np.random.default_rng(4).random((2, 6, 2, 4, 6)) < 0.5).astype(int)
    expected = run(program, raster, record=RECORDABLE)
    for executor in ("graph", "classes"):
        assert first_divergence(program, expected, run_lava(program, raster, executor=executor)) is None
    _change(tmp_path / "lava", "weight.conv.0", (1, 2, 0, 1), 4)
    for executor in ("graph", "classes"):
        got = run_lava(program, raster, executor=executor, folder=tmp_path / "lava")
        found = first_divergence(program, expected, got)
        assert (found.population, found.register, found.neuron[0]) == ("conv", "u", 1)


def test_samples_of_your_own_are_written_as_a_trace(tmp_path):
    program = _network()
    export(program, tmp_path / "lava")
    raster = (np.random.default_rng(5).random((2, 7, 2, 4, 6)) < 0.4).astype(int)
    np.savez(tmp_path / "x.npz", spikes=raster)
    assert (
        _run(tmp_path / "lava", "--input", str(tmp_path / "x.npz"), "--output", str(tmp_path / "y.npz")).returncode == 0
    )
    trace, written = run(program, raster, record=RECORDABLE), np.load(tmp_path / "y.npz")
    for name in program.by_name:
        for register in RECORDABLE:
            np.testing.assert_array_equal(written[f"{register}.{name}"], getattr(trace, register)[name])
    np.savez(tmp_path / "x.npz", spikes=2 * raster)
    refused = _run(tmp_path / "lava", "--input", str(tmp_path / "x.npz"))
    assert refused.returncode == 1
    assert "expected messages in 0..1" in refused.stderr


def test_hardware_without_intels_runtime_says_so(tmp_path):
    export(_network(), tmp_path / "lava")
    result = _run(tmp_path / "lava", "--hardware")
    assert result.returncode == 2
    assert "Loihi2HwCfg needs Intel's lava-loihi" in result.stderr
    assert "Traceback" not in result.stderr


def test_golden_vectors_are_the_callers_samples(tmp_path):
    raster = np.ones((1, 3, 2, 4, 6), dtype=int)
    export(_network(), tmp_path / "lava", raster)
    np.testing.assert_array_equal(np.load(tmp_path / "lava" / "golden.npz")["input"], raster)


def test_what_cannot_be_exported_leaves_no_folder(tmp_path):
    loop = (Connection("a", Dense([[1]])),)
    late = Program(
        Input((1,)),
        (
            Population("a", (1,), (Connection("input", Dense([[1]])), Connection("b", Dense([[1]]), lag=1))),
            Population("b", (1,), loop),
        ),
    )
    with pytest.raises(UnsupportedError, match="lies on the cycle"):
        export(late, tmp_path / "lava")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="holds files that no exporter wrote"):
        export(_network(), tmp_path / "mine")
    assert [p.name for p in Path(tmp_path / "mine").iterdir()] == ["thesis.txt"]
