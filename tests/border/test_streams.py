"""A command ends as a shell expects: closed streams, narrow locales, hostile names, signals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from exporters.program_file import write_program
from sim.errors import InputError
from sim.program import Connection, Dense, Input, Population, Program
from snn2hw.commands import main
from snn2hw.files.rasters import write_raster
from tests.rows import a_third

ROOT = str(Path(__file__).parents[2])
HOSTILE = "red\x1b[31m"


def _program():
    return Program(Input((3,)), (Population("p", (2,), (Connection("input", Dense([[4, 6, 8], [-2, 4, 0]])),)),))


@pytest.fixture
def files(tmp_path):
    write_program(_program(), tmp_path / "p.nir")
    write_raster(tmp_path / "x.npz", np.ones((2, 4, 3), dtype=np.uint8))
    return tmp_path


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_a_closed_stream_is_no_traceback_and_the_output_is_whole(files, closed):
    command = f"{sys.executable} -m snn2hw run p.nir --input x.npz --engine reference -o t.npz {closed}"
    environment = {**os.environ, "PYTHONPATH": ROOT}
    done = subprocess.run(["sh", "-c", command], cwd=files, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    with np.load(files / "t.npz") as arrays:
        assert "output" in arrays.files


def test_a_reader_that_leaves_ends_the_command_quietly(files):
    command = f"{sys.executable} -m snn2hw run p.nir --input x.npz --engine reference | true"
    environment = {**os.environ, "PYTHONPATH": ROOT}
    done = subprocess.run(["sh", "-c", command], cwd=files, capture_output=True, text=True, env=environment)
    assert done.stderr == ""


def test_a_locale_without_the_letters_of_a_name_is_no_crash(files):
    environment = {**os.environ, "PYTHONPATH": ROOT, "LC_ALL": "C", "PYTHONUTF8": "0"}
    environment |= {"PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "snn2hw", "check", "сеть.nir"]
    done = subprocess.run(command, cwd=files, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert "no such file" in done.stderr
    assert "Traceback" not in done.stderr


def test_control_characters_of_a_name_are_written_out(tmp_path, capsys):
    with h5py.File(tmp_path / "net.nir", "w") as file:
        file.create_group(f"node/nodes/{HOSTILE}")
    assert main(["check", str(tmp_path / "net.nir"), "--dt", "1e-3"]) == 2
    assert main(["check", f"{HOSTILE}.nir", "--dt", "1e-3"]) == 2
    said = "".join(capsys.readouterr())
    assert "\x1b" not in said
    assert said.count(r"red\x1b[31m") == 2
    assert str(InputError(f"population {HOSTILE}: no")) == r"population red\x1b[31m: no"


def test_what_a_command_prints_is_written_out_too(capsys, monkeypatch):
    monkeypatch.setattr("snn2hw.commands._overview", lambda: f"node {HOSTILE}")
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == "node red\\x1b[31m\n"


@pytest.mark.parametrize(
    ("number", "code"), a_third([(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
)
def test_a_signal_ends_a_command_with_its_number_and_leaves_nothing(files, number, code):
    (files / "slow.py").write_text(
        "import time\n"
        "def run(program, raster, *, timeout_s, folder=None):\n"
        "    open('begun', 'w').close()\n"
        "    time.sleep(60)\n"
    )
    (files / "tmp").mkdir()
    environment = {**os.environ, "PYTHONPATH": ROOT, "TMPDIR": str(files / "tmp")}
    words = ["verify", "p.nir", "--input", "x.npz", "--against", "slow:run"]
    command = [sys.executable, "-m", "snn2hw", *words]

    def heard():
        signal.signal(number, signal.SIG_DFL)  # whoever runs the tests in the background may have it ignored

    with subprocess.Popen(command, cwd=files, env=environment, preexec_fn=heard) as process:
        limit = time.monotonic() + 60
        while not (files / "begun").exists() and time.monotonic() < limit:
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(30) == code
    assert list((files / "tmp").iterdir()) == []
