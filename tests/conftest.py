"""Settings of the whole suite."""

import os

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def the_definition_unless_an_engine_is_named(monkeypatch):
    """In the suite `run` without an engine is the reference: which one is done soonest is not what tests are about."""
    from sim.engines import run

    assert run.__kwdefaults__["engine"] == "auto"
    monkeypatch.setitem(run.__kwdefaults__, "engine", "reference")
