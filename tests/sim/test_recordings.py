"""Recordings of a chip and of its maker's simulator come out of the machine."""

import nir
import numpy as np
import pytest

from sim.engines import run
from sim.program import Connection, Conv, Dense, Input, Population, Program
from sim.trace import RECORDABLE
from tests.recordings import recordings

SPIKES = [461, 511, 711, 761]


def _single(name: str, dv: int = 163):
    columns = np.loadtxt(recordings("cases", "lif_single", name), delimiter=",").astype(np.int64)
    lif = Population("lif", (1,), (Connection("input", Dense([[10]])),), vth=25, du=4095, dv=dv)
    trace = run(Program(Input((1,)), (lif,)), columns[None, :, :1], record=RECORDABLE)
    lag = 1  # the recording trails its input by one step
    return columns[lag:], trace.spikes["lif"][0, :-lag, 0], trace.v["lif"][0, :-lag, 0]


def test_a_loihi_chip_spikes_and_integrates_as_the_machine_does():
    recorded, spikes, v = _single("lif_lava_loihi_fixed.csv")
    np.testing.assert_array_equal(spikes, recorded[:, 2])
    assert np.flatnonzero(recorded[:, 2]).tolist() == [s - 1 for s in SPIKES]
    quiet = recorded[:, 2] == 0  # on a spike step the chip's probe reads 128, the state is 0
    np.testing.assert_array_equal(v[quiet], recorded[quiet, 1])
    assert set(recorded[~quiet, 1]) == {128}
    assert set(v[~quiet]) == {0}


def test_lava_on_a_cpu_agrees_on_every_step():
    recorded, spikes, v = _single("lif_lava_cpu_fixed.csv")
    np.testing.assert_array_equal(spikes, recorded[:, 2])
    np.testing.assert_array_equal(v, recorded[:, 1])


def test_the_other_decay_gives_the_same_spikes_and_another_v():
    recorded, spikes, v = _single("lif_lava_cpu_fixed.csv", dv=164)
    np.testing.assert_array_equal(spikes, recorded[:, 2])
    assert (v != recorded[:, 1]).any()


def test_a_trained_dense_layer_spikes_as_recorded():
    graph = nir.read(recordings("cases", "dense_layer", "B1_dense_200_256.nir"))
    io = np.load(recordings("cases", "dense_layer", "B1_io.npz"))
    weight = graph.nodes["fc"].weight.astype(np.int64)
    layer = Population("lif", (256,), (Connection("input", Dense(weight)),), vth=6, du=4095, dv=415)
    trace = run(Program(Input((200,)), (layer,)), io["input"][None])
    lag = int(io["lag"])
    np.testing.assert_array_equal(trace.spikes["lif"][0, : len(io["output"]) - lag], io["output"][lag:])
    assert int(io["output"].sum()) == 1826


def test_a_trained_conv_net_spikes_as_recorded_in_both_layers():
    graph = nir.read(recordings("cases", "tinynet", "B3_tinynet.nir"))
    io = np.load(recordings("cases", "tinynet", "B3_io.npz"))
    populations = []
    for conv, neuron, source, shape in (("c1", "l1", "input", (24, 6, 6)), ("c2", "l2", "l1", (36, 1, 1))):
        node = graph.nodes[conv]
        wiring = Conv(node.weight.astype(np.int64), stride=tuple(node.stride), padding=tuple(node.padding))
        bias = node.bias.astype(np.int64)[:, None, None]  # in threshold units: mantissa b, exponent 6
        populations.append(
            Population(
                neuron, shape, (Connection(source, wiring),), vth=25, dv=1024, bias_mantissa=bias, bias_exponent=6
            )
        )
    trace = run(Program(Input((3, 16, 16)), tuple(populations)), io["input"][None])
    np.testing.assert_array_equal(trace.spikes["l1"][0], io["layer1"])
    np.testing.assert_array_equal(trace.spikes["l2"][0], io["output"])
    assert io["output"].any()


@pytest.mark.parametrize("wrong", ["ge", "floor"])
def test_the_recordings_would_notice_wrong_arithmetic(wrong, monkeypatch):
    import sim.reference as reference

    if wrong == "floor":
        monkeypatch.setattr(reference, "decay", lambda x, d: (x * (4096 - d)) >> 12)
        recorded, _, v = _single("lif_lava_cpu_fixed.csv")
        np.testing.assert_array_equal(v, recorded[:, 1])  # all positive: floor is truncation
        with pytest.raises(AssertionError):
            test_a_trained_dense_layer_spikes_as_recorded()
    else:
        monkeypatch.setattr(reference, "VTH_SHIFT", 6)
        original = reference.Population.__init__
        monkeypatch.setattr(
            reference.Population,
            "__init__",
            lambda self, *a, **k: original(self, *a, **{**k, "vth": k["vth"] - 1}),
        )
        with pytest.raises(AssertionError):
            test_a_trained_conv_net_spikes_as_recorded_in_both_layers()
