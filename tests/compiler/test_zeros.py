"""What was pruned stays pruned: a weight of zero is a mantissa of zero, however the rest is rounded."""

import numpy as np
import pytest

from snn2hw.compiler.compile import compile_source
from snn2hw.compiler.grid import grid_for
from snn2hw.compiler.rounding import compensating, spread_of
from tests.compiler.networks import convolutional, cuba, dense, lif, nir, raster, recurrent

NETWORKS = {
    "dense": (lambda rng: dense(rng, lif, bias=0.2), {("one", "input"): "fc1", ("two", "one"): "fc2"}),
    "filtered": (lambda rng: dense(rng, cuba), {("one", "input"): "fc1", ("two", "one"): "fc2"}),
    "convolutional": (
        convolutional,
        {("lif1", "input"): "conv1", ("lif2", "or"): "conv2", ("readout", "lif2"): "fc"},
    ),
    "recurrent": (recurrent, {("hidden", "input"): "fc", ("hidden", "hidden"): "w_rec", ("out", "hidden"): "fc2"}),
}


def pruned(source, random, share):
    """Return the source with a share of the weights of every map at zero, and where those are."""
    graph, gone = source.graph, {}
    nodes = dict(graph.nodes)
    for name, node in nodes.items():
        if isinstance(node, nir.Affine | nir.Linear | nir.Conv2d):
            gone[name] = random.random(node.weight.shape) < share
            node.weight = np.where(gone[name], 0.0, node.weight)
    return source, gone


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("bits", [8, 4, "ternary"])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.full), pytest.param(2, marks=pytest.mark.full)])
def test_zeros_of_random_networks_stay_zero(kind, bits, seed):
    random = np.random.default_rng(seed)
    make, maps = NETWORKS[kind]
    source, gone = pruned(make(random), random, random.uniform(0.3, 0.95))
    program = compile_source(source, "loihi1", raster(source, random), weight_bits=bits).program
    compared = set()
    for population in program.populations:
        for connection in population.inputs:
            name = maps.get((population.name, connection.source))
            weight = connection.wiring.weight
            if name is not None and weight.shape == gone[name].shape and name not in compared:
                compared.add(name)
                assert not weight[gone[name]].any(), (
                    f"{name}: {np.count_nonzero(weight[gone[name]])} zeros are synapses"
                )
                assert weight.any()
    assert compared == set(maps.values())


@pytest.mark.parametrize("seed", range(3))
def test_zeros_of_a_network_for_xylo_stay_zero(seed):
    random = np.random.default_rng(seed)
    source, gone = pruned(dense(random, cuba, reset="subtract"), random, 0.6)
    program = compile_source(source, "xylo2", raster(source, random)).program
    for population, name in (("one", "fc1"), ("two", "fc2")):
        weight = program.by_name[population].inputs[0].wiring.weight
        assert weight.any()
        assert not weight[gone[name]].any()


@pytest.mark.parametrize("sweeps", [0, 4])
def test_rounding_that_compensates_leaves_zeros_and_still_beats_the_nearest(sweeps):
    random = np.random.default_rng(0)
    weight, mixing = random.normal(size=(20, 60)), random.normal(size=(60, 60))
    weight[random.random(weight.shape) < 0.7] = 0
    inputs = np.maximum(0, random.normal(size=(4000, 60)) @ mixing)
    second = inputs.T @ inputs / len(inputs)
    grid, r = grid_for(weight, 4, "loihi"), np.full(20, 60.0)
    made, _ = compensating(weight, r, grid, spread_of(second), sweeps=sweeps)
    assert not made[weight == 0].any()

    def cost(mantissas):
        error = mantissas / r[:, None] - weight
        return np.einsum("ij,jk,ik->i", error, second, error)

    nearest = np.clip(np.rint(weight * r[:, None] / grid.step), grid.low, grid.high) * grid.step
    assert cost(made).sum() < 0.8 * cost(nearest).sum()


def test_a_weight_that_is_small_but_not_zero_still_takes_over():
    random = np.random.default_rng(3)
    weight = random.normal(size=(8, 30))
    weight[:, ::3] *= 1e-12
    second = np.cov(random.normal(size=(30, 30)) @ random.normal(size=(30, 200)))
    grid, r = grid_for(weight, 4, "loihi"), np.full(8, 60.0)
    made, _ = compensating(weight, r, grid, spread_of(second))
    assert made[:, ::3].any(), "a weight that is small, not zero, takes over what others lost"
