"""Windows of a graded input that are read whole, whatever the activity, give what lists of events give."""

import pytest

from sim.fast import Kernels
from sim.fast.layout import matrix
from tests.sim.fast.test_equal_to_reference import KERNELS, assert_equal_on


@pytest.mark.parametrize("share", [-1, 2], ids=["always", "never"])
@pytest.mark.parametrize("kernels", [k for k in KERNELS if k.values[0] in ("avx512", "portable")])
def test_the_choice_between_lists_and_whole_windows_changes_nothing(kernels: Kernels, share, monkeypatch):
    monkeypatch.setattr(matrix, "CROSSOVER", share)
    assert assert_equal_on(range(2000, 2150), kernels) >= 80
