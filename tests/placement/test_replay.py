"""SANA-FE, given our placement and spikes, sends the messages that we count, over the hops that we count."""

import numpy as np
import pytest

import snn2hw as sw
from sim.errors import MissingToolError
from snn2hw.placement.place import place
from snn2hw.placement.replay import replay
from snn2hw.placement.sanafe_install import find_python
from tests.placement.test_place import ROOMY, chip
from tests.programs import random_program, random_raster


@pytest.fixture(autouse=True)
def _installed():
    try:
        find_python()
    except MissingToolError as missing:
        pytest.skip(str(missing))


def network_pj(placement):
    """Return 111 pJ a message, 3.0 pJ a hop along a row and 4.2 pJ a hop along a column."""
    tiles, flow = placement.mesh.tiles, placement.flow
    at = np.array([core.place for core in placement.cores])
    across, down = np.abs(tiles[at[flow.sender]] - tiles[at[flow.reader]]).T
    return 111 * placement.messages + 3.0 * (across @ flow.messages) + 4.2 * (down @ flow.messages)


def test_twenty_random_programs_send_the_same_messages_over_the_same_hops():
    for seed in range(1, 21):
        rng = np.random.default_rng(seed)
        program = random_program(rng)
        raster = random_raster(rng, program, batch=1, steps=4)
        placement = place(program, chip(ROOMY, cores=16), raster=raster)
        found = replay(program, placement, raster)
        assert found.messages == placement.messages
        assert found.energy_pj["network"] == pytest.approx(network_pj(placement))


@pytest.mark.parametrize(("readers", "messages"), [(1, 4), (3, 12)])
def test_a_pattern_counted_by_hand(readers, messages):
    """Four spikes of one neuron; its readers, of one neuron each, lie in a core each."""
    first = sw.Population("first", (1,), (sw.Connection("input", sw.Dense([[127]])),), vth=0, du=4095, dv=4095)
    second = sw.Population("second", (readers,), (sw.Connection("first", sw.Dense(np.ones((readers, 1), int))),), vth=9)
    program = sw.Program(sw.Input((1,)), (first, second))
    raster = np.zeros((1, 9, 1), int)
    raster[0, [0, 2, 4, 6]] = 1
    target = chip(ROOMY.__class__(neurons=1), cores=16)
    placement = place(program, target, raster=raster, placer="in_order")
    assert len(placement.cores) == 1 + readers
    assert placement.messages == messages
    assert replay(program, placement, raster).messages == messages
