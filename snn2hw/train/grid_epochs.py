"""A training whose model is on a grid: its grids are chosen anew with every epoch."""

from dataclasses import replace

from snn2hw.train.loop import Training
from snn2hw.train.on_grid import settle_grids

__all__ = ["begun_on_grid"]


def begun_on_grid(training: Training) -> Training:
    """Return a training that settles the grids of its model at the start of every epoch, behind what it began with."""

    def begins(epoch: int) -> None:
        training.begins(epoch)
        settle_grids(training.model)

    return replace(training, begins=begins)
