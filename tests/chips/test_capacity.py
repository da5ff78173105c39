"""Sizes: what a network takes of a chip at least, and what no placement fits."""

from dataclasses import replace

import nir
import numpy as np
import pytest

from sim.errors import UnsupportedError
from snn2hw.chips.capacity import cores_needed, demand_of
from snn2hw.chips.preflight import check, cores
from snn2hw.chips.target import CoreLimits, get_target
from snn2hw.compiler.compile import compile, compile_source
from snn2hw.network.registers import machine_of
from tests.sources.nir_nets import chain, cuba, lif, source

LOIHI = get_target("loihi1")


def image(side, channels=2):
    """One convolution of 3 x 3 into neurons of ``channels`` images."""
    conv = nir.Conv2d(None, np.ones((channels, 1, 3, 3)), 1, 1, 1, 1, None)
    return source(chain(conv, lif(channels), shape=(1, side, side)))


def matrix(inputs, outputs, value=1.0):
    return source(chain(nir.Linear(np.full((outputs, inputs), value)), lif(outputs), shape=(inputs,)))


def test_a_kernel_counts_once_and_its_image_in_full():
    (demand,) = demand_of(machine_of(image(8)), {"n1": 8})
    assert (demand.neurons, demand.weights, demand.synapse_bits, demand.row) == (128, 18, 144, 9)


def test_weights_of_zero_take_no_bits():
    weight = np.eye(5)
    (demand,) = demand_of(machine_of(source(chain(nir.Linear(weight), lif(5), shape=(5,)))), {"n1": 4})
    assert (demand.weights, demand.synapse_bits, demand.row) == (5, 20, 1)


def test_the_scarcest_resource_decides():
    target = replace(LOIHI, core=CoreLimits(neurons=10, synapse_bits=1000))
    few, many = (cores_needed(demand_of(machine_of(matrix(n, 20)), {"n1": 8}), target) for n in (2, 60))
    assert (few.neurons, few.synapse_bits, few.decay_configs, few.least, few.decisive) == (2, 1, None, 2, "neurons")
    assert (many.neurons, many.synapse_bits, many.least, many.decisive) == (2, 10, 10, "bits of synapses")


def test_neurons_with_decays_of_their_own_need_registers_for_them():
    neuron = nir.LIF(np.arange(4, 44) * 1e-3, *np.full((3, 40), [[1.0], [0.0], [0.3]]), v_reset=np.zeros(40))
    s = source(chain(nir.Linear(np.ones((40, 2))), neuron, shape=(2,)))
    assert cores(s, LOIHI).decay_configs == 2
    (problem,) = check(s, replace(LOIHI, cores=1))
    assert problem.what == "needs 2 cores for its different decays, Intel Loihi 1 has 1"


@pytest.mark.parametrize(
    ("s", "changes", "what"),
    [
        (image(260), {}, "needs 133 cores for its neurons, Intel Loihi 1 has 128"),
        (matrix(9, 3), {"core": CoreLimits(neurons=1), "cores": 2}, "needs 3 cores for its neurons"),
        (matrix(9, 3), {"core": CoreLimits(synapse_bits=8)}, "one neuron has 9 weights of 8 bit, a core of Intel"),
        (matrix(9, 30), {"core": CoreLimits(synapse_bits=80), "cores": 4}, "needs 27 cores for its bits of synapses"),
    ],
    ids=["neurons of a chip", "one neuron per core", "eight bits per core", "bits of a chip"],
)
def test_what_no_placement_fits_is_refused_by_check_and_by_compile_alike(s, changes, what):
    target = replace(LOIHI, **changes)
    assert any(what in problem.what for problem in check(s, target))
    with pytest.raises(UnsupportedError, match=what):
        compile(s, target)


def test_fewer_bits_may_fit_where_eight_do_not():
    target = replace(LOIHI, core=CoreLimits(synapse_bits=100), cores=2)
    s = matrix(10, 3)
    assert check(s, target)
    assert check(s, target, weight_bits=4) == []
    compile(s, target, weight_bits=4)


def test_a_chip_without_cores_has_no_limit():
    assert check(image(260), "fixed") == []
    assert cores(image(8), "fixed").least == 1


def test_check_and_compile_judge_graded_input_alike():
    spikes_only = replace(LOIHI, graded_input=False)
    s = matrix(4, 3)
    assert check(s, spikes_only) == []
    assert check(s, LOIHI, messages=(0, 31)) == []
    (problem,) = check(s, spikes_only, messages=(0, 31))
    assert problem.what == "messages 0..31; Intel Loihi 1 takes 0 and 1"
    with pytest.raises(UnsupportedError, match=r"messages 0\.\.31; Intel Loihi 1 takes 0 and 1"):
        compile_source(s, spikes_only, messages=(0, 31))


def test_check_and_compile_add_up_delays_alike():
    delays = (nir.Delay(np.full(3, 0.04)), nir.Scale(np.full(3, 2.0)), nir.Delay(np.full(3, 0.03)))
    s = source(chain(*delays, nir.Linear(np.ones((2, 3))), lif(2), shape=(3,)))
    (problem,) = check(s, "loihi1")
    assert str(problem).startswith("node 'n0': delays by 70 steps, Intel Loihi 1 by at most 62")
    with pytest.raises(UnsupportedError, match="delays by 70 steps"):
        compile(s, "loihi1")


def test_decays_that_differ_are_named_before_anything_is_compiled():
    neuron = cuba(2)
    neuron.tau_mem = np.array([0.01, 0.02])
    s = source(chain(nir.Linear(np.ones((2, 3))), neuron, shape=(3,)))
    target = replace(LOIHI, per_neuron=("vth", "bias_mantissa", "bias_exponent", "u0", "v0"))
    (problem,) = check(s, target)
    assert problem.what == "has dv that differ between neurons, Intel Loihi 1 does not"


def test_a_population_whose_neurons_each_hear_one_input_is_refused_before_its_matrix_is_made():
    (problem,) = check(source(chain(lif(524_298), shape=(524_298,))), "loihi1")
    assert "one input to each of 524,298 neurons" in problem.what
