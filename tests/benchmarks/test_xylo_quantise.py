"""The two published ways of rounding for a Xylo chip, on weights small enough to do by hand."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
WEIGHTS = {"a": np.array([[0.5, -1.0], [0.25, 0.0]]), "b": np.array([[2.0, 0.0]]), "out": np.array([[0.1], [0.2]])}
THETA = {name: np.ones(len(w)) for name, w in WEIGHTS.items()}


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("xylo_quantise")


@pytest.mark.parametrize(
    ("per", "expected"),
    [
        pytest.param("global", ([63.5, 63.5], [63.5], [635.0, 635.0]), id="one for all hidden and one for all outputs"),
        pytest.param("channel", ([127.0, 508.0], [63.5], [1270.0, 635.0]), id="one for each neuron"),
    ],
)
def test_scales_are_shared_as_the_method_says(benchmark: ModuleType, per: str, expected: tuple[list[float]]) -> None:
    found = benchmark.scales(WEIGHTS, THETA, per, "out")
    assert {name: scale.tolist() for name, scale in found.items()} == dict(zip(WEIGHTS, expected, strict=True))


def test_a_threshold_that_leaves_its_register_bounds_the_scale(benchmark: ModuleType) -> None:
    weights = {"a": np.array([[0.001], [1.0]]), "out": np.array([[1.0]])}
    theta = {"a": np.ones(2), "out": np.ones(1)}
    assert benchmark.scales(weights, theta, "channel", "out")["a"].tolist() == [32767.0, 127.0]
    small = {"a": np.array([[0.001], [0.002]]), "out": np.array([[1.0]])}
    assert benchmark.scales(small, theta, "global", "out")["a"].tolist() == [32767.0, 32767.0]
