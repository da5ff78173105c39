"""Each way to get the kernel for Xylo programs wrong is put into a copy of it, and the reference must not agree."""

import pytest

from tests.rows import listed
from tests.sim.test_mutants import CASES, LISTS, assert_killed, outcomes_of

MUTANTS = listed(LISTS, "xylo_kernel")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    return outcomes_of(tmp_path_factory.mktemp, MUTANTS, "tests.sim.fast.xylo_battery")


@pytest.mark.full
def test_the_unchanged_copy_passes(outcomes):
    assert outcomes["unchanged"].stdout == f"{CASES} cases equal\n", outcomes["unchanged"].stderr


@pytest.mark.full
@pytest.mark.parametrize("name", MUTANTS)
def test_the_reference_does_not_agree(outcomes, name):
    assert_killed(outcomes[name], "seed ")
