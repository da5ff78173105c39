"""xylosim 0.1.3 computes what our arithmetic says: every spike, current and membrane of random networks."""

import subprocess
import sys

import numpy as np
import pytest

from exporters.registry import export
from exporters.to_xylo import execute
from exporters.xylo.install import find_python
from exporters.xylo.runner import run as run_in_xylosim
from sim.arithmetic import xylo
from sim.compare import first_divergence
from sim.engines import run
from sim.errors import FileError, MissingToolError, ToolError
from sim.trace import recordable
from snn2hw.verification.lockstep import verify
from tests.exporters.xylo.networks import random_xylo

try:
    find_python()
    WHY = ""
except MissingToolError as error:
    WHY = str(error)

pytestmark = pytest.mark.skipif(bool(WHY), reason=f"{WHY}")

FEW, MANY = range(40), range(300)


def _differences(seeds):
    jobs = [random_xylo(seed) for seed in seeds]
    found, saturated = [], 0
    for seed, (program, raster), got in zip(seeds, jobs, run_in_xylosim(jobs, timeout_s=300.0), strict=True):
        trace = run(program, raster, record=recordable(program))
        saturated += any(clips.any() for clips in trace.counts.clips.values())
        difference = first_divergence(program, trace, got)
        if difference is not None:
            found.append(f"network {seed}: {difference}")
    return found, saturated


@pytest.mark.parametrize("seeds", [FEW, pytest.param(MANY, marks=pytest.mark.full)], ids=["few", "many"])
def test_random_networks_agree_in_every_value(seeds):
    found, saturated = _differences(seeds)
    assert not found
    assert saturated > len(seeds) / 2  # the saturated ones are those that prove the order of additions


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("dash", lambda x, n: x >> n),
        ("dash", lambda x, n: np.where((x >> n == 0) & (x > 0), 1, np.sign(x) * (np.abs(x) >> n))),
        ("_negated", lambda x: -x),
        ("saturate", lambda x: np.clip(x, -32767, 32767)),
    ],
    ids=["a dash of 0", "a dash rounded to zero", "a negation of 17 bits", "a symmetric range"],
)
def test_a_wrong_operation_is_seen(monkeypatch, name, wrong):
    monkeypatch.setattr(xylo, name, wrong)
    assert _differences(FEW)[0]


def test_a_wrong_order_of_sources_is_seen(monkeypatch):
    monkeypatch.setattr("sim.arrival.arrival_order", lambda program, p: list(range(len(p.inputs)))[::-1])
    assert _differences(FEW)[0]


def test_verify_runs_it_in_a_process_of_its_own():
    program, raster = random_xylo(3)
    verdict = verify(program, raster, against="xylosim")
    assert [(row.executor, row.status) for row in verdict.rows] == [("reference", "baseline"), ("xylosim", "equal")]


def test_an_exported_folder_runs_and_a_changed_weight_is_seen(tmp_path):
    program, raster = random_xylo(8, harsh=False)
    folder = export(program, "xylo", tmp_path / "x", raster).folder
    trace = run(program, raster, record=recordable(program))
    assert first_divergence(program, trace, execute(program, raster, timeout_s=60.0, folder=folder)) is None
    subprocess.run([find_python(), folder / "run_xylosim.py"], check=True)
    with np.load(folder / "recorded.npz") as recorded:
        assert recorded["spikes"].shape[0] == len(raster)
    with np.load(folder / "specification.npz") as stored:
        facts = dict(stored)
    facts["weights_in"] = -facts["weights_in"]
    np.savez(folder / "specification.npz", **facts)
    assert first_divergence(program, trace, execute(program, raster, timeout_s=60.0, folder=folder)) is not None


def test_a_folder_of_another_program_is_refused(tmp_path):
    export(random_xylo(8)[0], "xylo", tmp_path / "x")
    program, raster = random_xylo(9)
    with pytest.raises(FileError, match="was made from program"):
        execute(program, raster, timeout_s=60.0, folder=tmp_path / "x")


def test_its_time_limit_holds():
    program, raster = random_xylo(3)
    with pytest.raises(ToolError, match="xylosim: not done within its time limit"):
        execute(program, raster, timeout_s=0.001)


def test_our_process_never_loads_it():
    program, raster = random_xylo(3)
    execute(program, raster, timeout_s=60.0)
    assert not any(name.startswith("xylosim") for name in sys.modules)
