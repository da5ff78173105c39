"""With wide weights the program is the float network: every neuron, reset, bias, loop and delay of it."""

from functools import partial

import numpy as np
import pytest

from sim.engines import run
from snn2hw.compiler.compile import compile_source
from snn2hw.compiler.explain import explain
from snn2hw.compiler.options import Options
from snn2hw.compiler.report import measure
from snn2hw.network.float_reference import float_reference
from snn2hw.sources import Semantics
from tests.compiler.networks import Builder, convolutional, cuba, dense, lif, nir, raster, readout, recurrent

LATE = Semantics(name="late", reset_at="after_decay")
NETWORKS = {
    "lif": dense,
    "lif with bias": partial(dense, bias=0.5),
    "leak and reset": partial(dense, neuron=partial(lif, v_leak=0.3, v_reset=-0.2), bias=0.5),
    "cuba": partial(dense, neuron=cuba),
    "cuba with bias": partial(dense, neuron=cuba, bias=0.5),
    "cuba with leak and reset": partial(dense, neuron=partial(cuba, v_leak=0.3, v_reset=-0.2)),
    "subtract": partial(dense, reset="subtract"),
    "subtract late": partial(dense, reset="subtract", semantics=LATE),
    "cuba subtract late": partial(dense, neuron=cuba, reset="subtract", semantics=LATE),
    "convolutional": convolutional,
    "recurrent": recurrent,
    "recurrent lif": partial(recurrent, neuron=lif),
}


def _spikes_agree(source, data, options=None):
    """Return the share of equal neuron-steps over all firing populations."""
    compiled = compile_source(source, "fixed", data, weight_bits=16, options=options)
    ideal = float_reference(source, data)
    trace = run(compiled.program, data)
    equal = total = 0
    for made in compiled.layers:
        if made.population.fires:
            wanted = ideal.spikes[made.layer.node]
            equal += int((trace.spikes[made.population.name].reshape(wanted.shape) == wanted).sum())
            total += wanted.size
    return equal / total


@pytest.mark.parametrize("name", NETWORKS)
def test_wide_weights_give_the_float_networks_spikes(name):
    rng = np.random.default_rng(7)
    source = NETWORKS[name](rng)
    assert _spikes_agree(source, raster(source, rng)) > 0.995


def test_a_bias_behind_a_filter_is_exact_on_an_axon_and_as_a_preset_but_not_in_the_register_alone():
    rng = np.random.default_rng(0)
    source = dense(rng, cuba, bias=0.8)
    data = raster(source, rng, samples=20)
    shares = {way: _spikes_agree(source, data, Options(bias=way)) for way in ("axon", "preset", "register")}
    assert min(shares["axon"], shares["preset"]) > 0.999
    assert shares["register"] < 0.995


def test_an_always_on_axon_is_counted_synop_by_synop():
    rng = np.random.default_rng(0)
    source = dense(rng, cuba, bias=0.8)
    data = raster(source, rng, samples=2, steps=30)
    program = compile_source(source, "loihi1", data).program
    counts = run(program, data).counts
    axon = [c.source for c in program.by_name["one"].inputs].index("one.on")
    np.testing.assert_array_equal(counts.synops_by_connection["one"][axon], [16 * 30] * 2)
    np.testing.assert_array_equal(counts.spikes["one.on"], [30] * 2)


def test_max_pooling_of_spikes_is_an_or():
    rng = np.random.default_rng(1)
    source = convolutional(rng)
    data = raster(source, rng)
    program = compile_source(source, "loihi1", data).program
    trace = run(program, data)
    lif1 = trace.spikes["lif1"][..., :10, :8]
    pooled = lif1.reshape(*lif1.shape[:3], 5, 2, 4, 2).max(axis=(4, 6))
    np.testing.assert_array_equal(trace.spikes["or"], pooled)
    assert pooled.any()
    assert not pooled.all()


def test_one_dimensional_signals_get_a_height_of_one():
    rng = np.random.default_rng(3)
    b = Builder(rng)
    b.add("input", nir.Input(np.array([2, 30])))
    b.add("conv", nir.Conv1d(None, b.normal(4, 2, 5, scale=1.0), 2, 1, 1, 1, np.zeros(4)), "input")
    b.add("lif", lif(), "conv")
    b.add("fc", nir.Linear(b.normal(3, 4 * 14, scale=0.5)), b.add("flat", nir.Flatten(None, 0, -1), "lif"))
    source = b.source(b.add("out", readout(), "fc"))
    data = raster(source, rng)
    compiled = compile_source(source, "fixed", data, weight_bits=16)
    assert compiled.program.input.shape == (2, 1, 30)
    assert compiled.program.by_name["lif"].shape == (4, 1, 14)
    report = measure(compiled, data, engine="reference")
    assert report.rows[0].agreement is not None
    assert report.rows[0].agreement > 0.999


def test_a_readouts_v_is_in_volts_what_the_record_says():
    rng = np.random.default_rng(5)
    source = convolutional(rng)
    data = raster(source, rng)
    program = compile_source(source, "fixed", data, weight_bits=16).program
    said = program.record["scales"]["readout"]
    volts = said["unit"] * run(program, data).output / (64 * said["scale"]) + said["origin"]
    ideal = float_reference(source, data).output
    assert np.abs(volts - ideal).max() < 0.02 * np.abs(ideal).max()


@pytest.mark.parametrize("name", ["lif with bias", "cuba with bias", "convolutional", "recurrent"])
def test_every_difference_to_the_float_network_has_a_root_at_the_threshold(name):
    rng = np.random.default_rng(11)
    source = NETWORKS[name](rng)
    data = raster(source, rng, samples=20)
    compiled = compile_source(source, "fixed", data, weight_bits=16)
    for made, row in zip([m for m in compiled.layers if m.population.fires], explain(compiled, data), strict=True):
        assert row.different < 0.01 * row.neuron_steps
        assert row.roots <= row.different
        assert row.root_distance <= 0.003 * made.population.vth.max()
        assert row.own_distance <= 2
        assert max(row.root_units, row.own_units) <= 1
