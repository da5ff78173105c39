"""The tables of the accuracy benchmark: every row has the header's cells, and every number is what the runs say."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

METHODS = ("max layer", "max channel", "mse layer", "mse channel", "tuned")


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module("accuracy_table")


def _row(wrong: list[int], varied: list[int]) -> dict[str, Any]:
    rest = {"answers_as_float": 0.9, "readout_error": 0.1, "digest": "d"}
    told = {"wrong": f"{sum(1 << i for i in wrong):x}", "varied_wrong": f"{sum(1 << i for i in varied):x}"}
    return {"accuracy": 1 - len(wrong) / 10, "varied_accuracy": 0.8} | told | rest


def _runs() -> dict[str, Any]:
    """Return two seeds at 4 bit: `mse channel` makes the float network's mistake and one more in the second."""
    runs = {}
    for seed, more in (("a", []), ("b", [7])):
        wide = {"neuron_steps": 1000, "different": 3, "roots": 2, "root_distance_of_threshold": 0.001}
        wide |= {"root_units": 0.25, "own_units": 0.5}
        rows = {f"4 {method}": _row([1, 2, 3], [0, 1, 2]) for method in METHODS}
        rows["4 mse channel"] = _row([1, *more], [0])
        runs[seed] = {
            "float": _row([1], []),
            "16 bit fixed": _row([1], []) | wide,
            "levels 8": _row([1, 2], []),
            **rows,
        }
    return runs


def test_every_row_has_as_many_cells_as_its_header(tables: ModuleType) -> None:
    rows = ["float", "16 bit fixed", *(f"4 {m}" for m in METHODS), "levels 8"]
    for text in (tables.table(_runs(), rows, [4]), tables.summary(_runs(), [4], [8])):
        for block in text.split("\n\n"):
            lines = [line for line in block.splitlines() if line.startswith("|")]
            assert len({line.count("|") for line in lines}) <= 1, block


def test_losses_are_points_against_the_same_network_in_float(tables: ModuleType) -> None:
    text = tables.table(_runs(), ["float", "4 mse channel", "levels 8", "9 bit"], [4])
    assert "| 4 mse channel | 85.00 % | +5.00 ± 7.07 | +10.00 | 90.00 % | 10.00 % | 80.00 % |" in text
    assert "| levels 8 | 80.00 % | +10.00 ± 0.00 | +10.00 |" in text
    assert "9 bit" not in text
    assert "99.7000% of 2,000 neuron-steps" in text
    assert "6 others begin at 4 roots" in text
    assert "at most 0.25 of what one unit" in text


def test_methods_are_compared_where_only_one_is_right(tables: ModuleType) -> None:
    text = tables.table(_runs(), ["float"], [4])
    assert "| 4 | mse channel than mse layer | 4 : 1 | 4 : 0 | 0.12 |" in text
    assert "| 4 | mse layer than max layer | 0 : 0 | 0 : 0 | 1 |" in text
    assert "lose: none. By readout error these are worse: none." in text
    runs = _runs()
    runs["a"]["4 max channel"] = _row([], [0]) | {"readout_error": 0.05}
    text = tables.table(runs, ["float"], [4])
    assert "lose: 4 mse channel to max channel by 1 recordings" not in text  # 3 : 2 over both seeds
    assert "By readout error these are worse: 4 mse channel than max channel." in text
    runs["b"]["4 max channel"] = _row([], [0])
    assert "lose: 4 mse channel to max channel by 3 recordings (p = 0.25)" in tables.table(runs, ["float"], [4])


def test_the_summary_tells_compiled_and_tuned_losses(tables: ModuleType) -> None:
    text = tables.summary(_runs(), [4, 3], [8])
    assert "| 4 | +5.00 ± 7.07 | +20.00 ± 0.00 | +20.00 ± 0.00 |" in text
    assert "| 3 | - | - | - |" in text
    assert "loses +10.00 ± 0.00 at 8 levels" in text
    assert "(float: 90.00 %)" in text
