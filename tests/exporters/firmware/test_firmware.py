"""The firmware's C, built for this machine under the sanitizers, computes what the reference computes."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from exporters import to_firmware
from exporters.c_export.build import SANITIZERS
from exporters.firmware.plan import firmware_plan
from exporters.firmware.rows import field_bits, packed
from exporters.firmware.sizes import sizes_of_plan
from exporters.firmware.tables import snn_program_h
from sim.arithmetic import V_MAX
from sim.engines import run
from sim.errors import FileError, InputError, UnsupportedError
from sim.program import Connection, Conv, Dense, Input, Population, Program
from tests.exporters.firmware.hosted import COMPILER, divergence, parted, run_here
from tests.exporters.firmware.programs import (
    calm_program,
    crowded_program,
    loops_of,
    sinking_program,
    sinking_raster,
    sparse_raster,
    tied_program,
    wide_program,
)
from tests.exporters.xylo.networks import random_xylo
from tests.programs import random_program, random_raster
from tests.rows import a_third, listed

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="the sanitizers need gcc or clang")
MULTIPLIES_IN_PARTS = ("-O1", *SANITIZERS, "-DSNN_LONG_MULTIPLY=0")
TIES = np.ones((1, 3, 6), np.uint8)


def _drawn(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    return program, random_raster(rng, program)


def _calm(seed):
    rng = np.random.default_rng(seed)
    program = calm_program(rng)
    return program, sparse_raster(rng, program, held=bool(seed % 2))


@needs_compiler
@pytest.mark.parametrize("seed", range(5))
def test_firmware_equals_the_reference_on_any_program(seed, tmp_path):
    assert divergence(*_drawn(seed), tmp_path) is None


@pytest.mark.full
@needs_compiler
@pytest.mark.parametrize("seed", range(1000, 1150))
def test_firmware_equals_the_reference_on_many_more_programs(seed, tmp_path):
    assert divergence(*_drawn(seed), tmp_path, *MULTIPLIES_IN_PARTS[: 9 * (seed % 2)]) is None


@needs_compiler
@pytest.mark.parametrize("seed", range(6))
def test_the_short_loops_equal_the_reference(seed, tmp_path):
    assert divergence(*_calm(seed), tmp_path, *MULTIPLIES_IN_PARTS[: 9 * (seed % 2)]) is None


@pytest.mark.full
@needs_compiler
@pytest.mark.parametrize("seed", range(100, 250))
def test_the_short_loops_equal_the_reference_on_many_more_programs(seed, tmp_path):
    assert divergence(*_calm(seed), tmp_path) is None


def test_random_programs_take_every_loop():
    neurons, sums = set(), set()
    for program in [_calm(seed)[0] for seed in range(40)] + [_drawn(seed)[0] for seed in range(20)]:
        found = loops_of(program)
        neurons, sums = neurons | found[0], sums | found[1]
    wide = loops_of(wide_program(np.random.default_rng(0)))
    assert neurons == {"LEAN", "LANES", "GENERAL"}
    assert {("LANES", 2), ("LANES", 4), ("LANES", 16), ("BYTES", 8), ("BYTES_GRADED", 8), ("32", 8), ("32", 16)} <= sums
    assert ("64", 32) in wide[1]
    headers = [snn_program_h(firmware_plan(_calm(seed)[0])) for seed in range(40)]
    for loop in ("LEAN_V", "LANES_U", "LANES_V"):
        known = [f"SNN_{loop}_KEEP" in header for header in headers if f"USES_{loop[:-2]} 1" in header]
        assert set(known) == {True, False}


@needs_compiler
@pytest.mark.parametrize("seed", range(2))
def test_sums_of_64_bits_equal_the_reference(seed, tmp_path):
    rng = np.random.default_rng(seed)
    program = wide_program(rng)
    assert [bank.bits for bank in firmware_plan(program).units[0].sums.banks] == [64]
    raster = np.where(np.arange(4) == rng.integers(0, 4, (2, 8, 1)), rng.integers(-1, 2, (2, 8, 1)), 0)
    assert divergence(program, raster, tmp_path) is None


@needs_compiler
@pytest.mark.parametrize(("reset", "loop"), [("zero", "LEAN"), ("subtract", "LANES")])
def test_neurons_at_their_threshold_fire_as_the_reference_does(reset, loop, tmp_path):
    program = tied_program(reset)
    assert firmware_plan(program).units[0].kernel == loop
    assert divergence(program, TIES, tmp_path) is None


def _crowded(seed):
    rng = np.random.default_rng(seed)
    program = crowded_program(rng, most=1 + seed % 2)
    return program, sparse_raster(rng, program, share=0.7)


@needs_compiler
@pytest.mark.parametrize("seed", range(4))
def test_more_messages_than_a_list_holds_are_all_added(seed, tmp_path):
    assert divergence(*_crowded(seed), tmp_path) is None


@needs_compiler
def test_v_sinks_to_its_lower_end_as_in_the_reference(tmp_path):
    program, raster = sinking_program(), sinking_raster()
    (unit, _) = firmware_plan(program).units
    assert (unit.kernel, unit.sinks) == ("LEAN", True)
    assert run(program, raster, record=("v",)).v["sinks"].min() == -V_MAX
    assert divergence(program, raster, tmp_path) is None


@pytest.mark.parametrize(("bias", "sinks"), [(0, False), (-191, False), (-192, True)])
def test_v_is_held_at_its_lower_end_only_where_it_may_get_there(bias, sinks):
    """Against a neuron driven down for as long as it moves: the bound leaves no place between the two."""
    one = Connection("input", Dense([[-127]]))
    p = Population("p", (1,), (one,), vth=9, dv=1024, bias_mantissa=bias, bias_exponent=7)
    program = Program(Input((1,), 0, 255), (p,))
    (unit,) = firmware_plan(program).units
    lowest = run(program, np.full((1, 200, 1), 255), record=("v",)).v["p"].min()
    assert (unit.kernel, unit.sinks, bool(lowest == -V_MAX)) == ("LEAN", sinks, sinks)


ONE_CHANGES = Program(
    Input((45,), 0, 9),
    (Population("p", (3,), (Connection("input", Dense(np.arange(135).reshape(3, 45) - 60)),), vth=9),),
)


def _one_changes():
    """Return steps each of which changes one value of the input, all of them in turn, and steps between that do not."""
    raster = np.zeros((1, 90, 45), dtype=np.int64)
    for place in range(45):
        raster[0, 2 * place + 1 :, place] = 1 + place % 9
    return raster


@needs_compiler
def test_an_input_that_changes_in_one_place_is_seen(tmp_path):
    assert firmware_plan(ONE_CHANGES).units[0].sums.held
    assert divergence(ONE_CHANGES, _one_changes(), tmp_path) is None


@needs_compiler
def test_a_run_that_leaves_the_machine_ends_with_its_population_and_step(tmp_path):
    program = Program(Input((1,), 0, 2), (Population("p", (1,), (Connection("input", Dense([[2**20]])),), vth=1),))
    to_firmware.write_sources(firmware_plan(program), tmp_path)
    code, said = run_here(program, np.array([[[0], [2]]]), tmp_path)
    assert (code, said) == (3, "population 0 leaves the machine at step 1 of sample 0\n")


HOLDS = """
#include <stdio.h>
#include "snn.h"
int main(void) {
    static const snn_input_t input[SNN_INPUT_SIZE] = {INPUT};
    snn_init();
    for (int step = 0; step < 5; step++)
        if (snn_step(step == 0 ? input : 0) != 0) return 1;
    for (uint32_t n = 0; n < SIZE; n++) printf("%ld ", (long)snn_read(SNN_V, SNN_OUTPUT, n));
}
"""


@needs_compiler
@pytest.mark.parametrize("seed", range(3))
def test_no_input_stands_for_that_of_the_step_before(seed, tmp_path):
    program, raster = _calm(seed)
    to_firmware.write_sources(firmware_plan(program), tmp_path)
    held = np.broadcast_to(raster[:1, :1], (1, 5, *program.input.shape))
    listed = ", ".join(map(str, held[0, 0].reshape(-1)))
    main = tmp_path / "main.c"
    main.write_text(HOLDS.replace("{INPUT}", f"{{{listed}}}").replace("n < SIZE", f"n < {program.output.size}"))
    sources = [tmp_path / "src" / "snn.c", tmp_path / "src" / "program.c", main]
    subprocess.run([COMPILER, "-std=c11", f"-I{tmp_path / 'src'}", "-o", tmp_path / "x", *sources], check=True)
    said = subprocess.run([tmp_path / "x"], capture_output=True, text=True, check=True).stdout
    assert list(map(int, said.split())) == run(program, held, record=("v",)).v["out"][0, -1].tolist()


MUTANTS = listed(Path(__file__).with_name("mutants.toml"), "runtime")


@needs_compiler
@pytest.mark.parametrize("mutant", a_third(MUTANTS))
def test_a_mistake_in_the_runtime_is_found(mutant, tmp_path):
    name, right, wrong = MUTANTS[mutant]
    cases = [(tied_program(), TIES), (tied_program("subtract"), TIES), (sinking_program(), sinking_raster())]
    cases += [(ONE_CHANGES, _one_changes()), _crowded(0), _crowded(1), _calm(0), _calm(1), _drawn(1), _drawn(2)]
    for k, (program, raster) in enumerate(cases):
        folder = tmp_path / str(k)
        to_firmware.write_sources(firmware_plan(program), folder)
        source = folder / "src" / name
        text = source.read_text()
        assert right in text
        source.write_text(text.replace(right, wrong))
        found = run_here(program, raster, folder, "-O1", "-Wno-error")
        if isinstance(found, tuple) or parted(program, raster, found) is not None:
            return
    pytest.fail("no program noticed it")


def test_weights_are_packed_in_the_narrowest_field_and_come_out_again():
    rng = np.random.default_rng(0)
    for bits in (2, 4, 8, 16):
        rows = rng.integers(-(1 << (bits - 1)), 1 << (bits - 1), (3, 21))
        rows[0, 0] = -(1 << (bits - 1))
        words = packed(rows, bits).astype(np.int64)
        k = np.arange(21)
        place = k % (32 // bits)
        fields = words[:, k // (32 // bits)] >> (place // 2 * bits + place % 2 * 16)
        half = 1 << (bits - 1)
        np.testing.assert_array_equal(((fields & (2 * half - 1)) ^ half) - half, rows)
        assert field_bits(rows) == bits
        biased = packed(rows, bits, half)[:, k // (32 // bits)].astype(np.int64) >> (place // 2 * bits + place % 2 * 16)
        np.testing.assert_array_equal((biased & (2 * half - 1)) - half, rows)


def test_the_header_states_ram_and_tables_and_the_objects_have_them(tmp_path):
    program, raster = _calm(1)
    artifact = to_firmware.export(program, tmp_path / "f", raster)
    assert {"Makefile", "README.md", "golden.bin", "library.properties", "src/snn.c", "zephyr/prj.conf"} <= {
        *artifact.files
    }
    sizes = sizes_of_plan(firmware_plan(program))
    told = (tmp_path / "f" / "src" / "snn_program.h").read_text()
    assert f"{sizes.tables} bytes of tables" in told
    assert f"{sizes.ram} bytes of RAM" in told
    assert "@" not in (tmp_path / "f" / "README.md").read_text()


@needs_compiler
def test_the_exported_folder_checks_itself_here_and_finds_a_flipped_weight(tmp_path):
    first = Population("first", (3,), (Connection("input", Dense(np.eye(3, dtype=int) * 9)),), vth=4)
    program = Program(
        Input((3,)), (first, Population("second", (2,), (Connection("first", Dense([[5, 6, 7], [1, 2, 3]])),), vth=5))
    )
    folder = to_firmware.export(program, tmp_path / "f", np.ones((1, 4, 3), np.uint8)).folder
    done = subprocess.run(["make", "-s", "check"], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout[:27]) == (0, "equal: samples 1, steps 4, ")
    tables = folder / "src" / "program.c"
    text = tables.read_text()
    row = str((5 << 0) + (1 << 16)) + "U"
    assert text.count(row) == 1
    tables.write_text(text.replace(row, str((5 << 0) + (2 << 16)) + "U"))
    done = subprocess.run(["make", "-s", "check"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout == "population 1, neuron 1, step 0 of sample 0: u differs\n"


def test_what_the_firmware_cannot_be_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    with pytest.raises(UnsupportedError, match="arithmetic 'xylo': the firmware computes loihi only"):
        to_firmware.export(random_xylo(0)[0], tmp_path / "f")
    most = (1 << 31) - 1
    wide = Population("w", (1,), (Connection("input", Dense(np.full((1, 999), most))),), vth=1)
    with pytest.raises(UnsupportedError, match="population 'w': its sums could leave 64 bits"):
        to_firmware.export(Program(Input((999,), 0, (1 << 23) - 1), (wide,)), tmp_path / "f")
    monkeypatch.setattr(to_firmware, "MAX_TABLE_BYTES", 1)
    with pytest.raises(UnsupportedError, match="more than a microcontroller has flash"):
        to_firmware.export(_calm(0)[0], tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_another_program_or_processor_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(to_firmware, "find_qemu", lambda processor: "")
    monkeypatch.setattr(to_firmware, "find_python", lambda: "")
    to_firmware.export(_calm(1)[0], tmp_path / "other")
    with pytest.raises(FileError, match="was made from program"):
        to_firmware.execute(*_calm(0), folder=tmp_path / "other")
    with pytest.raises(InputError, match="processor 'm3' is unknown"):
        to_firmware.execute(*_calm(0), processor="m3")


def test_groups_of_one_output_do_not_share_a_word(tmp_path):
    depthwise = Conv(np.arange(27).reshape(3, 1, 3, 3) - 13, groups=3)
    program = Program(Input((3, 5, 5)), (Population("d", (3, 3, 3), (Connection("input", depthwise),), vth=9),))
    assert loops_of(program)[1] == {("32", 8)}
    if COMPILER is not None:
        assert divergence(program, sparse_raster(np.random.default_rng(1), program, share=0.5), tmp_path) is None
