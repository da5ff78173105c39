"""A verdict is equal only if everything was compared and was equal; whatever goes wrong is one row."""

import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from sim.errors import InputError
from sim.program import Connection, Dense, Input, Population, Program
from snn2hw.verification import isolate, verify
from tests.rows import a_third, listed

BAD = "tests.verification.bad_executors"


@pytest.fixture(scope="module")
def case():
    first = Population("first", (3,), (Connection("input", Dense(np.eye(3, dtype=int) * 40)),), vth=30, du=2000, dv=100)
    second = Population("second", (2,), (Connection("first", Dense([[5, 6, 7], [8, -9, 3]])),), vth=5, dv=700)
    raster = np.ones((5, 7, 3), np.uint8)
    raster[3, 0] = 2
    return Program(Input((3,), 0, 2), (first, second)), raster


def _row(case, name, **options):
    return verify(*case, against=[f"{BAD}:{name}"], **options).rows[1]


def test_an_honest_executor_is_equal_in_every_value(case):
    verdict = verify(*case, against=["reference", "fast", f"{BAD}:honest"])
    assert verdict.equal
    assert [row.status for row in verdict.rows] == ["baseline", "equal", "equal"]
    assert {row.values for row in verdict.rows} == {3 * 5 * 7 * 5}
    assert verdict.updates == 5 * 7 * 5


def test_one_wrong_bit_is_found_and_located(case):
    row = _row(case, "one_wrong_bit")
    assert row.status == "differs"
    found = row.divergence
    assert (found.population, found.neuron, found.step, found.sample, found.register) == ("second", (1,), 4, 3, "u")
    assert found.got == found.expected ^ 1


def test_the_divergence_names_the_sample_of_the_whole_input_when_it_runs_in_chunks(case, monkeypatch):
    monkeypatch.setattr("snn2hw.verification.lockstep.CHUNK_BYTES", 1)
    assert _row(case, "one_wrong_bit").divergence.sample == 3


def test_a_wrong_count_is_found_and_located(case):
    row = _row(case, "one_wrong_count")
    assert row.status == "differs"
    assert row.counts.startswith("population 'second': synops_by_connection of sample 0 are ")


WRONG = listed(Path(__file__).with_name("wrong.toml"), "executors")


@pytest.mark.parametrize("name", a_third(WRONG))
def test_whatever_goes_wrong_is_one_row_and_not_equal(case, name):
    status, message = WRONG[name]
    verdict = verify(*case, against=[f"{BAD}:{name}", "fast"])
    assert not verdict.equal
    assert [row.status for row in verdict.rows] == ["baseline", status, "equal"]
    assert message in verdict.rows[1].message
    assert message in str(verdict)


def test_an_executor_that_hangs_is_stopped_and_no_process_stays(case, monkeypatch):
    monkeypatch.setattr(isolate, "PATIENCE_S", 0.5)
    started = time.monotonic()
    row = _row(case, "hangs", timeout_s=3.0)
    assert row.status == "failed"
    assert "no answer within 3 s" in row.message
    assert time.monotonic() - started < 30
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert f"{BAD}:hangs" not in listed


def test_an_executor_that_answers_late_has_failed(case):
    row = _row(case, "is_late", timeout_s=0.5)
    assert row.status == "failed"
    assert re.fullmatch(r"took 0\.\d+ s, more than 0\.5 s", row.message)


def test_our_own_engines_are_bound_by_the_time_limit_too(case):
    verdict = verify(*case, against=["fast", "torch"], timeout_s=1e-5)
    assert [row.status for row in verdict.rows] == ["failed"] * 3
    assert all("s, more than 1e-05 s" in row.message for row in verdict.rows)


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_an_engine_that_takes_too_long_is_killed(monkeypatch, engine):
    """A million steps of a recurrent population take a minute and more in any engine."""
    monkeypatch.setattr(isolate, "PATIENCE_S", 0.5)
    recurrent = Population(
        "p",
        (300,),
        (Connection("input", Dense(np.ones((300, 1), int))), Connection("p", Dense(np.ones((300, 300), int)), lag=1)),
        vth=1000,
    )
    started = time.monotonic()
    verdict = verify(
        Program(Input((1,)), (recurrent,)), np.ones((1, 400_000, 1), np.uint8), against=[engine], timeout_s=1.0
    )
    assert verdict.rows[-1].message.startswith("no answer within 1 s")
    assert time.monotonic() - started < 20


def test_a_program_that_leaves_the_machine_is_the_baselines_failure(case):
    program = Program(Input((1,), 0, 2), (Population("p", (1,), (Connection("input", Dense([[2**20]])),), vth=1),))
    verdict = verify(program, np.full((1, 2, 1), 2), against=["fast"])
    assert [row.status for row in verdict.rows] == ["failed", "failed"]
    assert "|a| >= 2^21" in verdict.rows[0].message


def test_an_unknown_executor_is_refused_before_anything_runs(case):
    with pytest.raises(InputError, match="executor 'chip' is unknown  fix: use any of: reference, fast, lava"):
        verify(*case, against=["chip"])


def test_a_changed_file_of_an_artifact_is_noted_even_if_running_it_does_not_read_it(case, tmp_path):
    from exporters import to_c

    to_c.export(case[0], tmp_path / "c")
    golden = tmp_path / "c" / "golden.bin"
    golden.write_bytes(golden.read_bytes()[:-1] + b"\7")
    row = verify(*case, against=["c"], artifacts={"c": tmp_path / "c"}).rows[1]
    assert row.status == "equal"
    assert row.message.startswith("note: ")
    assert "golden.bin has been changed since it was written" in row.message
