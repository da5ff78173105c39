"""The confidence interval is Student's."""

import numpy as np
import pytest

from snn2hw.costs.estimate import estimate, t_quantile


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("degrees", [1, 2, 3, 5, 10, 30, 299, 5000])
def test_the_quantile_is_that_of_the_t_distribution(confidence: float, degrees: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.t.ppf((1 + confidence) / 2, degrees)
    assert t_quantile(confidence, degrees) == pytest.approx(expected, rel=1e-9)


def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    intervals = [estimate(rng.normal(3, 2, 8), 0.9) for _ in range(1000)]
    covered = np.mean([e.low < 3 < e.high for e in intervals if e.low is not None and e.high is not None])
    assert 0.87 < covered < 0.93


def test_one_sample_has_a_mean_and_no_interval() -> None:
    one = estimate([7])
    assert (one.mean, one.low, one.high) == (7.0, None, None)


def test_samples_that_agree_leave_no_doubt() -> None:
    same = estimate([4, 4, 4])
    assert (same.low, same.high) == (4.0, 4.0)
