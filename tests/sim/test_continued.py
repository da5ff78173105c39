"""A run in pieces is the reference's run of the whole, value for value, whatever the program and the pieces."""

import numpy as np
import pytest

from sim.errors import InputError, MachineError
from sim.fast.continued import Continued
from sim.program import Connection, Dense, Input, Population, Program
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


def test_a_run_that_leaves_the_machine_names_the_step_of_the_whole_and_is_over():
    program = Program(Input((1,), 0, 2), (Population("p", (1,), (Connection("input", Dense([[2**20]])),), dv=4095),))
    run, quiet = Continued(program), np.zeros((3, 1), np.uint8)
    run.push(quiet)
    with pytest.raises(MachineError, match=r"at step 4 of sample 0: \|a\| >= 2\^21"):
        run.push(np.array([[0], [2], [0]]))
    with pytest.raises(MachineError, match="this run ended with an error  fix: start another one"):
        run.push(quiet)
