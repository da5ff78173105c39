"""The firmware on four kinds of processors, in QEMU: every spike, u and v; instructions; sizes."""

import os
import subprocess
from functools import cache

import numpy as np
import pytest

import snn2hw as sw
from exporters.firmware.emulate import find_qemu
from exporters.firmware.install import find_python
from exporters.firmware.plan import firmware_plan
from exporters.firmware.processors import PROCESSORS, QemuMachine
from exporters.firmware.sizes import sizes_of_plan
from exporters.program_file import read_program
from exporters.to_firmware import execute, export, measure
from sim.compare import first_divergence
from sim.engines import run
from sim.errors import MachineError, MissingToolError
from sim.program import Connection, Dense, Input, Population, Program
from sim.trace import recordable
from snn2hw.commands import main
from snn2hw.verification import verify
from snn2hw.zoo import located
from tests.exporters.firmware.programs import calm_program, sparse_raster
from tests.programs import random_program, random_raster
from tests.rows import a_third

KINDS = tuple(PROCESSORS)
STEPS_OF_THE_DEMO = 16


def _missing():
    try:
        find_python()
        for processor in PROCESSORS.values():
            find_qemu(processor)
    except MissingToolError as error:
        return str(error)
    return ""


pytestmark = pytest.mark.skipif(bool(_missing()), reason=_missing())


def _assert_equal(program, raster, processor):
    trace = run(program, raster, record=recordable(program), allow_wrap=True)
    found = execute(program, raster, processor=processor)
    assert first_divergence(program, trace, found) is None


@cache
def _norse():
    """Return a Norse network of the other tests, compiled, with a raster."""
    from tests.golden.sources import source_of

    program = sw.compile(source_of("norse/SCNN"), "loihi1", None, steps=12)
    return program, sparse_raster(np.random.default_rng(3), program, steps=12, share=0.4)


@cache
def _zoo(name):
    program = read_program(located(f"zoo:{name}"))
    return program, sparse_raster(np.random.default_rng(4), program, samples=1, steps=25, share=0.8)


@cache
def _demo():
    from snn2hw.demo.exhibit import example

    exhibit = example()
    program = sw.compile(exhibit.source, "loihi1", exhibit.calibration)
    return program, exhibit.test[:2].reshape(2, STEPS_OF_THE_DEMO, *program.input.shape)


@pytest.mark.parametrize("processor", KINDS)
@pytest.mark.parametrize("name", ["digits", "keywords"])
def test_programs_of_the_zoo_are_equal_on_every_processor(name, processor):
    _assert_equal(*_zoo(name), processor)


@pytest.mark.parametrize("processor", a_third(KINDS))
def test_a_norse_network_is_equal_on_every_processor(processor):
    _assert_equal(*_norse(), processor)


def _random(seed):
    rng = np.random.default_rng(seed)
    if seed % 2:
        program = calm_program(rng)
        return program, sparse_raster(rng, program)
    program = random_program(rng)
    return program, random_raster(rng, program)


@pytest.mark.parametrize(("seed", "processor"), [(0, "m4"), (1, "m4"), (2, "rv32"), (3, "rv32"), (4, "m0"), (5, "m33")])
def test_random_programs_are_equal(seed, processor):
    _assert_equal(*_random(seed), processor)


@pytest.mark.full
@pytest.mark.parametrize("processor", ["m4", "rv32"])
@pytest.mark.parametrize("seed", range(100, 200))
def test_many_more_random_programs_are_equal(seed, processor):
    _assert_equal(*_random(seed), processor)


def test_the_demo_needs_a_fifth_of_17_million_instructions_and_half_of_the_ram_of_before():
    """Before: the C of `export --to c`, 28.2 to 31.0 million instructions and 76,756 bytes for these clips on an M4."""
    measured = measure(*_demo(), processor="m4")
    assert measured.instructions.sum(axis=(1, 2)).max() < 17_000_000 / 5
    assert measured.image.ram < 76_756 / 2
    again = measure(*_demo(), processor="m4")
    np.testing.assert_array_equal(measured.instructions, again.instructions)


