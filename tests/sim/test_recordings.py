"""Recordings of a chip and of its maker's simulator come out of the machine."""

import numpy as np
import pytest

from sim.engines import run
from sim.program import Connection, Dense, Input, Population, Program
from sim.trace import RECORDABLE
from tests.recordings import dense_layer, recordings, tinynet

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
    program, raster, recorded = dense_layer()
    trace = run(program, raster, record=RECORDABLE)
    np.testing.assert_array_equal(trace.spikes["lif"][0, : len(recorded["lif"])], recorded["lif"])
    assert int(recorded["lif"].sum()) == 1826


def test_a_trained_conv_net_spikes_as_recorded_in_both_layers():
    program, raster, recorded = tinynet()
    trace = run(program, raster, record=RECORDABLE)
    for layer, spikes in recorded.items():
        np.testing.assert_array_equal(trace.spikes[layer][0], spikes)
        assert spikes.any()


@pytest.mark.parametrize("wrong", ["ge", "floor"])
def test_the_recordings_would_notice_wrong_arithmetic(wrong, monkeypatch):
    from sim.arithmetic import loihi

    if wrong == "floor":
        monkeypatch.setattr(loihi, "decay", lambda x, d: (x * (4096 - d)) >> 12)
        recorded, _, v = _single("lif_lava_cpu_fixed.csv")
        np.testing.assert_array_equal(v, recorded[:, 1])  # all positive: floor is truncation
        with pytest.raises(AssertionError):
            test_a_trained_dense_layer_spikes_as_recorded()
    else:
        original = Population.__init__
        monkeypatch.setattr(
            Population,
            "__init__",
            lambda self, *a, **k: original(self, *a, **{**k, "vth": k["vth"] - 1}),
        )
        with pytest.raises(AssertionError):
            test_a_trained_conv_net_spikes_as_recorded_in_both_layers()
