"""A run in pieces is the reference's run of the whole, value for value, whatever the program and the pieces."""

import numpy as np
import pytest

from sim.errors import InputError, MachineError
from sim.fast.continued import Continued
from sim.reference import simulate
from sim.request import Request
from tests.programs import random_program, random_raster


@pytest.mark.parametrize("seed", range(40))
def test_pieces_give_what_the_reference_gives_for_the_whole(seed):
    random = np.random.default_rng(seed)
    program = random_program(random)
    raster = random_raster(random, program)
    try:
        wanted = simulate(program, raster, Request()).output[0]
    except MachineError:
        pytest.skip("the program leaves the machine's limits")
    run, made, at = Continued(program), [], 0
    while at < raster.shape[1]:
        step = int(random.integers(0, 4))
        made.append(run.push(raster[0, at : at + step]))
        at += step
    assert (np.concatenate(made) == wanted).all()


def test_messages_that_do_not_fit_are_refused():
    program = random_program(np.random.default_rng(0))
    with pytest.raises(InputError, match="give integers"):
        Continued(program).push(np.zeros((2, 99), np.int16))
    high = np.full((1, *program.input.shape), program.input.hi + 1)
    with pytest.raises(InputError, match="the program takes"):
        Continued(program).push(high)
