"""A program says what it is for, and is not judged on what was made for another one."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

import snn2hw as sw
from exporters.program_file import read_program_file, write_program
from sim.errors import FileError
from snn2hw.commands import main
from snn2hw.files.rasters import read_raster, write_raster
from snn2hw.purpose import UNKNOWN, Purpose, front_identity, purpose_attachment, purpose_of_front, read_purpose

FRONT = {
    "schema": "snn2hw.front/1",
    "mel": {"rate_hz": 8000},
    "normaliser": {"low_db": [-70.0], "high_db": [0.5], "levels": 31},
    "encoder": {"kind": "direct", "steps": 3, "levels": 31},
    "decoder": "max",
    "classes": ["no", "yes"],
}
OTHER = FRONT | {"normaliser": {"low_db": [-60.0], "high_db": [0.5], "levels": 31}}


@pytest.fixture
def program():
    dense = sw.Dense(np.array([[50, 0], [0, 50]]))
    return sw.Program(sw.Input((2,)), (sw.Population("out", (2,), (sw.Connection("input", dense),), vth=1),))


@pytest.fixture
def spikes():
    return np.repeat(np.eye(2, dtype=np.uint8)[:, None], 3, axis=1)


def purpose_of(front):
    return purpose_of_front(json.dumps(front), "yes and no")


def files(tmp_path, program, spikes, *, purpose=UNKNOWN, labels=(0, 1), **said):
    """Write a program and a raster; return their names."""
    p, x = str(tmp_path / "p.nir"), str(tmp_path / "x.npz")
    write_program(program, p, attachments=purpose_attachment(purpose))
    write_raster(x, spikes, np.array(labels), **said)
    return p, x


def test_a_purpose_comes_back_from_the_file_and_leaves_the_digest_alone(program, tmp_path):
    purpose = purpose_of(FRONT)
    write_program(program, tmp_path / "p.nir", attachments=purpose_attachment(purpose))
    assert read_purpose(tmp_path / "p.nir") == purpose
    assert read_program_file(tmp_path / "p.nir").program.digest == program.digest


def test_a_purpose_survives_that_its_program_is_written_again(program, tmp_path):
    write_program(program, tmp_path / "p.nir", attachments=purpose_attachment(purpose_of(FRONT)))
    found = read_program_file(tmp_path / "p.nir")
    write_program(found.program, tmp_path / "q.nir", attachments=found.attachments)
    assert read_purpose(tmp_path / "q.nir") == purpose_of(FRONT)
    assert (tmp_path / "q.nir").read_bytes() == (tmp_path / "p.nir").read_bytes()


def test_a_program_without_a_purpose_says_so(program, tmp_path):
    write_program(program, tmp_path / "p.nir", attachments=purpose_attachment(UNKNOWN))
    assert read_purpose(tmp_path / "p.nir") == UNKNOWN == Purpose()
    assert read_program_file(tmp_path / "p.nir").attachments == {}


@pytest.mark.parametrize(
    "said", [[], {"front": 3}, {"classes": "yes"}, {"classes": [1]}, {"decoder": "best"}, {"task": 1}]
)
def test_a_purpose_that_is_none_is_refused_with_its_file(program, tmp_path, said):
    write_program(program, tmp_path / "p.nir", attachments={"purpose": said})
    with pytest.raises(FileError, match=r"p\.nir: the attachment 'purpose'"):
        read_purpose(tmp_path / "p.nir")


def test_the_identity_is_of_what_makes_the_raster_alone():
    assert front_identity(FRONT) == front_identity(FRONT | {"classes": ["a"], "decoder": "mean"})
    assert front_identity(FRONT) == front_identity(dict(reversed(FRONT.items())))
    assert front_identity(FRONT) != front_identity(OTHER)


def test_a_raster_keeps_what_it_says_of_itself(spikes, tmp_path):
    identity = front_identity(FRONT)
    write_raster(tmp_path / "x.npz", spikes, [0, 1], front=identity, classes=("да", "no"))
    found = read_raster(tmp_path / "x.npz")
    assert (found.front, found.classes) == (identity, ("да", "no"))


@pytest.mark.parametrize("said", [{"front": np.array("abc")}, {"front": 3}, {"classes": np.array([1, 2])}])
def test_a_raster_that_says_nonsense_of_itself_is_refused(spikes, tmp_path, said):
    np.savez(tmp_path / "x.npz", spikes=spikes, **said)
    with pytest.raises(sw.Snn2hwError, match=r"x\.npz: (front|classes)"):
        read_raster(tmp_path / "x.npz")


@pytest.mark.parametrize("verb", [["run"], ["verify", "--against", "fast"], ["energy"]])
def test_a_raster_of_another_front_end_is_refused(verb, program, spikes, tmp_path, capsys):
    p, x = files(tmp_path, program, spikes, purpose=purpose_of(FRONT), front=front_identity(OTHER))
    assert main([verb[0], p, "--input", x, *verb[1:]]) == 2
    assert "x.npz: made by front end" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("purpose", "front", "warned"),
    [
        (FRONT, FRONT, ""),
        (FRONT, None, "does not say which front end made it"),
        (None, FRONT, "does not say which one feeds it"),
        (None, None, ""),
    ],
)
def test_what_is_not_known_is_said_on_standard_error(purpose, front, warned, program, spikes, tmp_path, capsys):
    given = UNKNOWN if purpose is None else replace(purpose_of(purpose), classes=None)
    identity = None if front is None else front_identity(front)
    p, x = files(tmp_path, program, spikes, purpose=given, front=identity)
    assert main(["run", p, "--input", x]) == 0
    said = capsys.readouterr().err
    assert warned in said
    assert said.count("note:") == bool(warned)


def test_a_run_names_the_classes_and_is_judged_where_labels_mean_the_same(program, spikes, tmp_path, capsys):
    p, x = files(tmp_path, program, spikes, purpose=Purpose(classes=("no", "yes")), classes=("no", "yes"))
    assert main(["run", p, "--input", x]) == 0
    said = capsys.readouterr().out
    assert "answers: no 1, yes 1" in said
    assert "accuracy 100.00% (2 of 2" in said


def test_no_accuracy_is_printed_where_labels_mean_something_else(program, spikes, tmp_path, capsys):
    p, x = files(tmp_path, program, spikes, purpose=Purpose(classes=("no", "yes")), classes=("yes", "no"))
    assert main(["run", p, "--input", x]) == 0
    said = capsys.readouterr().out
    assert "no accuracy: the program answers no, yes; the labels mean yes, no" in said
    assert "accuracy 1" not in said


def test_a_decoder_travels_with_the_program_and_the_raster_s_own_goes_first(program, spikes, tmp_path, capsys):
    p, x = files(tmp_path, program, spikes, purpose=Purpose(decoder="last"))
    assert main(["run", p, "--input", x]) == 0
    assert "at the end" in capsys.readouterr().out
    p, x = files(tmp_path, program, spikes, purpose=Purpose(decoder="last"), decoder="mean")
    assert main(["run", p, "--input", x]) == 0
    assert "greatest mean v" in capsys.readouterr().out


def test_the_front_end_of_the_demo_has_an_identity():
    from snn2hw.demo.exhibit import example

    front = asdict(example().front)
    assert len(front_identity(json.loads(json.dumps(front)))) == 64
