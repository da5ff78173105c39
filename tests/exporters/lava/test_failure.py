"""When Lava fails: one error with its text, within the time limit, and nothing left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from exporters.lava import run as run_lava
from exporters.lava.session import Session
from exporters.to_lava import export
from sim.errors import FileError, ToolError
from sim.program import Connection, Dense, Input, Population, Program
from tests.waiting import wait_for

POPULATION = Population("p", (2,), (Connection("input", Dense([[4, 6, 8], [-2, 4, 0]])),), vth=3)
PROGRAM = Program(Input((3,)), (POPULATION,))
RASTER = np.ones((1, 4, 3), dtype=int)


@pytest.fixture
def session():
    with Session() as opened:
        yield opened


@pytest.fixture
def broken(tmp_path):
    """An exported folder in which a register has lost a neuron: Lava's own model fails in its first step."""
    export(PROGRAM, tmp_path / "lava")
    path = tmp_path / "lava" / "arrays.npz"
    arrays = dict(np.load(path))
    arrays["du.p"] = np.zeros(3, np.int32)
    np.savez(path, **arrays)
    return tmp_path / "lava"


def _alive(session_id):
    """Return the processes of an operating system session that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if int(fields[3]) == session_id and fields[0] not in "ZX":
            found.append(stat.parent.name)
    return found


def _traces(session):
    return session._process.pid, list(Path("/dev/shm").glob(f"{session._token}*")), session._folder


def test_a_failing_process_is_one_error_with_its_text(session, broken):
    began = time.monotonic()
    with pytest.raises(ToolError) as caught:
        run_lava(PROGRAM, RASTER, folder=broken, session=session, timeout_s=60)
    assert time.monotonic() - began < 30
    assert "ValueError: operands could not be broadcast together with shapes (2,) (3,)" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "subthr_dynamics" in str(caught.value)


def test_after_a_failure_nothing_is_left_and_the_next_job_works(session, broken):
    run_lava(PROGRAM, RASTER, session=session)
    worker, _, folder = _traces(session)
    token = session._token
    with pytest.raises(ToolError):
        run_lava(PROGRAM, RASTER, folder=broken, session=session, timeout_s=60)
    assert _alive(worker) == []
    assert list(Path("/dev/shm").glob(f"{token}*")) == []
    assert not folder.exists()
    assert run_lava(PROGRAM, RASTER, session=session).spikes["p"].any()


def test_the_time_limit_holds_while_lava_runs(session):
    run_lava(PROGRAM, RASTER, session=session)
    worker, token = session._process.pid, session._token
    began = time.monotonic()
    with pytest.raises(ToolError, match=r"Lava: not done within its time limit.*fix: give it more time"):
        run_lava(PROGRAM, np.ones((1, 100_000, 3), dtype=int), session=session, timeout_s=1.5)
    assert time.monotonic() - began < 20
    assert _alive(worker) == []
    assert list(Path("/dev/shm").glob(f"{token}*")) == []


def test_a_worker_killed_at_work_is_an_error_at_once(session):
    run_lava(PROGRAM, RASTER, session=session)
    worker = session._process.pid
    killer = threading.Timer(1, os.kill, (worker, signal.SIGKILL))
    killer.start()
    began = time.monotonic()
    with pytest.raises(ToolError, match="Lava: its worker ended with code -9"):
        run_lava(PROGRAM, np.ones((1, 100_000, 3), dtype=int), session=session)
    assert time.monotonic() - began < 20
    assert wait_for(lambda: _alive(worker) == [])


def test_a_worker_killed_at_rest_is_replaced(session):
    run_lava(PROGRAM, RASTER, session=session)
    os.kill(session._process.pid, signal.SIGKILL)
    session._process.wait()
    assert run_lava(PROGRAM, RASTER, session=session).spikes["p"].any()


def test_when_its_owner_is_killed_the_worker_ends_with_all_it_started():
    code = """
import threading, time
import numpy as np
from exporters.lava import run
from exporters.lava.session import shared_session
from tests.exporters.lava.test_failure import PROGRAM
def tell():
    while shared_session()._process is None: time.sleep(0.01)
    print(shared_session()._process.pid, shared_session()._folder, flush=True)
threading.Thread(target=tell).start()
run(PROGRAM, np.ones((1, 100_000, 3), dtype=int))
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as owner:
        try:
            words = owner.stdout.readline().split()
            worker, folder = int(words[0]), Path(words[1].decode())
            assert wait_for(lambda: len(_alive(worker)) > 5)
        finally:
            owner.kill()
    assert wait_for(lambda: _alive(worker) == [])
    assert not folder.exists()


def test_without_the_environment_the_error_says_what_to_type(session, monkeypatch, tmp_path):
    monkeypatch.setenv("SNN2HW_LAVA", str(tmp_path / "nothing"))
    with pytest.raises(ToolError) as caught:
        run_lava(PROGRAM, RASTER, session=session)
    expected = f"lava-nc: its environment {tmp_path / 'nothing'} is missing  fix: type: snn2hw install-lava"
    assert str(caught.value) == expected


def test_one_worker_serves_many_programs(session):
    run_lava(PROGRAM, RASTER, session=session)
    first = session._process.pid
    run_lava(Program(Input((3,)), (POPULATION, Population("q", (1,), ()))), RASTER, session=session)
    assert session._process.pid == first


def test_another_programs_folder_is_refused(session, tmp_path):
    export(PROGRAM, tmp_path / "lava")
    other = Program(Input((3,)), (Population("p", (2,), POPULATION.inputs, vth=4),))
    with pytest.raises(FileError, match="was made from program"):
        run_lava(other, RASTER, folder=tmp_path / "lava", session=session)


def test_a_bit_flipped_on_the_disk_is_found_by_name(session, tmp_path):
    path = export(PROGRAM, tmp_path / "lava").folder / "arrays.npz"
    content = bytearray(path.read_bytes())
    weight = np.array([[4, 6, 8], [-2, 4, 0]], dtype=np.int16).tobytes()
    content[content.index(weight)] ^= 8
    path.write_bytes(content)
    with pytest.raises(ToolError, match=r"Bad CRC-32 for file 'weight\.p\.0\.0\.npy'"):
        run_lava(PROGRAM, RASTER, folder=tmp_path / "lava", session=session)
