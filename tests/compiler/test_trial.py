"""Layers that count: the trial is the network itself, and what it settles comes nearer to it."""

from dataclasses import replace

import numpy as np
import pytest

from sim.arithmetic import DECAY_ONE
from snn2hw.chips.target import get_target
from snn2hw.compiler.compile import compile_source, prepare
from snn2hw.compiler.trial import FloatTrial, is_tried, settled, trial_of
from snn2hw.network.registers import RealPopulation, machine_of
from snn2hw.sources import Semantics
from snn2hw.sources.from_nir import from_nir
from tests.sources.nir_nets import chain, lif, recorded, source, written

COUNTING = ("sinabs/lif", "sinabs/conv", "sinabs/lif_single", "rockpool/lif", "rockpool/lif_neuron")
MANY = 1000


def tried(name, folder) -> tuple[FloatTrial, list[RealPopulation]]:
    kept = recorded(name)
    machine = machine_of(from_nir(written(folder, kept.file), **kept.how))
    trial = trial_of(machine, kept.rasters.astype(np.int32))
    assert trial is not None
    return trial, [p for p in machine.populations if is_tried(p)]


def as_it_is(layer: RealPopulation) -> RealPopulation:
    """The layer with its constants in its drive, as the compiler places them where no synapse filters them."""
    at_once = sum((a.values for a in layer.always), np.zeros(layer.shape))
    return replace(layer, drive=layer.drive + at_once, always=())


@pytest.mark.parametrize("name", COUNTING)
def test_a_trial_with_the_networks_own_weights_sends_the_networks_own_messages(name, tmp_path):
    trial, layers = tried(name, tmp_path)
    assert layers
    for layer in layers:
        most = MANY if layer.many else 1
        differing = trial.differing(as_it_is(layer), layer.links, most)
        assert differing.sum() <= 0.001 * trial.messages[layer.name].size  # a threshold met to the last bit of float64
        louder = [replace(k, map=replace(k.map, weight=1.1 * k.map.weight)) for k in layer.links]
        assert trial.differing(as_it_is(layer), louder, most).sum() > differing.sum() + 5


@pytest.mark.parametrize("name", ["sinabs/lif", "rockpool/lif", "rockpool/lif_neuron"])
def test_settled_decays_come_nearer_than_the_nearest_ones_on_data_that_nobody_has_seen(name, tmp_path):
    kept, rng = recorded(name), np.random.default_rng(3)
    machine = machine_of(from_nir(written(tmp_path, kept.file), **kept.how))
    seen, fresh = (trial_of(machine, (rng.random((n, 40, 8)) < 0.4).astype(np.int32)) for n in (10, 60))
    assert seen is not None
    assert fresh is not None
    off = {"settled": 0, "nearest": 0}
    for layer in map(as_it_is, filter(is_tried, machine.populations)):
        made = settled(layer, seen)
        for share in (made.share_u, made.share_v):
            np.testing.assert_array_equal(share * DECAY_ONE, np.rint(share * DECAY_ONE))
        near = {which: np.rint(getattr(layer, which) * DECAY_ONE) / DECAY_ONE for which in ("share_u", "share_v")}
        off["settled"] += int(fresh.differing(made, layer.links, MANY).sum())
        off["nearest"] += int(fresh.differing(replace(layer, **near), layer.links, MANY).sum())
    assert off["settled"] <= off["nearest"]
    assert off["settled"] < 0.5 * off["nearest"] or off["nearest"] < 20


def test_a_gain_changes_the_threshold_and_not_what_a_potential_means(tmp_path):
    trial, (layer, *_) = tried("rockpool/lif", tmp_path)
    made = settled(layer, trial)
    assert not np.array_equal(made.threshold, layer.threshold)
    np.testing.assert_allclose(made.threshold * made.unit, layer.threshold * layer.unit, rtol=1e-12)
    assert np.abs(made.threshold / layer.threshold - 1).max() < 0.01


def test_networks_that_do_not_count_have_no_trial():
    plain = source(chain(lif(3), shape=(3,)))
    data = np.ones((2, 8, 3), np.uint8)
    assert prepare(machine_of(plain), get_target("loihi2"), data).trial is None
    many = source(chain(lif(3), shape=(3,)), reset="subtract", semantics=Semantics("x", ">=", "many"))
    assert prepare(machine_of(many), get_target("loihi2"), data).trial is not None
    assert prepare(machine_of(many), get_target("loihi2")).trial is None


def test_sums_of_layers_that_count_are_not_shifted_right(tmp_path):
    kept = recorded("rockpool/lif")
    found = from_nir(written(tmp_path, kept.file), **kept.how)
    program = compile_source(found, "fixed", kept.rasters.astype(np.int32), weight_bits=16).program
    assert all(c.exponent >= 0 for p in program.populations for c in p.inputs)
