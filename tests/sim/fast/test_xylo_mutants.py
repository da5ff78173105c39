"""Each way to get the kernel for Xylo programs wrong is put into a copy of it, and the reference must not agree."""

import pytest

from tests.rows import listed
from tests.sim.test_mutants import CASES, LISTS, assert_killed, outcome_of

MUTANTS = listed(LISTS, "xylo_kernel")
BATTERY = "tests.sim.fast.xylo_battery"


@pytest.mark.full
def test_the_unchanged_copy_passes(tmp_path):
    outcome = outcome_of(tmp_path, BATTERY)
    assert outcome.stdout == f"{CASES} cases equal\n", outcome.stderr


@pytest.mark.full
@pytest.mark.parametrize("name", MUTANTS)
def test_the_reference_does_not_agree(name, tmp_path):
    assert_killed(outcome_of(tmp_path, BATTERY, MUTANTS[name]), "seed ")
