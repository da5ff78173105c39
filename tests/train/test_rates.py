"""Rates are functions of where one is; the cycle is torch's, bit for bit."""

import math

import pytest
import torch

from snn2hw.train.rates import Moment, cosine, one_cycle


@pytest.mark.parametrize(("epochs", "batches"), [(1, 1), (1, 2), (2, 3), (15, 45), (120, 7)])
def test_one_cycle_is_that_of_torch(epochs, batches):
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=0.03)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.03, total_steps=epochs * batches, pct_start=0.15)
    for step in range(epochs * batches):
        group = optimizer.param_groups[0]
        at = Moment(step // batches, step % batches, epochs, batches)
        assert one_cycle(0.03, at) == (group["lr"], group["betas"][0])
        optimizer.step()
        if step + 1 < epochs * batches:
            theirs.step()


def test_a_cosine_falls_from_the_peak_to_zero():
    rates = [cosine(2.0, Moment(epoch, batch, 4, 5))[0] for epoch in range(4) for batch in range(5)]
    assert rates[0] == 2.0
    assert rates == sorted(rates, reverse=True)
    assert rates[10] == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(1 + math.cos(math.pi * 0.95))
