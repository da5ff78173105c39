"""A worker imports nothing from the working folder, and is gone when its owner is gone, with all it started."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from exporters.program_file import write_program
from sim.worker_process import GUARD, Task, WorkerProcess
from snn2hw.files.rasters import write_raster
from snn2hw.verification import verify
from tests.border.test_streams import _program
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
RASTER = np.ones((2, 4, 3), dtype=np.uint8)


def _running(pids):
    """Return those of some processes that have not ended."""
    found = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            found.append(pid)
    return found


@pytest.mark.parametrize("name", ["sim", "json", "numpy", "runpy", "exporters"])
def test_verify_executes_no_module_of_the_working_folder(tmp_path, monkeypatch, name):
    (tmp_path / f"{name}.py").write_text("open('executed', 'w').close()\nraise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    assert verify(_program(), RASTER, ["reference", "c", "onnx"]).equal
    assert not (tmp_path / "executed").exists()


def test_an_executor_of_ones_own_is_found_in_the_working_folder_and_shadows_nothing(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from sim.engines import run\n"
        "def engine(program, raster, *, timeout_s, folder=None):\n"
        "    return run(program, raster, record=('spikes', 'u', 'v'), allow_wrap=True)\n"
    )
    (tmp_path / "sim.py").write_text("open('executed', 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    assert verify(_program(), RASTER, "mine:engine").equal
    assert not (tmp_path / "executed").exists()


WORKER = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
shared = open(f"/dev/shm/{sys.argv[1]}abc", "w")
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""

OWNER = """
import sys, time
from pathlib import Path
from sim.worker_process import GUARD, Task, WorkerProcess
worker = WorkerProcess(Task(Path(sys.argv[1]), [sys.argv[2]], token=sys.argv[2], folders=[Path(sys.argv[3])]))
print(worker.answer(time.monotonic() + 60).decode().strip(), flush=True)
time.sleep(600)
"""


def _own(tmp_path, token):
    (tmp_path / "worker.py").write_text(textwrap.dedent(WORKER))
    (tmp_path / "scratch" / "inner").mkdir(parents=True)
    words = [sys.executable, "-c", OWNER, str(tmp_path / "worker.py"), token, str(tmp_path / "scratch")]
    owner = subprocess.Popen(words, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    pids = [int(word) for word in owner.stdout.readline().split()]
    assert len(pids) == 2
    return owner, pids


@pytest.mark.parametrize("killed", ["the owner", "the worker, then the owner", "both at once"])
def test_whoever_is_killed_nothing_lives_on(tmp_path, killed):
    token = f"snn2hwtest{os.getpid()}"
    owner, pids = _own(tmp_path, token)
    with owner:
        assert list(Path("/dev/shm").glob(f"{token}*"))
        if killed != "the owner":
            os.kill(pids[0], signal.SIGKILL)
        if killed == "the worker, then the owner":
            assert wait_for(lambda: not _running(pids))
        owner.kill()
    assert wait_for(lambda: not _running(pids))
    assert wait_for(lambda: not list(Path("/dev/shm").glob(f"{token}*")))
    assert wait_for(lambda: not (tmp_path / "scratch").exists())


def test_an_owner_that_dies_before_its_guard_has_said_a_word_leaves_nothing(tmp_path):
    """The first word then goes to nobody."""
    token = f"snn2hwtest{os.getpid()}"
    (tmp_path / "worker.py").write_text(textwrap.dedent(WORKER))
    (tmp_path / "scratch").mkdir()
    facts = json.dumps({"token": token, "folders": [str(tmp_path / "scratch")], "path": []})
    mine, theirs = socket.socketpair()
    mine.close()
    words = [sys.executable, "-P", str(GUARD), str(theirs.fileno()), facts, str(tmp_path / "worker.py"), token]
    with subprocess.Popen(
        words, pass_fds=[theirs.fileno()], start_new_session=True, stdout=subprocess.DEVNULL
    ) as worker:
        theirs.close()
        try:
            assert worker.wait(20) == -signal.SIGKILL
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
    assert wait_for(lambda: not list(Path("/dev/shm").glob(f"{token}*")))
    assert wait_for(lambda: not (tmp_path / "scratch").exists())


def test_a_verify_that_is_killed_leaves_no_process_and_no_folder(tmp_path):
    write_program(_program(), tmp_path / "p.nir")
    write_raster(tmp_path / "x.npz", RASTER)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "slow.py").write_text(
        "import os, tempfile, time\n"
        "def run(program, raster, *, timeout_s, folder=None):\n"
        "    tempfile.mkdtemp()\n"
        "    open('begun', 'w').write(str(os.getpid()))\n"
        "    time.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp")}
    words = [sys.executable, "-m", "snn2hw", "verify", "p.nir", "--input", "x.npz", "--against", "slow:run"]
    begun = tmp_path / "begun"
    with subprocess.Popen(words, cwd=tmp_path, env=environment) as process:
        assert wait_for(lambda: begun.exists() and begun.read_text(), 60)
        process.kill()
    assert wait_for(lambda: not _running([begun.read_text()]))
    assert wait_for(lambda: not list((tmp_path / "tmp").iterdir()))


def test_a_worker_ends_in_time_and_its_guard_with_it(tmp_path):
    (tmp_path / "worker.py").write_text("import sys\nfor line in sys.stdin: print(line.upper(), end='', flush=True)\n")
    worker = WorkerProcess(Task(tmp_path / "worker.py"))
    worker.ask("hello")
    assert worker.answer(time.monotonic() + 30) == b"HELLO\n"
    worker.close_input()
    worker.end(10)
    sessions = [p.parent.name for p in Path("/proc").glob("[0-9]*/stat") if _session(p) == worker.pid]
    assert _running(sessions) == []


def _session(stat):
    try:
        return int(stat.read_text().rpartition(")")[2].split()[3])
    except OSError:
        return None