def test_input_that_stays_is_summed_once():
    program, raster = _demo()
    first = measure(program, raster[:1], processor="m4").instructions[0, :, 1]
    assert first[0] > 3 * first[1:].max()


@pytest.mark.parametrize("processor", KINDS)
def test_an_image_takes_what_was_stated_before_it_was_built(processor):
    for program, raster in (_zoo("digits"), _random(0), _random(2)):
        stated, found = sizes_of_plan(firmware_plan(program)), measure(program, raster[:1], processor=processor)
        own_input = program.input.shape[0] * 4 * np.prod(program.input.shape[1:], dtype=int) + 64
        assert stated.ram <= found.image.ram <= stated.ram + own_input  # bare.c has a buffer for an input
        assert stated.tables * 0.8 < found.image.flash <= stated.tables + stated.code
        assert 0 < found.stack <= stated.stack


def test_verify_names_the_first_difference_of_a_changed_folder(tmp_path):
    first = Population("first", (3,), (Connection("input", Dense(np.eye(3, dtype=int) * 9)),), vth=4)
    second = Population("second", (2,), (Connection("first", Dense([[5, 6, 7], [1, 2, 3]])),), vth=5, dv=9)
    program, raster = Program(Input((3,)), (first, second)), np.ones((1, 4, 3), np.uint8)
    folder = export(program, tmp_path / "f", raster).folder
    tables = folder / "src" / "program.c"
    text = tables.read_text()
    assert text.count("65541U") == 1  # 5 and 1, four bits wide
    tables.write_text(text.replace("65541U", "131077U"))
    verdict = verify(program, raster, ["mcu"], artifacts={"mcu": folder})
    assert verdict.rows[1].status == "differs"
    assert (verdict.rows[1].divergence.population, verdict.rows[1].divergence.neuron) == ("second", (1,))


def test_a_run_that_leaves_the_machine_is_refused_by_population():
    program = Program(Input((1,), 0, 2), (Population("p", (1,), (Connection("input", Dense([[2**20]])),), vth=1),))
    with pytest.raises(MachineError, match="population 'p' leaves the machine at step 1 of sample 0"):
        execute(program, np.array([[[0], [2]]]))


def test_code_for_the_m0_runs_on_an_m0(tmp_path):
    """The Cortex-M3 that usually stands for it would execute more than a Cortex-M0 has."""
    from exporters.firmware.build import cross_compile
    from exporters.firmware.emulate import emulate

    rng = np.random.default_rng(7)
    program = calm_program(rng)
    folder = export(program, tmp_path / "f", sparse_raster(rng, program, samples=1, steps=4)).folder
    script = folder / "replay" / "microbit.ld"
    memory = "MEMORY { FLASH (rx) : ORIGIN = 0, LENGTH = 256K  RAM (rw) : ORIGIN = 0x20000000, LENGTH = 16K }\n"
    script.write_text(memory + "INCLUDE sections.ld\n")
    microbit = PROCESSORS["m0"]._replace(machine=QemuMachine(("qemu-system-arm", "-M", "microbit"), script.name, 16))
    cross_compile(folder, "check.c", tmp_path / "x.elf", microbit, defines=("SNN_TRACE",), timeout_s=60)
    said = emulate(tmp_path / "x.elf", microbit, folder, program=program, timeout_s=60).said
    assert said.startswith("equal: samples 1, steps 4")


def test_the_makefile_cross_compiles_and_replays_in_qemu(tmp_path):
    rng = np.random.default_rng(8)
    program = calm_program(rng)
    folder = export(program, tmp_path / "f", sparse_raster(rng, program, samples=1, steps=4)).folder
    words = ["make", "-s", "check-m4", "check-rv32", "m0", f"ZIG={find_python()} -m ziglang cc"]
    done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("equal: samples 1, steps 4") == 2
    assert (folder / "build" / "m0.elf").is_file()


def test_doctor_knows_the_processors(capsys):
    assert main(["doctor"]) == 0
    assert "mcu-rv32" in capsys.readouterr().out


def test_without_qemu_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(os.environ, "PATH", "")
    with pytest.raises(MissingToolError, match="qemu-system-arm is not installed  fix: install QEMU"):
        execute(*_random(1))
