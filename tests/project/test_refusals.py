"""What a user meets who asks for what cannot be: refused at the border, or said in one line."""

import numpy as np
import pytest

from exporters.program_file import write_program
from sim.program import Connection, Dense, Input, Population, Program
from snn2hw.commands import main
from snn2hw.compiler.certify import prove
from snn2hw.files.rasters import write_raster

STEPS = 4


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A readout of three neurons certified for four steps, and samples that fit it."""
    out = Population("out", (3,), (Connection("input", Dense(np.eye(3, dtype=int) * 9)),), fires=False)
    program = Program(Input((3,)), (out,))
    write_program(program, tmp_path / "p.nir", attachments={"certificate": prove(program, STEPS).to_json()})
    (tmp_path / "folder").mkdir()
    (tmp_path / "mymod.py").write_text("net = None\n")
    write_raster(tmp_path / "x.npz", _spikes(STEPS), np.array([0, 1, 2]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _spikes(steps):
    return np.repeat(np.eye(3, dtype=np.uint8)[:, None], steps, axis=1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "p.nir", "--input", "x.npz", "--decoder", "count"], "output 'out' never fires"),
        (["run", "p.nir", "--input", "folder"], "folder: holds no .npz file"),
        (["run", "p.nir", "--input", "beyond.npz"], "labels 0..3  fix: the output has 3 neurons: use 0..2"),
        (["run", "p.nir", "--input", "below.npz"], "labels -1..1  fix: the output has 3 neurons: use 0..2"),
        (["convert", "net.onnx", "--data", "x.npz", "-o", "n.nir", "--dt", "0"], "--dt 0"),
        (["convert", "net.onnx", "--data", "x.npz", "-o", "n.nir", "--dt", "nan"], "--dt nan"),
        (
            ["convert", "mymod.py", "--data", "a.npz", "-o", "n.nir"],
            "mymod.py: unknown kind of file  fix: name a cnn.onnx",
        ),
        (["verify", "p.nir", "--input", "x.npz", "--artifact", "c=nowhere"], "nowhere: no such folder"),
        (["export", "p.nir", "--to", "c", "--samples", "2", "-o", "out"], "add --input X.npz"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(files, capsys, words, message):
    write_raster("beyond.npz", _spikes(STEPS), np.array([0, 1, 3]))
    write_raster("below.npz", _spikes(STEPS), np.array([0, 1, -1]))
    np.savez("a.npz", x=np.ones((2, 3)))
    before = sorted(files.rglob("*"))
    assert main(words) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""
    assert sorted(files.rglob("*")) == before


def test_a_raster_that_counts_on_a_readout_is_judged_by_the_mean_of_v(files, capsys):
    write_raster("counts.npz", _spikes(STEPS), np.array([0, 1, 2]), "count")
    assert main(["run", "p.nir", "--input", "counts.npz"]) == 0
    assert "3 of 3; class of the greatest mean v" in capsys.readouterr().out


def test_more_steps_than_the_certificate_covers_are_noted(files, capsys):
    assert main(["run", "p.nir", "--input", "x.npz"]) == 0
    assert "certified" not in capsys.readouterr().out
    write_raster("long.npz", _spikes(80))
    assert main(["run", "p.nir", "--input", "long.npz"]) == 0
    assert "80 steps; certified for 4: snn2hw certify p.nir --steps 80\n" in capsys.readouterr().out
    assert main(["certify", "p.nir", "--steps", "80"]) == 0
