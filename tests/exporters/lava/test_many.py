"""The long form: many random programs, and many neuron updates."""

from itertools import islice

import pytest

from tests.exporters.lava.agree import assert_lava_agrees, runnable_cases

GRAPHS = 300
CLASSES, UPDATES = 200, 10**8


@pytest.mark.full
def test_300_random_programs_agree_as_process_graphs():
    updates = [assert_lava_agrees(program, raster) for program, raster in islice(runnable_cases(10), GRAPHS)]
    assert len(updates) == GRAPHS
    print(f"{GRAPHS} programs, {sum(updates)} neuron updates")


@pytest.mark.full
def test_200_random_programs_agree_on_lavas_classes_over_many_updates():
    total = 0
    for program, raster in islice(runnable_cases(20, batch=150, steps=50), CLASSES):
        total += assert_lava_agrees(program, raster, executor="classes")
    assert total >= UPDATES
    print(f"{CLASSES} programs, {total} neuron updates")
