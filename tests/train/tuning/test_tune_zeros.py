"""Tuning moves weights, and never one that was pruned: what is no synapse does not become one."""

import numpy as np

from snn2hw.compiler.compile import compile_source
from snn2hw.train.tuning.tune_fit import Samples, tune_compiled
from snn2hw.train.tuning.tune_recipe import TuneRecipe
from tests.compiler.networks import Builder, lif, nir, readout


def test_zeros_stay_zero_while_the_rest_learns():
    random = np.random.default_rng(0)
    data = (random.random((200, 12, 16)) < 0.4).astype(np.uint8)
    labels = random.integers(0, 4, 200)
    first, second = random.normal(size=(16, 16)) * 1.5, random.normal(size=(4, 16))
    gone = random.random(first.shape) < 0.7
    first[gone] = 0
    b = Builder(random)
    b.add("input", nir.Input(np.array([16])))
    b.add("lif", lif(), b.add("fc1", nir.Linear(first), "input"))
    source = b.source(b.add("out", readout(), b.add("fc2", nir.Linear(second), "lif")))
    compiled = compile_source(source, "loihi1", data, weight_bits=4)
    recipe = TuneRecipe(epochs=4, rate=0.05, validation=0.0, decoder="mean")
    tuned = tune_compiled(compiled, Samples(data, labels), recipe)
    before, after = (p.by_name["lif"].inputs[0].wiring.weight for p in (compiled.program, tuned.program))
    assert (before[~gone] != after[~gone]).any()
    assert not after[gone].any()
