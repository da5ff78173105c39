"""Settings of the whole suite."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

UNMEASURED = (
    "border/test_kills.py",
    "placement/test_place.py",
    "project/test_pages.py",
    "sim/fast/test_equal_to_reference.py",
    "sim/fast/test_properties.py",
    "sources/test_norse_tasks.py",
    "sources/test_recorded_networks.py",
    "train/test_attributes.py",
    "train/test_few_bits.py",
    "train/test_pair_bits.py",
    "train/test_pairs.py",
    "train/test_run_models.py",
    "train/test_stream_learnt.py",
    "train/test_stream_recurrent.py",
)
"""Trainings and compilations that take long, and half as long again where traced: shorter tests reach the same."""
TRACED_BY = "COVERAGE_PROCESS_CONFIG"
"""Where coverage tells child processes that they are traced."""

# One thread in every process that runs tests: two processes are at work, and threads of one would wait for the other's.
for library in ("OMP", "OPENBLAS"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

settings.register_profile("default", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def the_definition_unless_an_engine_is_named(monkeypatch):
    """In the suite `run` without an engine is the reference: which one is done soonest is not what tests are about."""
    from sim.engines import run

    assert run.__kwdefaults__["engine"] == "auto"
    monkeypatch.setitem(run.__kwdefaults__, "engine", "reference")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """Trace no test of `UNMEASURED`, nor its fixtures and the processes that it starts."""
    plugin = item.config.pluginmanager.getplugin("_cov")
    controller = None if plugin is None else plugin.cov_controller
    where = item.path.relative_to(Path(__file__).parent).as_posix()
    if controller is None or not controller.started or where not in UNMEASURED:
        yield
        return
    processes = os.environ.pop(TRACED_BY, None)  # none where only this process is traced
    controller.pause()
    yield
    controller.resume()
    if processes is not None:
        os.environ[TRACED_BY] = processes
