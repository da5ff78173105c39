"""The comparison with the process graph is seen to fail: a plan with one mistake in it does not agree."""

import json

import numpy as np
import pytest

from exporters.lava import run as run_lava
from exporters.to_lava import export
from sim.compare import first_divergence
from sim.engines import run
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.trace import RECORDABLE


def _program():
    """Everything that the plan times or gates, with rates at which each message matters."""
    rng = np.random.default_rng(2)
    image = Population(
        "image",
        (2, 3, 4),
        (Connection("input", Conv(rng.integers(5, 60, (2, 1, 3, 3)), padding=(1, 1)), -1, 2),),
        vth=30,
    )
    inputs = (
        Connection("image", Dense(rng.integers(-20, 60, (5, 24)))),
        Connection("input", Dense(rng.integers(0, 300, (5, 12))), 0, 1),
        Connection("flat", Dense(rng.integers(-60, 20, (5, 5))), 0, 2),
    )
    flat = Population(
        "flat", (5,), inputs, vth=90, dv=300, du=900, bias_mantissa=700, v0=2000, u0=-900, reset="subtract"
    )
    return Program(Input((1, 3, 4)), (image, flat))


def _later(plan, arrays):
    plan["populations"][1]["start"] += 1


def _delayed(plan, arrays):
    plan["populations"][1]["inputs"][1]["delay"] += 1


def _longer_line(plan, arrays):
    plan["populations"][0]["inputs"][0]["line"] += 1


def _ungated(plan, arrays):
    plan["populations"][1]["gated"] = False


def _no_gap(plan, arrays):
    plan["gap"] = 0


def _reset_to_zero(plan, arrays):
    plan["populations"][1]["subtract"] = False


def _not_shifted(plan, arrays):
    plan["populations"][0]["inputs"][0]["shift"] = 0


def _other_start_value(plan, arrays):
    arrays["v.flat"] = arrays["v.flat"] + 1


def _upright_kernel(plan, arrays):
    arrays["weight.image.0"] = arrays["weight.image.0"][:, ::-1, ::-1]


def _stock_neuron(plan, arrays):
    plan["populations"][1]["stock"] = True


MISTAKES = {
    _later: "flat",
    _delayed: "flat",
    _longer_line: "image",
    _ungated: "flat",
    _no_gap: "image",
    _reset_to_zero: "flat",
    _not_shifted: "image",
    _other_start_value: "flat",
    _upright_kernel: "image",
    _stock_neuron: "flat",
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.__name__.strip("_"))
def test_one_mistake_in_a_plan_is_found_where_it_is(mistake, tmp_path):
    program = _program()
    raster = (np.random.default_rng(3).random((2, 8, 1, 3, 4)) < 0.5).astype(np.int32)
    expected = run(program, raster, record=RECORDABLE)
    folder = export(program, tmp_path / "lava").folder
    plan, arrays = json.loads((folder / "plan.json").read_text()), dict(np.load(folder / "arrays.npz"))
    mistake(plan, arrays)
    (folder / "plan.json").write_text(json.dumps(plan))
    np.savez(folder / "arrays.npz", **arrays)
    found = first_divergence(program, expected, run_lava(program, raster, folder=folder))
    assert found is not None
    assert found.population == MISTAKES[mistake]


def test_without_a_mistake_it_agrees(tmp_path):
    program = _program()
    raster = (np.random.default_rng(3).random((2, 8, 1, 3, 4)) < 0.5).astype(np.int32)
    expected = run(program, raster, record=RECORDABLE)
    assert expected.spikes["flat"].any()
    assert expected.spikes["image"].any()
    folder = export(program, tmp_path / "lava").folder
    assert first_divergence(program, expected, run_lava(program, raster, folder=folder)) is None
