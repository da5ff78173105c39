"""The C export computes what the reference computes, compiles without a warning and runs clean under the sanitizers."""

import shutil
import subprocess

import numpy as np
import pytest

from exporters import to_c
from exporters.c_export import build as c_build
from exporters.c_export.tables import state_bytes
from sim.compare import first_divergence
from sim.engines import run
from sim.errors import FileError, InputError, MachineError, ToolError, UnsupportedError
from sim.program import Connection, Dense, Input, Population, Program
from sim.trace import RECORDABLE
from tests.programs import run_of


def _assert_equal(seed):
    program, raster, trace = run_of(seed)
    assert first_divergence(program, trace, to_c.execute(program, raster)) is None


@pytest.mark.parametrize("seed", range(12))
def test_c_equals_the_reference(seed):
    _assert_equal(seed)


@pytest.mark.full
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_c_equals_the_reference_on_many_more_programs(seed):
    _assert_equal(seed)


@pytest.mark.parametrize("seed", [0, 5, 9])
def test_c_runs_clean_under_the_sanitizers(seed, tmp_path):
    if not shutil.which("gcc") and not shutil.which("clang"):
        pytest.skip("the address sanitizer needs gcc or clang")
    program, raster, trace = run_of(seed)
    to_c.export(program, tmp_path / "c", raster)
    c_build.build(tmp_path / "c", tmp_path / "snn", flags=c_build.SANITIZERS)
    found = c_build.run_binary(program, tmp_path / "snn", raster, tmp_path, timeout_s=60)
    for name in program.by_name:
        np.testing.assert_array_equal(found[f"v.{name}"], trace.v[name])


def test_the_exported_folder_builds_and_replays_its_golden_vectors(tmp_path):
    program, raster, _ = run_of(3)
    artifact = to_c.export(program, tmp_path / "c", raster)
    assert artifact.files == (
        "Makefile",
        "golden.bin",
        "main.c",
        "program.c",
        "program.h",
        "snn_runtime.c",
        "snn_runtime.h",
    )
    c_build.build(tmp_path / "c", tmp_path / "snn")
    golden = tmp_path / "c" / "golden.bin"
    done = subprocess.run([tmp_path / "snn", golden], capture_output=True, text=True, check=False)
    samples, steps = raster.shape[:2]
    assert done.returncode == 0
    assert done.stdout == f"equal: {samples} samples of {steps} steps, program {program.digest[:12]}\n"
    damaged = bytearray(golden.read_bytes())
    damaged[-1 - program.output.size] ^= 4  # the last v
    golden.write_bytes(damaged)
    done = subprocess.run([tmp_path / "snn", golden], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(
        f"population '{program.output.name}', neuron {program.output.size - 1}, step {steps - 1}: v"
    )


def test_a_flipped_weight_is_found_at_its_population(tmp_path):
    first = Population("first", (3,), (Connection("input", Dense(np.eye(3, dtype=int) * 9)),), vth=4)
    second = Population("second", (2,), (Connection("first", Dense([[5, 6, 7], [1, 2, 3]])),), vth=5, dv=9)
    program = Program(Input((3,)), (first, second))
    raster = np.ones((1, 4, 3), np.uint8)
    to_c.export(program, tmp_path / "c", raster)
    source = tmp_path / "c" / "program.c"
    text = source.read_text()
    assert text.count("5,1,6,2,7,3") == 1
    source.write_text(text.replace("5,1,6,2,7,3", "5,1,6,2,7,2"))
    found = first_divergence(
        program, run(program, raster, record=RECORDABLE), to_c.execute(program, raster, folder=tmp_path / "c")
    )
    assert (found.population, found.neuron, found.step, found.register) == ("second", (1,), 0, "u")


def test_the_header_states_the_ram_that_the_binary_really_has(tmp_path):
    program, _, _ = run_of(2)
    to_c.export(program, tmp_path)
    assert f"State: {state_bytes(program)} bytes of RAM" in (tmp_path / "program.h").read_text()
    if not shutil.which("size"):
        pytest.skip("binutils is not installed")
    words = [
        *c_build.find_compiler(),
        "-std=c11",
        "-O2",
        "-c",
        "-o",
        str(tmp_path / "p.o"),
        str(tmp_path / "program.c"),
    ]
    subprocess.run(words, check=True)
    listed = subprocess.run(["size", "-A", tmp_path / "p.o"], capture_output=True, text=True, check=True).stdout
    measured = sum(int(line.split()[1]) for line in listed.splitlines() if line.startswith(".bss"))
    assert 0 <= measured - state_bytes(program) <= 32 * 6  # alignment between the six buffers


def test_a_run_that_leaves_the_machine_is_refused_by_population(tmp_path):
    program = Program(Input((1,), 0, 2), (Population("p", (1,), (Connection("input", Dense([[2**20]])),), vth=1),))
    with pytest.raises(MachineError, match=r"population 'p' at step 1 of sample 0: \|a\| >= 2\^21"):
        to_c.execute(program, np.array([[[0], [2]]]))


def test_a_folder_of_another_program_or_format_is_refused(tmp_path):
    program, raster, _ = run_of(0)
    to_c.export(run_of(1)[0], tmp_path / "other")
    with pytest.raises(FileError, match="was made from program"):
        to_c.execute(program, raster, folder=tmp_path / "other")
    with pytest.raises(FileError, match=r"artifact\.json: cannot be read"):
        to_c.execute(program, raster, folder=tmp_path)


def test_without_a_compiler_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(c_build, "find_spec", lambda name: None)
    with pytest.raises(
        ToolError, match="no C compiler is installed  fix: install gcc or clang, or: pip install ziglang"
    ):
        c_build.find_compiler()


def test_too_large_a_program_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    program, _, _ = run_of(0)
    monkeypatch.setattr(to_c, "MAX_TABLE_BYTES", 1)
    with pytest.raises(UnsupportedError, match="more than a C compiler reads in reasonable time"):
        to_c.export(program, tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match="holds files that no exporter wrote"):
        to_c.export(run_of(0)[0], tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
