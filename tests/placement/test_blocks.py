"""A chip of blocks: every neuron has a place in one, and what exceeds them is said at once, with the split."""

import json
from importlib import resources

import numpy as np
import pytest

import snn2hw as sw
from sim.errors import InputError, UnsupportedError
from snn2hw.chips.target import BlockLimits, get_target
from snn2hw.commands import main
from snn2hw.files.rasters import write_raster
from snn2hw.placement.blocks import place_blocks
from snn2hw.placement.place import place


def xylo(inputs=16, sizes=(600, 400), outputs=8):
    """Return a program whose hidden populations read the input and one another, and the input's channel 0 alone."""
    first, second = sizes
    weight = np.zeros((first, inputs), int)
    weight[:, 0] = 3
    a = sw.Population("a", (first,), (sw.Connection("input", sw.Dense(weight)),), arithmetic="xylo")
    b = sw.Population(
        "b", (second,), (sw.Connection("a", sw.Dense(np.ones((second, first), int)), lag=1),), arithmetic="xylo"
    )
    back = sw.Dense(np.eye(outputs, second, dtype=int))
    out = sw.Population("out", (outputs,), (sw.Connection("b", back, lag=1),), arithmetic="xylo", most=1)
    return sw.Program(sw.Input((inputs,), 0, 15), (a, b, out), "xylo")


def test_hidden_neurons_share_a_block_and_its_matrix():
    program = xylo()
    placed = place_blocks(program, "xylo2")
    by = {block.name: block for block in placed.blocks}
    assert by["input"].held == (("input", 0, 16),)
    assert by["hidden"].held == (("a", 0, 600), ("b", 600, 1000))
    assert by["output"].held == (("out", 0, 8),)
    assert (by["hidden"].synapses, by["hidden"].places) == (600 + 400 * 600, (16 + 1000) * 1000)
    assert (by["output"].synapses, by["output"].places) == (8, 1000 * 8)
    assert [block.use for block in placed.blocks] == [1.0, 1.0, 1.0]
    assert place_blocks(xylo(sizes=(5, 5)), "xylo2").limiting == "input"
    assert "a 600: 0..599, b 400: 600..999" in str(placed)


def test_all_that_exceeds_is_said_at_once_with_the_split_that_would_fit():
    with pytest.raises(UnsupportedError) as refused:
        place_blocks(xylo(inputs=17, sizes=(700, 1400), outputs=9), "xylo2")
    said = str(refused.value)
    assert "17 inputs, xylo2 has 16 (2 chips would hold input 0..15 | input 16..16)" in said
    assert (
        "2,100 hidden neurons, xylo2 has 1,000 (3 chips would hold a 0..699 and b 0..299 | b 300..1299 | b 1300..1399)"
        in said
    )
    assert "9 outputs, xylo2 has 8 (2 chips would hold out 0..7 | out 8..8)" in said
    assert "no link between chips" in refused.value.fix


def test_cores_and_blocks_are_not_taken_for_one_another():
    loihi = sw.Program(sw.Input((2,)), (sw.Population("p", (2,)),))
    with pytest.raises(UnsupportedError, match="loihi1: states no blocks"):
        place_blocks(loihi, "loihi1")
    with pytest.raises(UnsupportedError, match="xylo2: has blocks"):
        place(xylo(), "xylo2")
    with pytest.raises(UnsupportedError, match="target xylo2"):
        place_blocks(loihi, "xylo2")


def test_the_command_places_on_blocks(tmp_path, monkeypatch, capsys):
    sw.write_program(xylo(sizes=(20, 30)), tmp_path / "p.nir")
    write_raster(tmp_path / "x.npz", np.ones((1, 2, 16), np.uint8))
    monkeypatch.chdir(tmp_path)
    words = ["place", "p.nir", "--target", "xylo2"]
    assert main([*words, "-o", "place.json"]) == 0
    assert "one chip of blocks" in capsys.readouterr().out
    said = json.loads((tmp_path / "place.json").read_text())
    assert said["schema"] == "snn2hw.blocks/1"
    assert [block["used"] for block in said["blocks"]] == [16, 50, 8]
    assert main([*words, "--input", "x.npz", "--picture", "m.png"]) == 2
    assert "--input, --picture: xylo2 has blocks" in capsys.readouterr().err


def test_a_chip_file_names_all_blocks_or_none(tmp_path):
    assert get_target("xylo2").blocks == BlockLimits(16, 1000, 8)
    assert get_target("loihi1").blocks is None
    assert "hidden block" in str(get_target("xylo2"))
    text = resources.files("snn2hw.chips").joinpath("xylo2.toml").read_text()
    own = tmp_path / "own.toml"
    for changed, said in (
        (text.replace("hidden = 1000\n", ""), "hidden is missing"),
        (text.replace("hidden = 1000", "hidden = 0"), "hidden"),
    ):
        own.write_text(changed)
        with pytest.raises(InputError, match=said):
            get_target(own)
