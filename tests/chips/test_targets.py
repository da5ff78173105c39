"""Targets: rows of data with sources, and a user's own from a file."""

import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest

from sim.errors import InputError
from snn2hw.chips.target import TARGETS, get_target, read_target

LOIHI = resources.files("snn2hw.chips").joinpath("loihi1.toml").read_text(encoding="utf-8")
MISTAKES = tomllib.loads(Path(__file__).with_name("mistakes.toml").read_text(encoding="utf-8"))["mistakes"]


@pytest.mark.parametrize("name", TARGETS)
def test_every_row_reads_and_says_where_its_numbers_come_from(name):
    target = get_target(name)
    assert target.name == name
    assert len(target.sources) >= 7
    assert get_target(target) is target


def test_the_chips_are_what_their_papers_say():
    loihi, wide = get_target("loihi1"), get_target("fixed")
    assert (loihi.weight_rule, loihi.weight_bits, loihi.weight_exponent) == ("loihi", (1, 8), (-8, 7))
    assert (loihi.registers["vth"], loihi.registers["bias_mantissa"], loihi.resets) == (
        (0, 131071),
        (-4096, 4095),
        ("zero",),
    )
    assert (loihi.core.neurons, loihi.core.synapse_bits, loihi.cores) == (1024, 1 << 20, 128)
    assert (wide.weight_rule, wide.weight_bits) == ("signed", (2, 16))


def test_a_users_own_chip_is_read_from_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(LOIHI.replace('name = "loihi1"', 'name = "mine"').replace("bits = [1, 8]", "bits = [2, 6]"))
    assert get_target(path).weight_bits == (2, 6)
    assert get_target(str(path)).name == "mine"


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES)
def test_a_mistake_in_a_file_is_named_with_its_cure(tmp_path, old, new, message):
    assert old in LOIHI
    path = tmp_path / "mine.toml"
    path.write_text(LOIHI.replace(old, new, 1))
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_target(path)
    assert str(path) in str(caught.value)
    assert caught.value.fix


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(
        InputError,
        match=r"'loihi3' is unknown  fix: use one of loihi1, loihi2, xylo2, fixed .did you mean 'loihi2'",
    ):
        get_target("loihi3")
    with pytest.raises(InputError, match="cannot be read"):
        get_target("nowhere.toml")
