"""`snn2hw place` prints a table, writes every core and draws the mesh."""

import json

import numpy as np
import pytest

import snn2hw as sw
from snn2hw.commands import main
from snn2hw.files.rasters import write_raster
from snn2hw.placement.picture import crossings
from snn2hw.placement.place import place


@pytest.fixture
def files(tmp_path, monkeypatch):
    wide = sw.Population("wide", (3000,), (sw.Connection("input", sw.Dense(np.ones((3000, 2), int))),), vth=0)
    out = sw.Population("out", (4,), (sw.Connection("wide", sw.Dense(np.ones((4, 3000), int))),), fires=False)
    sw.write_program(sw.Program(sw.Input((2,)), (wide, out)), tmp_path / "p.nir")
    write_raster(tmp_path / "x.npz", np.ones((2, 3, 2), np.uint8))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_place_prints_writes_and_draws(files, capsys):
    words = ["place", "p.nir", "--target", "loihi1", "--input", "x.npz", "-o", "place.json", "--picture", "mesh.png"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "3 cores (at least 3 by neurons), 1 chip of 128 cores" in printed
    assert "traffic by run: 2 samples of 3 steps" in printed
    said = json.loads((files / "place.json").read_text())
    assert said["schema"] == "snn2hw.place/1"
    assert said["digest"] == sw.read_program("p.nir").digest
    assert (files / "mesh.png").read_bytes().startswith(b"\x89PNG")


def test_json_alone_is_printed_when_asked_for(files, capsys):
    assert main(["place", "p.nir", "--target", "loihi2", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["latency_s_per_step"] is None
    assert said["traffic"]["messages_per_step"] == 3000


def test_what_fits_nowhere_is_answered_with_no(files, capsys):
    assert main(["place", "p.nir", "--target", "fixed"]) == 1
    assert "states no limit of a core" in capsys.readouterr().err


def test_the_lines_of_the_picture_carry_every_hop():
    rng = np.random.default_rng(1)
    first = sw.Population("first", (5000,), (sw.Connection("input", sw.Dense(rng.integers(0, 2, (5000, 3)))),))
    second = sw.Population("second", (6000,), (sw.Connection("input", sw.Dense(rng.integers(0, 2, (6000, 3)))),))
    third = sw.Population(
        "third",
        (20,),
        tuple(sw.Connection(p.name, sw.Dense(rng.integers(0, 2, (20, p.size)))) for p in (first, second)),
    )
    with pytest.raises(sw.Snn2hwError, match="axons in"):
        place(sw.Program(sw.Input((3,)), (first, second, third)), "loihi1")
    placement = place(sw.Program(sw.Input((3,)), (first, second, third)), "loihi2", placer="in_order")
    across, down = crossings(placement)
    assert across.sum() + down.sum() == placement.hops
