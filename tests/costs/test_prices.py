"""Price tables: what they must say, and what they predict."""

from pathlib import Path

import numpy as np
import pytest

from sim.errors import InputError
from snn2hw.costs.price_files import TABLES, get_table
from snn2hw.costs.prices import EVENTS, Event
from snn2hw.costs.pricing import price
from snn2hw.costs.workload import Workload


@pytest.mark.parametrize("name", TABLES)
def test_every_price_has_a_source_and_a_kind(name: str) -> None:
    table = get_table(name)
    assert set(table.prices) == set(EVENTS[table.view])
    for one in table.prices.values():
        assert len(one.source) > 10
        assert 0 <= one.low <= one.amount <= one.high


def test_no_table_of_the_package_claims_a_measurement() -> None:
    assert "measured" not in {kind for name in TABLES for kind in get_table(name).kinds}


def _search(synops: int, updates: int) -> Workload:
    """Return the census of a nearest-neighbour search, no neuron of which is active."""
    zero = np.zeros(1, dtype=np.int64)
    events: dict[Event, np.ndarray] = dict.fromkeys(EVENTS["chip"], zero)
    events |= {"synop_dense": np.array([synops]), "update_inactive": np.array([updates])}
    return Workload("snn", 1, events, {}, ())


def test_the_published_prices_meet_the_measured_search_within_a_fifth() -> None:
    table = get_table("loihi1_davies2018")
    patterns, steps, measured_mj = 76_800, 60, 1.33
    energies_mj = []
    for input_spikes in (667, 750):
        synops = input_spikes * patterns
        assert 5.12e7 <= synops <= 5.76e7
        energies_mj.append(float(price(_search(synops, patterns * steps), table).total.counted[0]) * 1e-9)
    assert patterns * steps == 4.608e6
    assert energies_mj == pytest.approx([1.45, 1.60], abs=0.005)
    for mj in energies_mj:
        assert 1.08 < mj / measured_mj < 1.21


def test_the_fitted_prices_over_predict_the_same_search() -> None:
    table = get_table("loihi1_sanafe2025")
    energies_mj = [float(price(_search(n * 76_800, 76_800 * 60), table).total.counted[0]) * 1e-9 for n in (667, 750)]
    assert energies_mj == pytest.approx([2.05, 2.28], abs=0.01)


def test_the_band_of_the_published_prices_is_all_inactive_to_all_active() -> None:
    cost = price(_search(0, 1000), get_table("loihi1_davies2018")).total
    assert (cost.low[0], cost.counted[0], cost.high[0]) == (52_000, 52_000, 81_000)


def test_the_conventions_give_their_known_ratios() -> None:
    ratios = {
        name: table.prices["multiply_accumulate"].amount / table.prices["accumulate"].amount
        for name in ("cmos45_fp32", "cmos45_int8")
        for table in [get_table(name)]
    }
    assert ratios == pytest.approx({"cmos45_fp32": 5.11, "cmos45_int8": 3.0}, abs=0.005)


def test_a_memory_access_costs_what_its_size_costs() -> None:
    memory = get_table("cmos45_int8_memory").memory
    assert memory is not None
    known = {1: 10.0, 8 << 10: 10.0, 32 << 10: 20.0, 1 << 20: 100.0}
    assert {size: memory.access(size * 8) for size in known} == pytest.approx(known)
    assert memory.access((16 << 10) * 8) == pytest.approx(10 * 2**0.5)  # half way between 8 and 32 KB in logarithms
    assert 100 < memory.access((4 << 20) * 8) < 400


TABLE = """
title = "mine"
view = "operations"
unit = "op"
scope = "operations"
notes = []
[[price]]
event = "synop"
amount = 1
kind = "assumed"
source = "a guess of mine"
[[price]]
event = "update"
amount = 2.5
kind = "measured"
source = "my own board"
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_a_users_own_table_is_one_more_file(tmp_path: Path) -> None:
    table = get_table(_write(tmp_path, TABLE))
    assert (table.name, table.prices["update"].amount, table.kinds) == ("mine", 2.5, ("assumed", "measured"))


def test_a_table_extends_another(tmp_path: Path) -> None:
    table = get_table(_write(tmp_path, 'extends = "cmos45_int8"\ntitle = "no notes"\nnotes = []\n'))
    assert table.prices == get_table("cmos45_int8").prices
    assert (table.title, table.notes) == ("no notes", ())


NO_EVENT = "price of 'hop': no event of the view 'operations'  fix: use: synop, update"
NO_KIND = "kind 'known', source 'my own board'  fix: write kind = one of measured"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('event = "update"', 'event = "hop"', NO_EVENT),
        ('event = "update"', 'event = "synop"', "no price for update"),
        ("amount = 2.5", "amount = -1", "low -1, amount -1, high -1  fix: write 0 <= low <= amount <= high"),
        ("amount = 2.5", "amount = 2.5\nlow = 3", "low 3, amount 2.5, high 2.5"),
        ("amount = 2.5", "amont = 2.5", "unknown: amont"),
        ('kind = "measured"', 'kind = "known"', NO_KIND),
        ('source = "my own board"', 'source = ""', "source ''"),
        ('view = "operations"', 'view = "chips"', "view is 'chips'  fix: write one of: chip, arithmetic, operations"),
        ('unit = "op"', "", "unit is missing"),
        ('unit = "op"', 'unit = "op"\nhue = 1', "unknown: hue"),
        ("notes = []", 'notes = "none"', "notes is 'none'  fix: write a list"),
        ("notes = []", "notes = [", "not TOML"),
        ("notes = []", 'notes = []\nextends = "x"', "extends 'x', which is no table"),
        ("[[price]]", "[memory]\nword_bits = 0\n[[price]]", r"\[memory\]: word_bits 0"),
    ],
)
def test_a_wrong_table_is_refused_with_its_cure(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = _write(tmp_path, TABLE.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        get_table(path)


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(InputError, match="price table 'loihi3' is unknown  fix: use one of loihi1_davies2018"):
        get_table("loihi3")


def test_a_network_is_not_priced_by_a_table_of_events_it_does_not_count() -> None:
    workload = Workload("ann", 1, {"multiply_accumulate": np.ones(1, np.int64)}, {}, ())
    with pytest.raises(InputError, match=r"prices synop_dense, .* which a run of an ANN has not"):
        price(workload, get_table("loihi1_davies2018"))
