"""Wrong readings that must be seen: each change of the reference, of reading or of lowering breaks a recording."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from snn2hw.network import lowering, maps, neurons, nir_border
from snn2hw.network.float_reference import float_reference
from snn2hw.sources import order
from snn2hw.sources.from_nir import dialect_rules, from_nir
from snn2hw.sources.graph import assemble
from tests.network.interpreter.walk import float_reference as node_by_node
from tests.network.test_lowering import loop, pooled
from tests.sources.nir_nets import cases, rasters, recorded, written
from tests.sources.nir_nets import source as source_of


def strict_for_all(neuron, v):
    return neurons_fire(replace(neuron, fires_at=">"), v)


def loose_for_all(neuron, v):
    return neurons_fire(replace(neuron, fires_at=">="), v)


def one_spike_a_step(neuron, v):
    return np.minimum(neurons_fire(neuron, v), 1)


def reset_to_zero(neuron, v, z):
    return np.where(z > 0, 0.0, v)


def input_after_decay(neuron, c, state, x):
    late = replace(c, gain_i=c.gain_i * c.keep_i) if (c.keep_i > 0).any() else c
    return neurons_advance(neuron, late, state, x)


def euler_always(tau, dt, scheme):
    return neurons_leak(tau, dt, "euler")


def no_unit(x):
    return x * (1 - 1e-12)


neurons_fire, neurons_advance, neurons_leak = neurons._fire, neurons.advance, neurons.leak

MUTANTS = {
    "> for >=": (neurons, "_fire", strict_for_all),
    ">= for >": (neurons, "_fire", loose_for_all),
    "at most one spike": (neurons, "_fire", one_spike_a_step),
    "reset to zero": (neurons, "_reset", reset_to_zero),
    "Euler for exp": (nir_border, "leak", euler_always),
    "input weights a little below 1": (neurons, "_near_unit", no_unit),
    "no edge is late": (order, "_edges_back", lambda *_: set()),
    "gains as written": (dialect_rules, "_unit_gains", lambda *_: None),
}


def differs(case, folder):
    kept = recorded(case)
    try:
        output = float_reference(from_nir(written(folder, kept.file), **kept.how), kept.rasters).output
    except Exception:  # a loop that nothing orders any more is noticed as well
        return True
    if kept.outputs.dtype.kind == "f":
        return not np.allclose(output, kept.outputs, rtol=1e-5, atol=1e-5)
    return not np.array_equal(output, kept.outputs)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_seen_by_a_recording(name, monkeypatch, tmp_path):
    module, function, mutant = MUTANTS[name]
    monkeypatch.setattr(module, function, mutant)
    assert any(differs(case, tmp_path) for case in cases())


def test_the_input_that_jumps_after_the_decay_is_seen(monkeypatch, tmp_path):
    import snn2hw.network.float_reference

    monkeypatch.setattr(snn2hw.network.float_reference, "advance", input_after_decay)
    assert any(differs(case, tmp_path) for case in cases())


def spikes_differ(s, x):
    a, b = node_by_node(s, x), float_reference(s, x)
    return any(np.abs(a.v[name] - b.v[name]).max() > 1e-9 for name in a.v)


def test_a_pool_folded_where_it_may_not_be_is_seen(monkeypatch):
    monkeypatch.setattr(maps, "_padding_reads_nothing", lambda *_: True)
    assert spikes_differ(pooled(7), rasters(np.random.default_rng(1), (1, 7, 7)))


def test_a_bias_that_comes_a_step_late_is_seen(monkeypatch):
    @dataclass(frozen=True, eq=False)
    class LateBias(lowering._Gathered):
        def __post_init__(self):
            object.__setattr__(self, "bias_lag", self.lag)

    monkeypatch.setattr(lowering, "_Gathered", LateBias)
    s = source_of(assemble(*loop(np.full(4, 0.3))))
    assert spikes_differ(s, rasters(np.random.default_rng(0), (3,)))
