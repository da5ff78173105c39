"""Float networks of a Xylo chip's form: 16 inputs, hidden neurons with synapses, an output layer."""

from itertools import pairwise

import nir
import numpy as np

from snn2hw.sources import NORSE, Semantics
from tests.compiler.networks import DT, Builder

MANY = Semantics(name="rockpool", fires_at=">=", spikes_per_step="many")


def _neuron(size, tau_mem, tau_syn, rng=None):
    def around(tau):
        return np.full(size, tau) if rng is None else tau * rng.uniform(0.8, 1.25, size)

    syn, mem = around(tau_syn), around(tau_mem)
    gain = mem / DT  # an input of 1 jumps the potential by about 1
    ones = np.ones(size)
    return nir.CubaLIF(syn, mem, gain, 0 * ones, ones, v_reset=0 * ones, w_in=syn / DT)


def feed_forward(seed=0, sizes=(16, 60, 40, 4), tau_syn=3e-3, *, bias=0.0, semantics=MANY):
    """Return a chain of dense layers whose decays are no powers of two."""
    rng = np.random.default_rng(seed)
    b = Builder(rng)
    last = b.add("input", nir.Input(np.array([sizes[0]])))
    for i, (into, out) in enumerate(pairwise(sizes)):
        weight = rng.normal(0.2, 1.0, (out, into)) * (0.5 if i == 0 else 0.3) / np.sqrt(into)
        last = b.add(f"fc{i}", nir.Affine(weight, rng.normal(0, bias, out) if bias else np.zeros(out)), last)
        last = b.add(f"n{i}", _neuron(out, 12e-3, tau_syn, rng), last)
    return b.source(last, reset="subtract", semantics=semantics)


def recurrent(seed=0, hidden=50, *, semantics=MANY):
    """Return 16 -> hidden with a loop -> 4."""
    rng = np.random.default_rng(seed)
    b = Builder(rng)
    b.add("input", nir.Input(np.array([16])))
    b.add("fc", nir.Linear(rng.normal(0.4, 1.0, (hidden, 16)) * 0.15), "input")
    b.add("loop", nir.Linear(rng.normal(0.0, 1.0, (hidden, hidden)) * 0.2 / np.sqrt(hidden)), "hidden")
    b.add("hidden", _neuron(hidden, 15e-3, 4e-3, rng), "fc", "loop")
    b.add("fc2", nir.Linear(rng.normal(0.3, 1.0, (4, hidden)) * 0.02), "hidden")
    return b.source(b.add("out", _neuron(4, 15e-3, 4e-3), "fc2"), reset="subtract", semantics=semantics)


def norse_like(seed=0):
    """Return a chain whose neurons send one spike a step, strictly above their thresholds."""
    return feed_forward(seed, semantics=NORSE)


def events(seed=0, samples=8, steps=100, rate=0.15):
    """Return counts of input events, a few at a time."""
    rng = np.random.default_rng(seed)
    return rng.integers(1, 4, (samples, steps, 16)) * (rng.random((samples, steps, 16)) < rate)
