"""Every executor computes the same program: on random ones, and on the network this project trained and ships.

Lava's process graph runs a stated share; its own neuron and synapse classes, stepped without the runtime, run it all.
"""

from pathlib import Path

import numpy as np
import pytest

from exporters import lava, to_c, to_onnx
from exporters.schedule import schedule
from sim.compare import first_divergence
from sim.engines import run
from sim.errors import MachineError, UnsupportedError
from sim.program import Program
from sim.trace import RECORDABLE
from snn2hw.codec.decode import decide
from snn2hw.compiler.compile import compile_source
from snn2hw.demo.exhibit import load_exhibit, shipped
from snn2hw.sources.from_nir import from_nir
from tests.programs import random_program, random_raster
from tests.recordings import recordings

GRAPH_CLIPS = 4
TRAINED = Path(__file__).parents[1] / "fixtures" / "trained"
UPDATES = 100_000_000


def _fast(program, raster, *, timeout_s):
    return run(program, raster, engine="fast", record=RECORDABLE, allow_wrap=True)


EXECUTORS = {
    "fast": _fast,
    "onnx": to_onnx.execute,
    "c": to_c.execute,
    "lava-classes": lava.execute_classes,
    "lava": lava.execute,
}


def _agree(program: Program, raster: np.ndarray, names) -> int:
    """Compare every executor named with the reference; return the neuron updates each of them made."""
    expected = run(program, raster, record=RECORDABLE, allow_wrap=True)
    for name in names:
        got = EXECUTORS[name](program, raster, timeout_s=600)
        assert first_divergence(program, expected, got) is None, name
    return sum(p.size for p in program.populations) * raster.shape[0] * raster.shape[1]


def _drawn(seed: int) -> tuple[Program, np.ndarray] | None:
    """Return a random program that every format can say, or None."""
    rng = np.random.default_rng(50_000 + seed)
    program = random_program(rng)
    raster = random_raster(rng, program)
    try:
        schedule(program)
        run(program, raster, allow_wrap=True)
    except (UnsupportedError, MachineError):
        return None
    return program, raster


def _said_by_all(count: int) -> list[tuple[Program, np.ndarray]]:
    drawn = (_drawn(seed) for seed in range(10 * count))
    found = [case for case in drawn if case is not None]
    return found[:count]


@pytest.mark.parametrize("index", range(6))
def test_all_executors_agree_on_random_programs(index):
    _agree(*_said_by_all(6)[index], EXECUTORS)


@pytest.mark.full
def test_all_executors_agree_on_two_hundred_random_programs():
    cases = _said_by_all(200)
    assert len(cases) == 200
    for program, raster in cases:
        _agree(program, raster, EXECUTORS)


@pytest.fixture(scope="module")
def digits():
    """Return the shipped network, compiled for both chips, and its input."""
    exhibit = load_exhibit(shipped())
    programs = {t: compile_source(exhibit.source, t, exhibit.calibration).program for t in ("loihi1", "loihi2")}
    shape = programs["loihi1"].input.shape
    return programs, exhibit.test.reshape(*exhibit.test.shape[:2], *shape)


def test_all_executors_agree_on_the_shipped_network(digits):
    programs, raster = digits
    _agree(programs["loihi1"], raster[:2], EXECUTORS)


@pytest.mark.full
def test_all_executors_agree_on_a_hundred_million_neuron_updates_of_the_shipped_network(digits):
    programs, raster = digits
    rng = np.random.default_rng(0)
    for program in programs.values():
        _agree(program, raster[:GRAPH_CLIPS], EXECUTORS)
        updates = 0
        while updates < UPDATES // len(programs):
            mixed = np.clip(raster + rng.integers(-3, 4, raster.shape), 0, program.input.hi)  # no clip comes twice
            updates += _agree(program, mixed, ["fast", "onnx", "c", "lava-classes"])


@pytest.mark.full
def test_all_executors_agree_on_every_test_recording_of_spoken_digits():
    """The network is this project's own, trained on the official split; the recordings are other people's."""
    from snn2hw.audio.front import from_json, raster
    from snn2hw.audio.fsdd import read_fsdd

    corpus = read_fsdd(recordings("data", "fsdd"))
    name = TRAINED / "fsdd_hardware_direct"
    front = from_json(name.with_suffix(".front.json").read_text(encoding="utf-8"), str(name))
    parts = np.array(corpus.parts)
    heard = {part: [corpus.samples[i] for i in np.flatnonzero(parts == part)] for part in ("train", "test")}
    compiled = compile_source(from_nir(name.with_suffix(".nir")), "loihi1", raster(front, heard["train"][::20]))
    program, clips = compiled.program, raster(front, heard["test"])
    assert len(clips) == 300
    _agree(program, clips, EXECUTORS)
    got = to_c.execute(program, clips, timeout_s=600).v[program.output.name].reshape(*clips.shape[:2], -1)
    ours = run(program, clips, engine="fast", record=()).output.reshape(*clips.shape[:2], -1)
    np.testing.assert_array_equal(decide(got, front.decoder), decide(ours, front.decoder))
    assert (decide(got, front.decoder) == corpus.labels[parts == "test"]).mean() >= 0.98
