"""The command line as a user meets it: what it prints, what it returns, and never a traceback."""

import json
import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from exporters.program_file import write_program
from sim.program import Connection, Dense, Input, Population, Program
from snn2hw.commands import COMMANDS, main
from snn2hw.files.rasters import read_npz, write_npz, write_raster

BAD_WORDS = tomllib.loads(Path(__file__).with_name("bad_words.toml").read_text(encoding="utf-8"))["words"]


@pytest.fixture
def files(tmp_path):
    """A program that copies its input one step later, through a readout, and four labelled samples."""
    copy = Population("copy", (3,), (Connection("input", Dense(np.eye(3, dtype=int) * 9), lag=1),), vth=4, du=4095)
    out = Population("out", (3,), (Connection("copy", Dense(np.eye(3, dtype=int))),), fires=False)
    program = Program(Input((3,)), (copy, out))
    write_program(program, tmp_path / "p.nir")
    spikes = np.zeros((4, 6, 3), np.uint8)
    labels = np.array([0, 1, 2, 2])
    spikes[np.arange(4), :, labels] = 1
    write_raster(tmp_path / "x.npz", spikes, labels)
    return tmp_path


def test_help_and_version_and_an_unknown_verb(capsys):
    assert main(["--help"]) == 0
    overview = capsys.readouterr().out
    assert all(verb in overview for verb in COMMANDS)
    assert main([]) == 2
    assert main(["--version"]) == 0
    assert main(["verfy"]) == 2
    assert capsys.readouterr().err == "snn2hw: there is no command 'verfy'  fix: did you mean 'verify'?\n"


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb_explains_itself(verb, capsys):
    assert main([verb, "--help"]) == 0
    assert f"usage: snn2hw {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("engine", ["reference", "fast"])
def test_run_prints_counts_and_accuracy_and_writes_a_trace(files, capsys, engine):
    trace = files / "t.npz"
    words = ["run", str(files / "p.nir"), "--input", str(files / "x.npz"), "--engine", engine]
    assert main([*words, "--record", "spikes,v", "-o", str(trace)]) == 0
    printed = capsys.readouterr().out
    assert "accuracy 100.00% (4 of 4; class of the greatest v over time)" in printed
    arrays = read_npz(trace)
    assert sorted(arrays) == ["digest", "output", "spikes.copy", "spikes.out", "v.copy", "v.out"]
    assert arrays["spikes.copy"].sum() == 4 * 5


def test_verify_agrees_and_writes_a_verdict(files, capsys):
    verdict = files / "v.json"
    words = ["verify", str(files / "p.nir"), "--input", str(files / "x.npz"), "--against", "reference,fast"]
    assert main([*words, "-o", str(verdict)]) == 0
    assert "equal" in capsys.readouterr().out
    said = json.loads(verdict.read_text())
    assert said["equal"] is True
    assert [row["status"] for row in said["rows"]] == ["baseline", "equal"]
    assert said["rows"][1]["values"] == 4 * 6 * 6 * 3


@pytest.mark.parametrize(("typed", "message"), BAD_WORDS)
def test_bad_usage_and_bad_input_is_one_message_and_exit_code_2(files, capsys, monkeypatch, typed, message):
    write_npz(files / "wrong.npz", {"images": np.zeros(3)})
    np.savez(files / "objects.npz", spikes=np.array([None, "a"], dtype=object))
    write_raster(files / "shape.npz", np.zeros((1, 2, 5), np.uint8))
    write_raster(files / "labelled.npz", np.zeros((1, 2, 5), np.uint8), np.array([7]))
    (files / "says.py").write_text("import types\nshape = (types.SimpleNamespace(state_dict=None), (4,))\n")
    (files / "broken.py").write_text("def net(:\n")
    (files / "raising.py").write_text("def net():\n    raise RuntimeError('my own bug')\n")
    monkeypatch.chdir(files)
    assert main(shlex.split(typed)) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_a_failed_run_leaves_no_file_behind(files, monkeypatch, capsys):
    import sim.reference

    monkeypatch.chdir(files)
    monkeypatch.setattr(sim.reference, "counts_from", lambda *a: 1 / 0)
    before = sorted(p.name for p in files.iterdir())
    assert main(["run", "p.nir", "--input", "x.npz", "--engine", "reference", "-o", "t.npz"]) == 2
    assert "internal error, ZeroDivisionError" in capsys.readouterr().err
    assert sorted(p.name for p in files.iterdir()) == before
    with pytest.raises(ZeroDivisionError):
        main(["run", "p.nir", "--input", "x.npz", "--engine", "reference", "--debug"])


def test_an_archive_that_promises_more_than_it_holds_or_than_allowed_is_refused_before_reading(files):
    from sim.errors import FileError

    write_raster(files / "big.npz", np.zeros((1, 24, 3), np.uint8))
    with pytest.raises(FileError, match="unpacks to 72 bytes, the limit is 10"):
        read_npz(files / "big.npz", max_bytes=10)


@pytest.mark.parametrize("words", [["--help"], ["verify", "--help"], ["run", "p.nir", "--input", "x.npz"]])
def test_a_reader_that_leaves_is_no_error(files, words):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "snn2hw", *words]
    done = subprocess.run(command, cwd=files, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_that_cannot_be_written_is_one_message():
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "snn2hw", "--help"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "snn2hw: the system refused: No space left on device\n")


def test_the_installed_command_is_the_same_program(files):
    words = [sys.executable, "-m", "snn2hw", "run", str(files / "p.nir"), "--input", str(files / "x.npz")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "accuracy 100.00%" in done.stdout


def test_run_judges_with_the_decoder_that_the_input_file_names(files, capsys):
    raster = read_npz(files / "x.npz")
    write_raster(files / "last.npz", raster["spikes"], raster["labels"], "last")
    assert main(["run", str(files / "p.nir"), "--input", str(files / "last.npz"), "--engine", "reference"]) == 0
    assert "class of the greatest v at the end" in capsys.readouterr().out
    write_npz(files / "odd.npz", {**raster, "decoder": "loudest"})
    assert main(["run", str(files / "p.nir"), "--input", str(files / "odd.npz")]) == 2
    assert "decoder 'loudest'  fix: save one of max, last, mean, count" in capsys.readouterr().err
