"""The doctor names what is there, what is not and how to get it; auto waits for no compiler that is not worth it."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import snn2hw as sw
from sim import auto
from sim.auto import chosen_engine, seconds_of_reference
from sim.cures import EXTRAS
from snn2hw.commands import main
from snn2hw.verification import EXECUTORS

ROOT = Path(__file__).parents[2]


def dense(n):
    wiring = sw.Dense(np.ones((n, n), np.int8))
    return sw.Program(sw.Input((n,)), (sw.Population("p", (n,), (sw.Connection("input", wiring),), vth=10),))


def test_the_doctor_names_every_package_and_executor(capsys):
    assert main(["doctor", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "snn2hw.doctor/1"
    assert {t["name"] for t in said["things"]} >= {"numpy", "numba", *EXTRAS, *EXECUTORS}
    assert said["line"].startswith(f"snn2hw {sw.__version__}, Python {sys.version.split()[0]}")


def test_what_is_missing_is_named_with_its_cure(capsys, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr("snn2hw.doctor.find_spec", lambda name: None if name == "soxr" else real(name))
    assert main(["doctor"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("soxr"))
    assert "missing" in line
    assert 'pip install "snn2hw[audio]"' in line


def test_small_work_is_the_reference_s_and_large_work_is_not(monkeypatch):
    monkeypatch.setattr("sim.fast.readiness.missing", lambda *_: _missing(0))
    assert chosen_engine(dense(4), (1, 1), ()) == "reference"
    assert chosen_engine(dense(2000), (1000, 100), ()) == "fast"


def test_work_that_is_done_before_kernels_are_compiled_goes_to_the_reference(monkeypatch, capsys):
    monkeypatch.setattr("sim.fast.readiness.missing", lambda *_: _missing(9))
    monkeypatch.setattr("sim.fast.readiness.compile_loops", lambda *_: None)
    program = dense(1000)
    batch = round(3 / seconds_of_reference(program, 1, 100))  # three seconds of work, nine loops to compile
    assert chosen_engine(program, (batch, 100), ()) == "reference"
    assert capsys.readouterr().err == ""
    assert chosen_engine(program, (100 * batch, 100), ()) == "fast"
    assert "compiling 9 kernels for this machine, once" in capsys.readouterr().err


def _missing(loops):
    from sim.fast.readiness import Missing

    return Missing(False, (None,) * loops)


@pytest.mark.parametrize("choice", ["reference", "fast"])
def test_the_engine_that_auto_chooses_changes_no_bit(choice, monkeypatch):
    monkeypatch.setattr("sim.engines.chosen_engine", lambda *_: choice)
    program, raster = dense(20), np.ones((2, 7, 20), np.uint8)
    one, other = sw.run(program, raster, record=("spikes", "u", "v")), sw.run(program, raster, engine="reference")
    assert np.array_equal(one.output, other.output)
    assert all(np.array_equal(one.counts.synops[n], other.counts.synops[n]) for n in one.counts.synops)


def test_another_arithmetic_is_the_reference_s(monkeypatch):
    monkeypatch.setattr(auto, "require_arithmetic", _refuse)
    assert chosen_engine(dense(2000), (1000, 100), ()) == "reference"


def _refuse(*_):
    raise sw.Snn2hwError("another arithmetic", "")


def test_kernels_that_a_run_made_are_not_missing_afterwards():
    from sim.fast.readiness import kernels_cached, missing

    program, raster = dense(24), np.ones((2, 6, 24), np.uint8)
    sw.run(program, raster, engine="fast")
    assert missing(program, 6, ("spikes",)).kernels == 0
    assert kernels_cached() > 0


def test_a_small_run_on_a_new_machine_compiles_nothing(tmp_path):
    code = (
        "import numpy as np, sys, snn2hw as sw\n"
        "d = sw.Dense(np.ones((9, 9), int))\n"
        "p = sw.Program(sw.Input((9,)), (sw.Population('p', (9,), (sw.Connection('input', d),), vth=5),))\n"
        "sw.run(p, np.ones((1, 5, 9), int))\n"
        "print('numba' in sys.modules)"
    )
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout == "False\n"
    assert list(tmp_path.iterdir()) == []
