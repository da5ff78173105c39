"""Networks compiled for xylo2: what the chip sends is near what the float network sends, on samples it has not seen."""

import numpy as np
import pytest

import snn2hw as sw
from exporters.xylo.specification import specify
from sim.engines import run
from sim.errors import InputError, UnsupportedError
from snn2hw.chips.preflight import check
from snn2hw.compiler.checker import check_certificate
from snn2hw.compiler.compile import compile_source
from snn2hw.compiler.xylo.real import nearest_dash
from snn2hw.network.float_reference import float_reference
from tests.compiler.xylo_networks import events, feed_forward, norse_like, recurrent

NETWORKS = {"feed-forward": feed_forward, "biased": lambda: feed_forward(1, bias=0.03), "recurrent": recurrent}


def _off(compiled, source, raster):
    """Return by how much the spike counts of each hidden population differ, as a part of all spikes."""
    trace, real = run(compiled.program, raster), float_reference(source, raster)
    found = []
    for p in compiled.machine.populations[:-1]:
        wanted = real.spikes[p.node].sum(axis=1)
        sent = trace.spikes[p.name].sum(axis=1, dtype=float).reshape(wanted.shape)
        found.append(np.abs(sent - wanted).sum() / wanted.sum())
    return max(found)


@pytest.mark.parametrize("name", NETWORKS)
def test_spike_counts_stay_near_the_float_networks(name):
    source = NETWORKS[name]()
    joint = compile_source(source, "xylo2", events(0), messages=(0, 15))
    alone = compile_source(source, "xylo2", messages=(0, 15))
    seen = events(1)
    assert _off(joint, source, seen) < 0.04
    assert _off(joint, source, seen) < _off(alone, source, seen) / 3  # data calibrate all thresholds together


@pytest.mark.parametrize("name", NETWORKS)
def test_the_chip_holds_it_and_the_certificate_is_confirmed(name):
    compiled = compile_source(NETWORKS[name](), "xylo2", events(0))
    assert specify(compiled.program).arguments["weights_in"].shape[0] == 16
    assert check_certificate(compiled.program, compiled.certificate.to_json()) == []
    exponents = {
        (c.source == "input", p is compiled.program.output): set()
        for p in compiled.program.populations
        for c in p.inputs
    }
    for p in compiled.program.populations:
        for c in p.inputs:
            exponents[c.source == "input", p is compiled.program.output].add(c.exponent)
    assert all(len(shared) == 1 for shared in exponents.values())


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_saturates_on_the_calibration_data(name):
    data = events(0)
    clips = run(compile_source(NETWORKS[name](), "xylo2", data).program, data).counts.clips
    assert not any(counts.any() for counts in clips.values())


def test_a_late_layer_starts_in_the_state_its_bias_has_made():
    program = sw.compile(feed_forward(1, bias=0.03), target="xylo2", data=events(0))
    assert program.by_name["n1"].v0.any()
    assert not program.by_name["n0"].v0.any()


def test_neurons_of_one_spike_a_step_compile_too():
    source = norse_like()
    assert _off(compile_source(source, "xylo2", events(0), messages=(0, 15)), source, events(1)) < 0.15


def test_fewer_bits_are_kept():
    program = sw.compile(feed_forward(), target="xylo2", data=events(0), weight_bits=4)
    assert max(int(np.abs(c.wiring.weight).max()) for p in program.populations for c in p.inputs) == 7


def test_decays_are_the_nearest_shifts():
    assert nearest_dash(np.array([0.0, 1 / 12, 0.3, 1.0]), 1).tolist() == [15, 4, 2, 1]


def test_what_it_cannot_do_is_refused_by_name():
    with pytest.raises(InputError, match="Xylo: weights of one matrix share a shift"):
        sw.compile(feed_forward(), target="xylo2", scale=1.0)
    source = feed_forward(sizes=(16, 1200, 4))
    assert any("1,204" in str(p) or "cores" in str(p) for p in check(source, "xylo2"))
    with pytest.raises(UnsupportedError, match="17 inputs, a Xylo chip has 16"):
        specify(sw.compile(feed_forward(sizes=(17, 8, 4)), target="xylo2"))
